# What was trained on: the share of each domain in the tokens of every interval as stacked areas, a panel a policy, mean over seeds.
#   gnuplot -c exposure.gp <out.svg|png|pdf> <exposure.tsv> [<x>]
# Table: policy line from to <domain>... (panels.gp); from and to in tokens. <x>: name of that axis. Exit 3: a table is missing or of
# another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
table = given(2, "")
x_name = given(3, "tokens seen")
folder = ARG0[1:slash(ARG0)]
call folder."panels.gp" (table)
call folder."common.gp" ARG1 (int(W)) (int(H))
if (!usable(table, "policy line from to ")) {
  print table.": no table, or no rows, with columns policy line from to and the domains"
  exit status 3
}
stats table using 4 nooutput
most = STATS_max
unit = unit_of(most, x_name)
x_name = x_name.in_units(unit)
upto(k) = sum [j=5:k+4] column(j)
title(k) = word(header(table), k + 4)

set output part
set multiplot
set xrange [0:most/unit]
set xtics nice(most/unit/3)
set yrange [0:1]
set ytics 0.25
set border 3 front
set tics front
unset grid
do for [p=1:panels] {
  set lmargin at screen x0(p)
  set rmargin at screen x0(p) + panel_wide/W
  set bmargin at screen y0(p)
  set tmargin at screen y0(p) + panel_high/H
  if (p == 1) { set label 2 "share of tokens" at screen 18.0/W, screen middle center rotate by 90 } else { unset label 2 }
  set label 1 cut(heading[p]) at graph 0,1.09 left textcolor rgb "#222222"
  if (column_of(p) == 0) { set format y "%g" } else { set format y "" }
  if (lowest(p)) { set xlabel x_name; set format x "%g" } else { unset xlabel; set format x "" }
  if (p == 1) { set key at screen key_x, y0(1) + panel_high/H left top vertical maxcols 1 samplen 1.5 } else { unset key }
  plot for [i=names:1:-1] stretches(table, 3) index p-1 using ($4/unit):(upto(i)) with filledcurves y1=0 \
         fillstyle solid 1 noborder linecolor rgb colour[2 + (i - 1) % 7] title title(i)
}
unset multiplot
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

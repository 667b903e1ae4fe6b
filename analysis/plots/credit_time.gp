# Credit over time: what an estimator holds each agent's picks to be worth, a panel a policy, a line an agent, mean over seeds.
#   gnuplot -c credit_time.gp <out.svg|png|pdf> <credit.tsv> [<quantity> [<x> [<low> <high>]]]
# Table: policy line from to <agent>... (panels.gp); from and to in tokens, NaN where nothing was measured. <quantity>, <x>: names of the
# axes. All panels have one scale, from <low> to <high>; without these, that of all numbers. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
table = given(2, "")
quantity = given(3, "credit")
x_name = given(4, "tokens seen")
folder = ARG0[1:slash(ARG0)]
call folder."panels.gp" (table)
call folder."common.gp" ARG1 (int(W)) (int(H))
if (!usable(table, "policy line from to ")) {
  print table.": no table, or no rows, with columns policy line from to and the agents"
  exit status 3
}
stats table using 4 nooutput
most = STATS_max
unit = unit_of(most, x_name)
x_name = x_name.in_units(unit)
title(k) = word(header(table), k + 4)
low = real(given(5, "0"))
high = real(given(6, "0"))
if (low == high) {
  do for [i=1:names] {
    stats table using (strcol(i + 4) eq "NaN" ? 0 : column(i + 4)) nooutput
    low = STATS_min < low ? STATS_min : low
    high = STATS_max > high ? STATS_max : high
  }
}
margin = high > low ? 0.05*(high - low) : 1

set output part
set multiplot
set xrange [0:most/unit]
set xtics nice(most/unit/3)
set yrange [low - margin:high + margin]
do for [p=1:panels] {
  set lmargin at screen x0(p)
  set rmargin at screen x0(p) + panel_wide/W
  set bmargin at screen y0(p)
  set tmargin at screen y0(p) + panel_high/H
  if (p == 1) { set label 2 quantity at screen 18.0/W, screen middle center rotate by 90 } else { unset label 2 }
  set label 1 cut(heading[p]) at graph 0,1.09 left textcolor rgb "#222222"
  if (column_of(p) == 0) { set format y "%g" } else { set format y "" }
  if (lowest(p)) { set xlabel x_name; set format x "%g" } else { unset xlabel; set format x "" }
  if (p == 1) { set key at screen key_x, y0(1) + panel_high/H left top vertical maxcols 1 samplen 2 } else { unset key }
  plot 0 with lines linetype 1 linewidth 1 linecolor rgb "#888888" notitle, \
       for [i=1:names] stretches(table, 3) index p-1 using ($4/unit):(strcol(i + 4) eq "NaN" ? NaN : column(i + 4)) with lines \
         linetype i + 1 linewidth 1.6 title title(i)
}
unset multiplot
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

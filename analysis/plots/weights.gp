# The agents' weights over time as stacked areas, one figure a policy: mean over seeds above, one run of it below.
#   gnuplot -c weights.gp <out.svg|png|pdf> <mean.tsv> [<one run.tsv> [<title of the mean> [<title of the run> [<x>]]]]
# Tables: interval from to <agent>..., a line an interval; from and to in tokens. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
panels = strlen(given(3, "")) > 0 ? 2 : 1
call ARG0[1:slash(ARG0)]."common.gp" ARG1 760 (panels == 2 ? 560 : 330)
do for [i=2:panels+1] {
  if (!usable(ARGV[i], "interval from to ")) {
    print ARGV[i].": no table, or no rows, with columns interval from to and the agents"
    exit status 3
  }
}
table(p) = ARGV[p + 1]
title(p) = given(p + 3, p == 1 ? "mean" : "one run")
x_name = given(6, "tokens seen")

names = header(ARG2)
agents = words(names) - 3
longest = 0
do for [i=1:agents] { longest = strlen(word(names, i + 3)) > longest ? strlen(word(names, i + 3)) : longest }
stats ARG2 using 3 nooutput
most = STATS_max
unit = unit_of(most, x_name)
x_name = x_name.in_units(unit)
upto(k) = sum [j=4:k+3] column(j)

set output part
set lmargin 10
set rmargin 0.85*longest + 10
set xrange [0:most / unit]
set yrange [0:1]
set ytics 0.25
set ylabel "weight"
set key at graph 1.03,1 left top vertical maxcols 1 samplen 1.5
set border 3 front
set tics front
unset grid
if (panels == 2) { set multiplot }
do for [p=1:panels] {
  if (panels == 2) {
    set size 1,(p == 1 ? 0.48 : 0.52)
    set origin 0,(p == 1 ? 0.52 : 0)
    set bmargin (p == 1 ? 1 : 3.2)
    set tmargin 2
  }
  if (p == panels) { set xlabel x_name; set format x "%g" } else { set format x "" }
  if (p == 2) { unset key }
  set label 1 title(p) at graph 0,1.07 left textcolor rgb "#555555"
  # Drawn from the top downwards, so that each area covers the rest of the one above.
  plot for [i=agents:1:-1] stretches(table(p), 2) using ($3/unit):(upto(i)) with filledcurves y1=0 \
         fillstyle solid 1 noborder linecolor rgb colour[2 + (i - 1) % 7] title word(names, i + 3)
}
if (panels == 2) { unset multiplot }
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

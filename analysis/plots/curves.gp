# Loss against tokens with bands, and below it the difference to the baseline, paired by seed. Also draws other quantities with bands:
# reward, regret, loss against FLOPs.
#   gnuplot -c curves.gp <out.svg|png|pdf> <curves.tsv> [<differences.tsv> [<baseline> [<band> [<quantity> [<x> [<sense>]]]]]]
# <band>: what the bands are, e.g. "95% intervals, 5 seeds"; <quantity>, <x>: names of the axes; <sense>: "below zero: better".
# Tables: policy line tokens mean lo hi n, the policies one after another with two empty lines between, those of line 0 (key.gp) first;
# NaN where there is no band.
# Without a second table (or with an empty name) the lower panel is left out. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
paired = strlen(given(3, "")) > 0
folder = ARG0[1:slash(ARG0)]
call folder."key.gp" given(2, "") ""
call folder."common.gp" ARG1 (760 + 8*more(longest, 18)) ((paired ? 720 : 430) + (paired ? 34 : 18)*more(entries, 16))
do for [i=2:(paired ? 3 : 2)] {
  if (!usable(ARGV[i], "policy line tokens mean lo hi")) {
    print ARGV[i].": no table, or no rows, with columns policy line tokens mean lo hi"
    exit status 3
  }
}
curves = ARG2
differences = given(3, "")
baseline = given(4, "")
band = given(5, "")
quantity = given(6, "reference loss (nats per token)")
x_name = given(7, "tokens seen")
sense = given(8, "below zero: better")

stats curves using 3:4 nooutput
last = STATS_blocks
most = STATS_max_x
crosses = STATS_min_y < 0 && STATS_max_y > 0
unit = unit_of(most, x_name)
x_name = x_name.in_units(unit)
array line[last]
first = last + 1   # that has a name
do for [i=last:1:-1] {
  stats curves index i-1 using (line[i] = int($2), $3) nooutput
  first = named(line[i]) ? i : first
}
edge(k) = strcol(k) eq "NaN" ? column(4) : column(k)   # no band: one without width
lowest = -1e300   # of what is shown: a band that leaves it goes along its edge, since gnuplot draws those it has to cut beside the axes
highest = 1e300
kept(k) = edge(k) < lowest ? lowest : edge(k) > highest ? highest : edge(k)
limit = "if (high > low) { lowest = low - 0.05*(high - low); highest = high + 0.05*(high - low); set yrange [lowest:highest] }"

set output part
set lmargin 12
set rmargin 0.85*longest + 10
set xrange [0:most / unit]
set xtics nice(most / unit / 6)
set format x "%g"
if (paired) {
  set multiplot
  set size 1,0.54
  set origin 0,0.46
  set bmargin 0.8
  set format x ""
} else {
  set xlabel x_name
}
set ylabel quantity
set key at graph 1.03,1 left top vertical maxcols 1
set tmargin 2.2
set label 1 band at graph 0,1.05 left textcolor rgb "#555555"
later(k) = $3 >= most / 2 && $2 > 0 ? edge(k) : $4
if (!paired) {   # few runs have wide intervals at their first steps: the range is that of all curves, and of the bands from the middle on
  low = 1e300
  high = -1e300
  stats curves using (low = $4 < low ? $4 : low, high = $4 > high ? $4 : high, $3) nooutput
  stats curves using (low = later(5) < low ? later(5) : low, high = later(6) > high ? later(6) : high, $3) nooutput
  @limit
}
if (crosses) { set arrow 1 from graph 0,first 0 to graph 1,first 0 nohead linecolor rgb "#888888" linewidth 1 back }
plot for [i=1:first-1] curves index i-1 using ($3/unit):4 with lines linetype type(0) notitle, \
     for [i=first:last] curves index i-1 using ($3/unit):(kept(5)):(kept(6)) with filledcurves \
       fillstyle transparent solid 0.12 noborder linetype line[i] notitle, \
     for [i=first:last] curves index i-1 using ($3/unit):4 with lines linetype line[i] notitle, \
     for [i=1:entries] keyentry with lines linetype i title label[i]
if (paired) {
  stats differences using 3 nooutput
  pairs = STATS_blocks
  array pair[pairs]   # lines; policies without pairs have no curve here
  first = pairs + 1
  do for [i=pairs:1:-1] {
    stats differences index i-1 using (pair[i] = int($2), $3) nooutput
    first = named(pair[i]) ? i : first
  }
  low = 0
  high = 0
  stats differences using (low = later(5) < low ? later(5) : low, high = later(6) > high ? later(6) : high, $3) nooutput
  stats differences using (low = $4 < low ? $4 : low, high = $4 > high ? $4 : high, $3) nooutput
  @limit
  set size 1,0.46
  set origin 0,0
  set tmargin 1
  unset bmargin
  set format x "%g"
  set xlabel x_name
  set ylabel "difference to ".baseline."\n(".sense.")"
  unset key
  unset label 1
  unset arrow 1
  plot for [i=1:first-1] differences index i-1 using ($3/unit):4 with lines linetype type(0) notitle, \
       for [i=first:pairs] differences index i-1 using ($3/unit):(kept(5)):(kept(6)) with filledcurves \
         fillstyle transparent solid 0.12 noborder linetype pair[i] notitle, \
       0 with lines linetype 1 notitle, \
       for [i=first:pairs] differences index i-1 using ($3/unit):4 with lines linetype pair[i] notitle
  unset multiplot
}
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

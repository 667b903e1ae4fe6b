# Final loss against the budget of training, tokens or FLOPs: what was measured, with intervals, the curve through it, and the target.
#   gnuplot -c budget.gp <out.svg|png|pdf> <measured.tsv> <curve.tsv> [<x> [<quantity> [<what the bars are> [<target> [<baseline>]]]]]
# Tables: policy line budget mean lo hi n, and policy line budget loss, the policies one after another with two empty lines between, those
# of line 0 (key.gp) first; NaN where there is no interval. The second may be without rows: no curve is drawn then. Budgets are on a
# logarithmic axis. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
measured = given(2, "")
curve = given(3, "")
folder = ARG0[1:slash(ARG0)]
call folder."key.gp" (measured) ""
baseline = given(8, "the baseline")
target = given(7, "")
W = 760 + 8*more(longest, 18)
call folder."common.gp" ARG1 (W) (430 + 18*more(entries, 14))
if (!usable(measured, "policy line budget mean lo hi")) {
  print measured.": no table, or no rows, with columns policy line budget mean lo hi"
  exit status 3
}
if (strstrt(header(curve), "policy line budget loss") != 1) {
  print curve.": no table with columns policy line budget loss"
  exit status 3
}
drawn = lines(curve) > 1
x_name = given(4, "tokens seen")
stats measured using 3:4 nooutput
last = STATS_blocks
least = STATS_min_x
most = STATS_max_x
low = STATS_min_y
high = STATS_max_y
unit = unit_of(most, x_name)
if (drawn) {
  stats curve using 4 nooutput
  curves = STATS_blocks
  low = STATS_min < low ? STATS_min : low
  high = STATS_max > high ? STATS_max : high
  array fit[curves]
  do for [i=1:curves] { stats curve index i-1 using (fit[i] = int($2), $3) nooutput }
} else { curves = 0 }
if (strlen(target)) {
  low = target + 0 < low ? target + 0 : low
  high = target + 0 > high ? target + 0 : high
}
array line[last]
first = last + 1   # that has a name
do for [i=last:1:-1] {
  stats measured index i-1 using (line[i] = int($2), $3) nooutput
  first = named(line[i]) ? i : first
}
reach = high > low ? 0.35*(high - low) : 0.5   # intervals of few runs are wide: they are cut this far beyond the means
edge(k) = strcol(k) eq "NaN" ? column(4) : column(k)
kept(k) = edge(k) < low - reach ? low - reach : edge(k) > high + reach ? high + reach : edge(k)
bottom = low
top = high
stats measured using (bottom = kept(5) < bottom ? kept(5) : bottom, top = kept(6) > top ? kept(6) : top, $3) nooutput
margin = top > bottom ? 0.05*(top - bottom) : 0.5

set output part
set lmargin 12
set rmargin 0.85*longest + 10
set tmargin 2.2
set logscale x
span = most/least
set xrange [least/unit/span**0.06:most/unit*span**0.06]
steps = span > 200 ? "1" : span > 12 ? "1 2 5" : span > 4 ? "1 2 3 5" : "1 1.25 1.5 2 2.5 3 4 5 6 8"
set xtics ("" 1e-300)
aside(i) = last > 1 ? span**(0.035*((i - 1.0)/(last - 1) - 0.5)) : 1   # bars of one budget
do for [e=floor(log10(least/unit)):ceil(log10(most/unit))] {
  do for [m in steps] { set xtics add (sprintf("%g", m*10.0**e) m*10.0**e) }
}
set yrange [bottom - margin:top + margin]
set xlabel x_name.in_units(unit)
set ylabel given(5, "final loss")
set label 1 given(6, "") at graph 0,1.05 left textcolor rgb "#555555"
set key at graph 1.03,1 left top vertical maxcols 1
if (strlen(target)) { set arrow 1 from graph 0, first (target + 0) to graph 1, first (target + 0) nohead linecolor rgb "#666666" linewidth 1.6 dashtype "." back }
plot for [i=1:curves] curve index i-1 using ($3/unit):4 with lines linetype type(fit[i]) linewidth (named(fit[i]) ? 1.4 : 0.8) notitle, \
     for [i=1:first-1] measured index i-1 using ($3/unit):4 with points linetype type(0) pointtype 7 pointsize 0.4 notitle, \
     for [i=first:last] measured index i-1 using ($3/unit*aside(i)):4:(kept(5)):(kept(6)) with yerrorbars pointtype 7 pointsize 0.8 \
       linetype type(line[i]) dashtype solid linewidth 1.5 notitle, \
     for [i=1:entries] keyentry with linespoints linetype i pointtype 7 pointsize 0.8 title label[i], \
     keyentry with lines linecolor rgb "#666666" linewidth 1.6 dashtype "." title (strlen(target) ? "target" : "")
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

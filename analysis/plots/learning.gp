# Learning over the episodes of a run: the return as a moving average with its spread on the left, the episodes that were played to
# judge the policy as points on the right, on one scale.
#   gnuplot -c learning.gp <out.svg|png|pdf> <learning.tsv> [<evaluation.tsv> [<band> [<quantity>]]]
# <band>: what lines and bands are. Tables: policy line episode mean lo hi n, and policy line order return ..., the policies one after
# another with two empty lines between, those of line 0 (key.gp) first; NaN where there is no band. Either name may be empty, and that
# side is then left out. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
learning = given(2, "")
evaluation = given(3, "")
band = given(4, "")
quantity = given(5, "return (sum of rewards)")
folder = ARG0[1:slash(ARG0)]
call folder."key.gp" (learning) (evaluation)
W = 760 + 8*more(longest, 18)
call folder."common.gp" ARG1 (W) (430 + 18*more(entries, 16))
if (!strlen(learning) && !strlen(evaluation)) { print "usage: gnuplot -c learning.gp <out> <learning.tsv> [<evaluation.tsv> ...]"; exit status 2 }
if (strlen(learning) && !usable(learning, "policy line episode mean lo hi")) {
  print learning.": no table, or no rows, with columns policy line episode mean lo hi"
  exit status 3
}
if (strlen(evaluation) && !usable(evaluation, "policy line order return")) {
  print evaluation.": no table, or no rows, with columns policy line order return"
  exit status 3
}

mark(i) = named(i) ? int(word("6 4 8 12 10 14 2 1", 1 + (i - 1) % 8)) : 7   # open shapes, told apart without colour; dots without a name
low = 1e300
high = -1e300
lower(x) = x < low ? x : low
upper(x) = x > high ? x : high
edge(k) = strcol(k) eq "NaN" ? column(4) : column(k)   # no band: one without width
if (strlen(learning)) {
  stats learning using (low = lower(edge(5)), high = upper(edge(6)), $3) nooutput
  curves = STATS_blocks
  last = STATS_max
  array curve[curves]
  first = curves + 1   # that has a name
  do for [i=curves:1:-1] {
    stats learning index i-1 using (curve[i] = int($2), $3) nooutput
    first = named(curve[i]) ? i : first
  }
}
if (strlen(evaluation)) {
  stats evaluation using (low = lower($4), high = upper($4), $3) nooutput
  groups = STATS_blocks
  judged = STATS_max
  array group[groups]
  do for [i=1:groups] {
    stats evaluation index i-1 using (group[i] = int($2), $3) nooutput
  }
}
margin = high > low ? 0.04*(high - low) : 0.5

set output part
left = 80.0/W
right = 1 - (8.5*longest + 100)/W
between = strlen(learning) && strlen(evaluation) ? left + 0.74*(right - left) : strlen(learning) ? right : left
set yrange [low - margin:high + margin]
set ylabel quantity
set tmargin 2.2
set multiplot
set key at screen right + 16.0/W, graph 1 left top vertical maxcols 1
if (strlen(learning)) {
  set lmargin at screen left
  set rmargin at screen between
  set xrange [0:last > 0 ? last : 1]
  set xtics nice(last > 4 ? last / 4.0 : 1)
  set xlabel "learning episode"
  set label 1 band at graph 0,1.05 left textcolor rgb "#555555"
  plot for [i=1:first-1] learning index i-1 using 3:4 with lines linetype type(0) notitle, \
       for [i=first:curves] learning index i-1 using 3:(edge(5)):(edge(6)) with filledcurves \
         fillstyle transparent solid 0.15 noborder linetype curve[i] notitle, \
       for [i=first:curves] learning index i-1 using 3:4 with lines linetype curve[i] notitle, \
       for [i=1:entries] keyentry with lines linetype i title (strlen(evaluation) ? "" : label[i])
  unset ylabel
  unset label 1
  set format y ""
}
if (strlen(evaluation)) {
  set lmargin at screen between + (strlen(learning) ? 22.0/W : 0)
  set rmargin at screen right
  set xrange [0.5:judged + 0.5]
  set xtics nice(judged > 3 ? judged/3.0 : 1)
  set xlabel strlen(learning) ? "evaluation" : "evaluation episode"
  if (!strlen(learning)) { set label 1 band at graph 0,1.04 left textcolor rgb "#555555" }
  spread(i) = groups > 1 ? 0.6*(i - 1)/(groups - 1) - 0.3 : 0   # side by side
  plot for [i=1:groups] evaluation index i-1 using ($3 + spread(i)):4 with points linetype type(group[i]) pointtype mark(group[i]) \
         pointsize (!named(group[i]) ? 0.3 : judged > 40 ? 0.5 : 0.9) linewidth 1.2 notitle, \
       for [i=1:entries] keyentry with linespoints linetype i pointtype mark(i) pointsize 0.9 title label[i]
}
unset multiplot
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

# Loss against tokens with bands, and below it the difference to the baseline, paired by seed.
#   gnuplot -c curves.gp <out.svg|png|pdf> <curves.tsv> [<differences.tsv> [<baseline> [<band> [<quantity> [<x> [<sense>]]]]]]
# <band>: what the bands are, e.g. "95% intervals, 5 seeds"; <quantity>, <x>: names of the axes; <sense>: "below zero: better".
# Tables: policy tokens mean lo hi n, the policies one after another with two empty lines between; NaN where there is no band.
# Without a second table (or with an empty name) the lower panel is left out. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
paired = strlen(given(3, "")) > 0
names = "grep '^[^#]' '".given(2, "")."' 2>/dev/null | cut -f 1 | sort -u | "
longest = int(system(names."awk '{ if (length > n) n = length } END { print n + 0 }'"))   # of the names in the key
rows = int(system(names."awk 'END { print NR - 1 }'"))                                    # of the key
more(n, usual) = n > usual ? n - usual : 0
call ARG0[1:slash(ARG0)]."common.gp" ARG1 (760 + 8*more(longest, 18)) ((paired ? 720 : 430) + (paired ? 34 : 18)*more(rows, 16))
do for [i=2:(paired ? 3 : 2)] {
  if (!usable(ARGV[i], "policy tokens mean lo hi")) {
    print ARGV[i].": no table, or no rows, with columns policy tokens mean lo hi"
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

stats curves using 2 nooutput
last = STATS_blocks
most = STATS_max
unit = x_name ne "tokens seen" ? 1 : most >= 2e9 ? 1e9 : most >= 1e6 ? 1e6 : most >= 2e3 ? 1e3 : 1
if (unit > 1) { x_name = x_name.(unit == 1e9 ? " (billions)" : unit == 1e6 ? " (millions)" : " (thousands)") }
array label[last]
do for [i=1:last] {
  stats curves index i-1 using (label[i] = strcol(1), $2) nooutput
}
edge(k) = strcol(k) eq "NaN" ? column(3) : column(k)   # no band: one without width
line(i) = (label[1] eq baseline) ? i : i + 1   # line type 1 is the baseline's

set output part
set lmargin 12
set rmargin 0.85*longest + 10
set xrange [0:most / unit]
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
set label 1 band at graph 0.98,0.95 right textcolor rgb "#555555"
plot for [i=1:last] curves index i-1 using ($2/unit):(edge(4)):(edge(5)) with filledcurves \
       fillstyle transparent solid 0.12 noborder linetype line(i) notitle, \
     for [i=1:last] curves index i-1 using ($2/unit):3 with lines linetype line(i) title label[i]
if (paired) {
  stats differences using 2 nooutput
  pairs = STATS_blocks
  array type[pairs]   # as above, also where a policy has no pairs and so no curve here
  do for [i=1:pairs] {
    stats differences index i-1 using (name = strcol(1), $2) nooutput
    do for [j=1:last] { if (label[j] eq name) { type[i] = line(j) } }
  }
  set size 1,0.46
  set origin 0,0
  set tmargin 1
  unset bmargin
  set format x "%g"
  set xlabel x_name
  set ylabel "difference to ".baseline."\n(".sense.")"
  unset key
  unset label 1
  plot for [i=1:pairs] differences index i-1 using ($2/unit):(edge(4)):(edge(5)) with filledcurves \
         fillstyle transparent solid 0.12 noborder linetype type[i] notitle, \
       0 with lines linetype 1 notitle, \
       for [i=1:pairs] differences index i-1 using ($2/unit):3 with lines linetype type[i] notitle
  unset multiplot
}
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

# Differences to the baseline, paired by seed, with intervals and the pairs themselves: one row a policy, best on top.
#   gnuplot -c forest.gp <out.svg|png|pdf> <paired.tsv> <pairs.tsv> [<baseline> [<what the bar is> [<quantity> [<rows>]]]]
# Tables: row policy difference lo hi ..., and row policy seed difference ...; rows counted from 1 at the top. <rows>: draw the first ones only.
# Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
rows = ARGC >= 2 ? int(system("grep -c '^[^#]' '".ARG2."' 2>/dev/null || echo 0")) - 1 : 0
most = int(given(7, "100000"))
rows = rows > most ? most : rows
second_column = "grep -v '^#' '".given(2, "")."' 2>/dev/null | cut -f 2 | awk '{ if (length > n) n = length } END { print n + 0 }'"
longest = int(system(second_column))   # of the names on the left
call ARG0[1:slash(ARG0)]."common.gp" ARG1 (760 + 8*(longest > 18 ? longest - 18 : 0)) (130 + 34*rows)
if (ARGC < 3) { print "usage: gnuplot -c forest.gp <out> <paired.tsv> <pairs.tsv> [<baseline> [<bar> [<quantity>]]]"; exit status 2 }
if (!usable(ARG2, "row policy difference lo hi")) {
  print ARG2.": no table, or no rows, with columns row policy difference lo hi"
  exit status 3
}
if (!usable(ARG3, "row policy seed difference")) {
  print ARG3.": no table, or no rows, with columns row policy seed difference"
  exit status 3
}
bar = given(5, "interval")

set output part
set lmargin 0.85*longest + 4
set xrange [*<0:0<*]   # zero is always in sight
set yrange [rows + 0.6:0.4]
set xlabel "difference to ".given(4, "baseline").": ".given(6, "final test loss (nats per token)")
set border 1
set ytics scale 0
set grid noytics xtics linecolor rgb "#dddddd" linetype 1 linewidth 0.6 dashtype solid
set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead linetype 1 linewidth 1.2
set key outside center top horizontal samplen 2
plot ARG3 using ($1 <= rows ? $4 : NaN):($1 + 0.24) with points pointtype 6 pointsize 0.8 linewidth 1 linecolor rgb "#888888" title "a pair of runs", \
     ARG2 every ::0::rows using 3:1:4:5:yticlabels(stringcolumn(2)) with xerrorbars pointtype 7 pointsize 1 linetype 2 linewidth 2 title "mean, ".bar
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

# What one varied quantity does to the difference to the baseline: a line a policy, with intervals.
#   gnuplot -c sweep.gp <out.svg|png|pdf> <sweep.tsv> [<what is varied> [<quantity> [<what the bars are>]]]
# Table: policy line place value difference lo hi n, the policies one after another with two empty lines between; places counted from 1,
# a value a place, spread evenly; NaN where there is no interval. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
table = given(2, "")
folder = ARG0[1:slash(ARG0)]
cells(program) = system("grep -v '^#' '".table."' 2>/dev/null | awk -F '\t' 'NR > 1 && NF ".program."'")
places = int(cells("{ if ($3 > n) n = $3 } END { print n + 0 }"))
widest = int(cells("{ if (length($4) > n) n = length($4) } END { print n + 0 }"))
call folder."key.gp" (table) ""
W = 760 + 8*more(longest, 18)
slanted = widest*8.0 > (W - 8.0*longest - 170)/(places > 1 ? places : 1)   # the values beside each other do not fit
call folder."common.gp" ARG1 (W) (400 + 18*more(entries, 16) + (slanted ? 5*widest : 0))
if (!usable(table, "policy line place value difference lo hi")) {
  print table.": no table, or no rows, with columns policy line place value difference lo hi"
  exit status 3
}
stats table using 3 nooutput
last = STATS_blocks
array line[last]
do for [i=1:last] { stats table index i-1 using (line[i] = int($2), $3) nooutput }
aside(i) = last > 1 ? 0.3*((i - 1.0)/(last - 1) - 0.5) : 0
edge(k) = strcol(k) eq "NaN" ? column(5) : column(k)

set output part
set lmargin 13
set rmargin 0.85*longest + 10
set tmargin 2.2
set xrange [0.5:places + 0.5]
set xtics ("" 1)
if (slanted) { set xtics rotate by -30; set bmargin 4.5 + 0.3*widest }
eval(cells("{ if (seen[$3]++) next; gsub(/\\047/, \"&&\", $4); printf \"set xtics add (\\047%s\\047 %d); \", $4, $3 }")."done = 1")
set yrange [*<0:0<*]
set xlabel given(3, "value")." (values spread evenly)"
quantity = given(4, "difference to the baseline")
unit_at = strstrt(quantity, " (")   # on a line of its own
set ylabel unit_at ? quantity[1:unit_at - 1]."\n".quantity[unit_at + 1:*] : quantity
set label 1 given(5, "") at graph 0,1.05 left textcolor rgb "#555555"
set key at graph 1.03,1 left top vertical maxcols 1
plot 0 with lines linetype 1 linewidth 1.2 linecolor rgb "#888888" notitle, \
     for [i=1:last] table index i-1 using ($3 + aside(i)):5 with lines linetype type(line[i]) linewidth 1.2 notitle, \
     for [i=1:last] table index i-1 using ($3 + aside(i)):5:(edge(6)):(edge(7)) with yerrorbars pointtype 7 pointsize 0.8 \
       linetype type(line[i]) dashtype solid linewidth 1.5 notitle, \
     for [i=1:entries] keyentry with linespoints linetype i pointtype 7 pointsize 0.8 title label[i]
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

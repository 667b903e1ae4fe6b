# Where a policy's runs spend their time and their FLOPs: shares of the phases as stacked bars, best policy on top, mean over seeds.
#   gnuplot -c phases.gp <out.svg|png|pdf> <phases.tsv> [<n> [<rows>]]
# Table: row policy place phase seconds_from seconds_to flops_from flops_to, a line a policy and phase, shares added up; rows and places
# counted from 1; NaN where nothing was counted: the panel is left out when that is everywhere. <n>: how many runs; <rows>: draw the
# first ones only. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
table = given(2, "")
cells(program) = system("grep -v '^#' '".table."' 2>/dev/null | awk -F '\t' 'NR > 1 ".program."'")
most = int(given(4, "100000"))
rows = int(cells("{ if ($1 > n) n = $1 } END { print n + 0 }"))
rows = rows > most ? most : rows
longest = int(cells(sprintf("&& $1 <= %d { if (length($2) > n) n = length($2) } END { print n + 0 }", rows)))
longest = longest > 48 ? 48 : longest
phases = int(cells("{ if ($3 > n) n = $3 } END { print n + 0 }"))
flops = int(cells("&& $8 != \"NaN\" { ++n } END { print n + 0 }")) > 0
left = 9.0*(longest > 10 ? longest : 10) + 30   # points, as everything here
bars = flops ? 2 : 1
bar_wide = 250.0
between = 56.0
W = left + bars*(bar_wide + between) + 90
above = 14.0
below = 64.0
H = above + (26.0*rows > 200 ? 26.0*rows : 200) + below
call ARG0[1:slash(ARG0)]."common.gp" ARG1 (int(W)) (int(H))
if (!usable(table, "row policy place phase seconds_from seconds_to flops_from flops_to")) {
  print table.": no table, or no rows, with columns row policy place phase seconds_from seconds_to flops_from flops_to"
  exit status 3
}
array hue[10] = ["#bdbdbd", "#0072b2", "#e69f00", "#d55e00", "#56b4e9", "#009e73", "#dedede", "#cc79a7", "#9a8700", "#444444"]
array phase[phases]
eval(cells("{ gsub(/\\047/, \"&&\", $4); if (!seen[$3]++) printf \"phase[%d] = \\047%s\\047; \", $3, $4 }")."done = 1")

set output part
set multiplot
set tmargin at screen 1 - above/H
set bmargin at screen below/H
set xrange [0:100]
set xtics 25 format "%g%%"
set yrange [rows + 0.6:0.4]
set border 1 front
set ytics scale 0 ("" 1)
eval(cells(sprintf("&& $1 <= %d && $3 == 1 { if (length($2) > 48) $2 = substr($2, 1, 23) \"..\" substr($2, length($2) - 22); gsub(/\\047/, \"&&\", $2); printf \"set ytics add (\\047%%s\\047 %%d); \", $2, $1 }", rows))."done = 1")
unset grid
do for [q=1:bars] {
  begin = left + (q - 1)*(bar_wide + between)
  set lmargin at screen begin/W
  set rmargin at screen (begin + bar_wide)/W
  set xlabel q == 1 ? "share of seconds".given(3, "") : "share of FLOPs".given(3, "")
  if (q == 1) { set key at screen (left + bars*(bar_wide + between) - 24)/W, 1 - above/H left top vertical maxcols 1 samplen 1 } else { unset key; set ytics ("" 1) }
  plot for [i=1:phases] table using (100*($3 == i && $1 <= rows ? (column(2*q + 3) + column(2*q + 4))/2 : NaN)):1:(50*(column(2*q + 4) - column(2*q + 3))):(0.36) \
         with boxxyerror fillstyle solid 1 noborder fillcolor rgb hue[i < 10 ? i : 10] notitle, \
       for [i=1:phases] keyentry with boxes fillstyle solid 1 noborder fillcolor rgb hue[i < 10 ? i : 10] title phase[i]
}
unset multiplot
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

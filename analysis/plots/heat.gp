# What two varied quantities do to the difference to the baseline, as a map: blue better, orange worse, white no difference.
#   gnuplot -c heat.gp <out.svg|png|pdf> <heat.tsv> <better: lower|higher> [<down> [<across> [<quantity> [<reach>]]]]
# Table: row first column second difference lo hi n, a line a cell, rows and columns counted from 1. In each cell the difference and half
# the width of its interval. <down>, <across>: what is varied. <reach>: difference of the
# darkest colours, for maps that are to be compared; without it, the largest in the table. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
table = given(2, "")
better = given(3, "lower") eq "lower" ? -1 : 1
down = given(4, "first")
across = given(5, "second")
quantity = given(6, "difference to the baseline")
cells(program) = system("grep -v '^#' '".table."' 2>/dev/null | awk -F '\t' 'NR > 1 ".program."'")
rows = int(cells("{ if ($1 > n) n = $1 } END { print n + 0 }"))
columns = int(cells("{ if ($3 > n) n = $3 } END { print n + 0 }"))
longest = int(cells("{ if (length($2) > n) n = length($2) } END { print n + 0 }"))
widest = int(cells("{ if (length($4) > n) n = length($4) } END { print n + 0 }"))
left = 8.2*(longest > 4 ? longest : 4) + 52   # points, as everything here
cell_wide = 8.2*widest > 84 ? 8.2*widest + 8 : 92.0
cell_high = 44.0
above = 7.8*strlen(down) > cell_high*rows ? (7.8*strlen(down) - cell_high*rows)/2 + 20 : 20.0
below = 132.0 + above - 20
least = 7.4*strlen(quantity) + 24
W = left + cell_wide*columns + 24 < least ? least : left + cell_wide*columns + 24
W = W < 420 ? 420 : W
H = above + cell_high*rows + below
call ARG0[1:slash(ARG0)]."common.gp" ARG1 (int(W)) (int(H))
if (!usable(table, "row first column second difference lo hi")) {
  print table.": no table, or no rows, with columns row first column second difference lo hi"
  exit status 3
}
reach = real(cells("&& $5 != \"NaN\" { x = $5 < 0 ? -$5 : $5; if (x > m) m = x } END { print m + 0 }"))
reach = real(given(7, sprintf("%.17g", reach)))
reach = reach > 0 ? reach : 1
digits = reach >= 100 ? 0 : int(2 - floor(log10(reach)))   # three that count in the largest
in_words(x) = strcol(5) eq "NaN" ? "" : sprintf(sprintf("%%+.%df", digits), $5)
half(x) = strcol(6) eq "NaN" ? "" : sprintf("± %.2g", ($7 - $6)/2)
ink(x) = abs(x) > 0.7*reach ? 0xffffff : 0x222222
small = kind eq "png" ? ",18" : ",9"

set output part
set lmargin at screen left/W
set rmargin at screen (left + cell_wide*columns)/W
set tmargin at screen 1 - above/H
set bmargin at screen below/H
set xrange [0.5:columns + 0.5]
set yrange [rows + 0.5:0.5]
unset border
unset grid
unset key
set xtics scale 0 ("" 1)
set ytics scale 0 ("" 1)
eval(cells("{ gsub(/\\047/, \"&&\", $2); gsub(/\\047/, \"&&\", $4); if (!a[$1]++) printf \"set ytics add (\\047%s\\047 %d); \", $2, $1; if (!b[$3]++) printf \"set xtics add (\\047%s\\047 %d); \", $4, $3 }")."done = 1")
set xlabel across
set ylabel down
set palette defined (-1 "#d55e00", -0.5 "#f2b48c", 0 "#ffffff", 0.5 "#7fb8dc", 1 "#00609a") maxcolors 80
set cbrange [-reach:reach]
set colorbox horizontal user origin screen left/W, screen 46.0/H size screen 200.0/W, screen 12.0/H
set cbtics font small out scale 0.4 offset 0,0.5 (sprintf("%+.2g (worse)", -better*reach) -reach, "0" 0, sprintf("%+.2g (better)", better*reach) reach)
set label 2 quantity at screen 12.0/W, screen 14.0/H left font small textcolor rgb "#555555"
plot table using 3:1:(0.48):(0.46):(strcol(5) eq "NaN" ? 0 : better*$5) with boxxyerror fillstyle solid noborder linecolor palette notitle, \
     table using 3:1:(in_words(0)):(strcol(5) eq "NaN" ? 0 : ink($5)) with labels offset 0,0.5 textcolor rgb variable notitle, \
     table using 3:1:(half(0)):(strcol(5) eq "NaN" ? 0 : ink($5)) with labels offset 0,-0.7 font small textcolor rgb variable notitle
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

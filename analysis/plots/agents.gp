# How far agents agree: rank correlations of their scores as a map; blue: alike, white: unrelated, orange: opposed.
#   gnuplot -c agents.gp <out.svg|png|pdf> <agreement.tsv>
# Table: row agent column other correlation, a line a cell, rows and columns counted from 1; its `#` lines say what it is of and stand
# below the map. A grey cell: one of the two gives all passages the same score. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
table = ARGC >= 2 ? ARG2 : ""
cells(program) = system("grep -v '^#' '".table."' 2>/dev/null | awk -F '\t' 'NR > 1 ".program."'")
rows = int(cells("{ if ($1 > n) n = $1 } END { print n + 0 }"))
longest = int(cells("{ if (length($2) > n) n = length($2) } END { print n + 0 }"))
left = 8.6*(longest > 14 ? longest : 14) + 20   # points, as everything here
cell_wide = 44.0
cell_high = 22.0
reach = 5.6*longest + 20                         # of the names above, which lean to the right
W = left + cell_wide*rows + reach < 560 ? 560 : left + cell_wide*rows + reach
above = reach + 10
below = 92.0
H = above + cell_high*rows + below
call ARG0[1:slash(ARG0)]."common.gp" ARG1 (int(W)) (int(H))
if (!strlen(table)) { print "usage: gnuplot -c agents.gp <out> <agreement.tsv>"; exit status 2 }
if (!usable(table, "row agent column other correlation")) {
  print table.": no table, or no rows, with columns row agent column other correlation"
  exit status 3
}

in_words(x) = sprintf("%.2f", abs(x) < 0.005 ? 0 : x)
ink(x) = abs(x) > 0.7 ? 0xffffff : 0x222222

set output part
set lmargin at screen left/W
set rmargin at screen (left + cell_wide*rows)/W
set tmargin at screen 1 - above/H
set bmargin at screen below/H
set xrange [0.5:rows + 0.5]
set yrange [rows + 0.5:0.5]
unset border
unset grid
unset xtics
unset key
set ytics scale 0
set ytics ("" 1)
eval(cells("&& !seen[$1]++ { gsub(/\\047/, \"&&\", $2); printf \"set ytics add (\\047%s\\047 %d); set label %d \\047%s\\047 at %d,0.3 left rotate by 40; \", $2, $1, 100 + $1, $2, $1 }"))
set palette defined (-1 "#d55e00", -0.5 "#f2b48c", 0 "#ffffff", 0.5 "#7fb8dc", 1 "#00609a") maxcolors 80
grey = "#c8c8c8"
set cbrange [-1:1]
set cbtics out scale 0.4 ("-1" -1, "-0.5" -0.5, "0" 0, "0.5" 0.5, "1" 1)
set colorbox horizontal user origin screen left/W, screen 62.0/H size screen 200.0/W, screen 12.0/H
small = kind eq "png" ? ",18" : ",9"
set cbtics font small offset 0,0.5
set object 1 rectangle from screen (left + 225)/W, screen 61.0/H to screen (left + 258)/W, screen 75.0/H fillcolor rgb grey fillstyle solid noborder
set label 1 "all scores equal" at screen (left + 265)/W, screen 68.0/H left font small textcolor rgb "#555555"
set label 2 system("sed -n 1p ".quoted(table)." | sed 's/^# *//'") at screen 12.0/W, screen 18.0/H left font small textcolor rgb "#555555"
plot table using 3:1:(0.48):(0.46):5 with boxxyerror fillstyle solid noborder linecolor palette notitle, \
     table using 3:(strcol(5) eq "NaN" ? $1 : NaN):(0.48):(0.46) with boxxyerror fillstyle solid noborder linecolor rgb grey notitle, \
     table using 3:1:(strcol(5) eq "NaN" ? "" : in_words($5)):(strcol(5) eq "NaN" ? 0 : ink($5)) with labels font small textcolor rgb variable notitle
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

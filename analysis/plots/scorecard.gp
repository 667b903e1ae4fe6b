# Every policy on every environment with a known answer, as a map: blue is near the optimum, white as equal weights, orange worse.
#   gnuplot -c scorecard.gp <out.svg|png|pdf> <scorecard.tsv>
# Table: row group policy column environment seeds episodes ... score score_se optimum schedule fixed uniform refused, a line a cell, rows
# and columns counted from 1; its `#` lines say how it was played and stand below the map. Two rows on top are what is known: the
# best schedule and the best fixed mix. A grey cell: it cannot be played there. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
table = ARGC >= 2 ? ARG2 : ""
cells(program) = system("grep -v '^#' '".table."' 2>/dev/null | awk -F '\t' 'NR > 1 ".program."'")
most(k) = int(cells("{ if ($".k." > n) n = $".k." } END { print n + 0 }"))
rows = most(1)
columns = most(4)
longest = int(cells("{ if (length($3) > n) n = length($3) } END { print n + 0 }"))
left = 8.6*(longest > 14 ? longest : 14) + 20   # points, as everything here
cell_wide = 42.0
cell_high = 19.0
W = left + cell_wide*columns + 145 < 760 ? 760 : left + cell_wide*columns + 145
above = 100.0
below = 128.0
H = above + cell_high*(rows + 2) + below
call ARG0[1:slash(ARG0)]."common.gp" ARG1 (int(W)) (int(H))
if (!strlen(table)) { print "usage: gnuplot -c scorecard.gp <out> <scorecard.tsv>"; exit status 2 }
if (!usable(table, "row group policy column environment seeds episodes return return_se regret regret_se score score_se optimum schedule fixed")) {
  print table.": no table, or no rows, with the columns of a scorecard"
  exit status 3
}
small = kind eq "png" ? ",18" : ",9"

# Standard errors: the greatest of policies that learn within an episode, and of those that learn across; a single seed has none.
within = -1
across = -1
upper(k, most) = strcol(k) ne "NaN" && column(k) > most ? column(k) : most
error(x) = x < 0 ? "not known" : sprintf("at most %.2f", x)
stats table using (within = $7 == 0 ? upper(13, within) : within, across = $7 > 0 ? upper(13, across) : across, $1) nooutput

clip(x) = x < -1 ? -1 : x > 1 ? 1 : x
in_words(x) = sprintf("%.2f", abs(x) < 0.005 ? 0 : x)
ink(x) = abs(clip(x)) > 0.7 ? 0xffffff : 0x222222
reach(k) = (column(k) - column(17))/(column(14) - column(17))   # of a known policy's return

set output part
set lmargin at screen left/W
set rmargin at screen (left + cell_wide*columns)/W
set tmargin at screen 1 - above/H
set bmargin at screen below/H
set xrange [0.5:columns + 0.5]
set yrange [rows + 0.5:-1.5]
unset border
unset grid
unset xtics
unset key
set ytics scale 0 ("best schedule" -1, "best fixed mix" 0)
eval(cells("&& !seen[$1]++ { printf \"set ytics add (\\047%s\\047 %d); \", $3, $1 }"))
eval(cells("&& !seen[$4]++ { printf \"set label %d \\047%s\\047 at %d,-1.75 left rotate by 40; \", 100 + $4, $5, $4 }"))
# Groups: a name on the right, in the middle of its rows, and a line above.
eval(cells("{ if (!($2 in from)) { from[$2] = $1; name[++n] = $2 } to[$2] = $1 } END { for (i = 1; i <= n; ++i) { ".\
  "printf \"set label %d \\047%s\\047 at %g,%g left textcolor rgb \\047#555555\\047; \", 200 + i, name[i], ".columns." + 0.75, ".\
  "(from[name[i]] + to[name[i]])/2; ".\
  "printf \"set arrow %d from 0.5,%g to %g,%g nohead linecolor rgb \\047#222222\\047 linewidth 1 front; \", ".\
  "200 + i, from[name[i]] - 0.5, ".columns." + 0.5, from[name[i]] - 0.5 } }"))
set label 200 "known" at columns + 0.75,-0.5 left textcolor rgb "#555555"

set palette defined (-1 "#d55e00", -0.5 "#f2b48c", 0 "#ffffff", 0.5 "#7fb8dc", 1 "#00609a") maxcolors 80
grey = "#c8c8c8"
set cbrange [-1:1]
set cbtics out scale 0.4 ("-1 or less" -1, "-0.5" -0.5, "0" 0, "0.5" 0.5, "1" 1)
set cbtics font small
set colorbox horizontal user origin screen left/W, screen 92.0/H size screen 260.0/W, screen 12.0/H
set object 1 rectangle from screen (left + 300)/W, screen 91.0/H to screen (left + 340)/W, screen 106.0/H fillcolor rgb grey fillstyle solid noborder
set label 1 "cannot be played there" at screen (left + 350)/W, screen 98.0/H left font small textcolor rgb "#555555"
do for [i=1:2] {
  set label 1 + i system(sprintf("sed -n %dp ", i).quoted(table)." | sed 's/^# *//'") at screen 12.0/W, screen (64.0 - 18*i)/H left \
    font small textcolor rgb "#555555"
}
set label 4 "Standard errors: within an episode ".error(within).", across episodes ".error(across)."." \
  at screen 12.0/W, screen (64.0 - 18*3)/H left font small textcolor rgb "#555555"
known = table   # the first policy's rows hold what is known
plot table using 4:1:(0.48):(0.46):(clip($12)) with boxxyerror fillstyle solid noborder linecolor palette notitle, \
     known using 4:($1 == 1 ? -1 : NaN):(0.48):(0.46):(clip(reach(15))) with boxxyerror fillstyle solid noborder linecolor palette notitle, \
     known using 4:($1 == 1 ? 0 : NaN):(0.48):(0.46):(clip(reach(16))) with boxxyerror fillstyle solid noborder linecolor palette notitle, \
     table using 4:($6 == 0 ? $1 : NaN):(0.48):(0.46) with boxxyerror fillstyle solid noborder linecolor rgb grey notitle, \
     table using 4:1:($6 > 0 ? in_words($12) : ""):(ink($12)) with labels font small textcolor rgb variable notitle, \
     known using 4:($1 == 1 ? -1 : NaN):(in_words(reach(15))):(ink(reach(15))) with labels font small textcolor rgb variable notitle, \
     known using 4:($1 == 1 ? 0 : NaN):(in_words(reach(16))):(ink(reach(16))) with labels font small textcolor rgb variable notitle
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

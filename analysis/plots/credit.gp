# How far each kind of credit agrees with what came of listening to the agents: rank correlations, and the ceiling that noise leaves.
#   gnuplot -c credit.gp <out.svg|png|pdf> <credit_agreement.tsv>
# Table: row credit one low high half episode, a line a kind, the truths first; "interval" on its own truth is the ceiling. Filled: one
# measurement, with its 95% interval, against rewards of the interval; open: the mean of half of the seeds; triangle: against the end of
# the episode. What has no number has no mark. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
table = ARGC >= 2 ? ARG2 : ""
cells(program) = system("grep -v '^#' '".table."' 2>/dev/null | awk -F '\t' 'NR > 1 ".program."'")
rows = int(cells("{ ++n } END { print n + 0 }"))
longest = int(cells("{ if (length($2) > n) n = length($2) } END { print n + 0 }"))
left = 9.2*(longest > 21 ? longest : 21) + 20    # points, as everything here
high = 24.0
W = 760.0
above = 30.0
below = 128.0
H = above + high*rows + below
call ARG0[1:slash(ARG0)]."common.gp" ARG1 (int(W)) (int(H))
if (!strlen(table)) { print "usage: gnuplot -c credit.gp <out> <credit_agreement.tsv>"; exit status 2 }
if (!usable(table, "row credit one low high half episode")) {
  print table.": no table, or no rows, with columns row credit one low high half episode"
  exit status 3
}
small = kind eq "png" ? ",18" : ",9"
number(k) = strcol(k) eq "NaN" ? NaN : column(k)
ceiling_one = real(cells("&& $2 == \"interval\" && $3 != \"NaN\" { print $3 }")." 9")

set output part
set lmargin at screen left/W
set rmargin at screen 1 - 20/W
set tmargin at screen 1 - above/H
set bmargin at screen below/H
set xrange [-1:1]
set yrange [rows + 0.5:0.5]
set xlabel "rank correlation over agents; dashed: of one seed's rewards themselves"
set xtics -1,0.25,1 format "%g"
set ytics scale 0
set ytics ("" 1)
eval(cells("{ name = $2 == \"interval\" ? \"(the interval itself)\" : $2 == \"episode\" ? \"(the end itself)\" : $2; printf \"set ytics add (\\047%s\\047 %d); \", name, $1 }"))
set arrow 1 from 0,graph 0 to 0,graph 1 nohead linecolor rgb "#999999" linewidth 1 back
if (ceiling_one < 2) { set arrow 2 from ceiling_one,graph 0 to ceiling_one,graph 1 nohead linecolor rgb "#999999" linewidth 1 dashtype 2 back }
unset key
blue = "#00609a"
orange = "#d55e00"
row(i) = (20*(3 - i) + 14)/H
at = (left + 14)/W
set label 11 "one measurement against the rewards of other seeds, 95% interval" at screen at, screen row(1) left font small \
  point pointtype 7 pointsize 0.9 linecolor rgb blue offset 1,0
set label 12 "mean of half of the seeds against the rewards of the other half" at screen at, screen row(2) left font small \
  point pointtype 6 pointsize 0.9 linecolor rgb blue offset 1,0
set label 13 "mean of half of the seeds against the end of the other half's episodes" at screen at, screen row(3) left font small \
  point pointtype 8 pointsize 0.9 linecolor rgb orange offset 1,0
plot table using (number(3)):1:(number(4)):(number(5)) with xerrorbars pointtype 7 pointsize 0.8 linewidth 1.5 linecolor rgb blue notitle, \
     table using (number(6)):1 with points pointtype 6 pointsize 0.9 linewidth 1.5 linecolor rgb blue notitle, \
     table using (number(7)):1 with points pointtype 8 pointsize 0.9 linewidth 1.5 linecolor rgb orange notitle
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

# Performance profiles: the share of a policy's runs whose score is above each threshold (Agarwal et al. 2021, section 4.2).
#   gnuplot -c profiles.gp <out.svg|png|pdf> <profiles.tsv> [<what a score is> [<n>]]
# Table: policy line threshold share n, the policies one after another with two empty lines between, those of line 0 (key.gp) first; a
# share holds up to the next threshold. Further to the right is better. Exit 3: a table is missing or of another kind.
slash(s) = strstrt(s, "/") ? strstrt(s, "/") + slash(s[strstrt(s, "/") + 1:*]) : 0
given(i, otherwise) = ARGC >= i && strlen(ARGV[i]) ? ARGV[i] : otherwise
table = given(2, "")
folder = ARG0[1:slash(ARG0)]
call folder."key.gp" (table) ""
call folder."common.gp" ARG1 (760 + 8*more(longest, 18)) (400 + 18*more(entries, 16))
if (!usable(table, "policy line threshold share")) {
  print table.": no table, or no rows, with columns policy line threshold share"
  exit status 3
}
stats table using 3 nooutput
last = STATS_blocks
array line[last]
do for [i=1:last] { stats table index i-1 using (line[i] = int($2), $3) nooutput }

set output part
set lmargin 10
set rmargin 0.85*longest + 10
set tmargin 2.2
set yrange [0:1.02]
set ytics 0.25
set xlabel given(3, "score")
set ylabel "share of runs above the threshold"
set label 1 given(4, "") at graph 0,1.05 left textcolor rgb "#555555"
set key at graph 1.03,1 left top vertical maxcols 1
set arrow 1 from 0,graph 0 to 0,graph 1 nohead linecolor rgb "#999999" linewidth 1 back
plot for [i=1:last] table index i-1 using 3:4 with steps linetype type(line[i]) notitle, \
     for [i=1:entries] keyentry with lines linetype i title label[i]
unset output
system("mv -f -- ".quoted(part)." ".quoted(out))

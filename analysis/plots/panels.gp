# What figures of many small panels share, a panel a policy. Called by the scripts beside it as
#   call folder."panels.gp" <table>        before common.gp
# The table: policy line from to <name>..., the policies one after another with two empty lines between, of each the stretches from one
# decision to the next. Sets panels, heading[i], names, longest (letters of a name), columns, rows, and sizes in points: W and H of the
# figure, x0(i), y0(i), panel_wide, panel_high of panel i in shares of it. key_x is where the names begin.
panels = 0
array heading[64]
eval(system("awk -F '\t' 'BEGIN { fresh = 1 } /^$/ { fresh = 1 } /^[^#]/ && $1 != \"policy\" && fresh { fresh = 0; gsub(/\\047/, \"&&\", $1); ".\
  "if (++n <= 64) printf \"heading[%d] = \\047%s\\047; \", n, $1 } END { printf \"panels = %d\", (n > 64 ? 64 : n) }' '".ARG1."' 2>/dev/null")."; done = 1")
names = int(system("grep -v '^#' '".ARG1."' 2>/dev/null | head -n 1 | awk -F '\t' '{ print NF - 4 }'")." 0")
longest = int(system("grep -v '^#' '".ARG1."' 2>/dev/null | head -n 1 | awk -F '\t' '{ for (i = 5; i <= NF; ++i) if (length($i) > n) n = length($i) } END { print n + 0 }'")." 0")
letters_of_heading = 0
do for [i=1:panels] { letters_of_heading = strlen(heading[i]) > letters_of_heading ? strlen(heading[i]) : letters_of_heading }
columns = panels < 2 ? 1 : panels < 5 || letters_of_heading > 26 ? 2 : 3
rows = int((panels + columns - 1)/columns)
left = 86.0
gap_x = 30.0
gap_y = 34.0
panel_wide = columns == 1 ? 500.0 : columns == 2 ? 270.0 : 200.0
panel_wide = 8.8*letters_of_heading > panel_wide ? (letters_of_heading > 44 ? 390.0 : 8.8*letters_of_heading) : panel_wide
panel_high = 140.0
above = 34.0
below = 66.0
W = left + columns*(panel_wide + gap_x) + 8.6*(longest > 6 ? longest : 6) + 60
H = above + rows*panel_high + (rows - 1)*gap_y + below
column_of(i) = (i - 1) % columns
row_of(i) = int((i - 1)/columns)
x0(i) = (left + column_of(i)*(panel_wide + gap_x))/W
y0(i) = 1 - (above + row_of(i)*(panel_high + gap_y) + panel_high)/H
lowest(i) = i + columns > panels   # in its column
key_x = (left + columns*(panel_wide + gap_x) + 2)/W
letters = int(panel_wide/8.7)
middle = 1 - (above + (H - above - below)/2)/H   # of all panels, from below
half = letters/2 - 1
cut(s) = strlen(s) > letters ? s[1:half]."..".s[strlen(s) - half + 1:*] : s   # settings at the end tell policies apart

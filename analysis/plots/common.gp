# What all figures share: kind of file, colours, fonts, checks. Called by the scripts beside it as
#   call folder."common.gp" <output> <width> <height>        size in points of an SVG; PDF and PNG follow it
# Sets no output: inputs are checked first, then `begin` opens a temporary file beside <output> and `finish` renames it, so
# that a failure leaves the figure of last time alone.
tail(s) = strstrt(s, ".") ? tail(s[strstrt(s, ".") + 1:*]) : s
out = ARG1
part = out.".part.".tail(out)
wide = int(ARG2)
high = int(ARG3)
kind = tail(out)
if (kind eq "svg") { set terminal svg size wide,high noenhanced dashlength 0.6 font "DejaVu Sans,12" background rgb "white" }
if (kind eq "pdf") { set terminal pdfcairo size wide/72.0,high/72.0 noenhanced color font "DejaVu Sans,12" fontscale 0.75 }
if (kind eq "png") { set terminal pngcairo size 2*wide,2*high noenhanced font "DejaVu Sans,24" linewidth 2 background rgb "white" }
if (kind ne "svg" && kind ne "pdf" && kind ne "png") { print out.": unknown kind of figure; svg, pdf or png is expected"; exit status 2 }

# Colours of Okabe and Ito (safe for colour-blind readers), the yellow darkened to be seen on white; black is the baseline.
# Eight dashes of different rhythm keep curves apart in print.
array colour[8] = ["#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#9a8700"]
array dash[8] = ["", "", "- ", "-..", "..", "_. ", "-.", "_ - "]
do for [i=1:64] {
  k = (i == 1) ? 1 : 2 + (i - 2) % 7
  d = (i == 1) ? 1 : 2 + (i - 2 + (i - 2) / 7) % 7   # a second round of colours comes with other dashes
  set linetype i linecolor rgb colour[k] linewidth (d == 5 ? 2.8 : 2) dashtype solid
  if (strlen(dash[d])) { set linetype i dashtype dash[d] }
}
set linetype 65 linecolor rgb "#c4c4c4" linewidth 0.8 dashtype solid   # one of many, without a name
set encoding utf8
set datafile separator "\t"
set datafile commentschars "#"
set border 3 linecolor rgb "#444444" linewidth 1
set tics nomirror out scale 0.6 textcolor rgb "#222222"
set grid ytics linecolor rgb "#dddddd" linetype 1 linewidth 0.6 dashtype solid
set key reverse Left samplen 3 spacing 1.15 textcolor rgb "#222222"

# Steps of 1, 2 or 5 times a power of ten: the least that is not below x.
power(x) = 10.0**floor(log10(x) + 1e-9)
nice(x) = x <= power(x)*1.001 ? power(x) : x <= 2*power(x) ? 2*power(x) : x <= 5*power(x) ? 5*power(x) : 10*power(x)

# A table is usable when it has rows and its first columns have the names expected ("policy tokens mean").
quoted(s) = "'".s."'"
header(f) = system("grep -v '^#' ".quoted(f)." 2>/dev/null | head -n 1 | tr '\\t' ' '")
lines(f) = int(system("grep -c '^[^#]' ".quoted(f)." 2>/dev/null || echo 0"))
usable(f, columns) = strstrt(header(f), columns) == 1 && lines(f) > 1
# Positions in units that people read; only tokens and FLOPs are many.
many(x_name) = x_name eq "tokens seen" || strstrt(x_name, "FLOPs") == 1
unit_of(most, x_name) = !many(x_name) ? 1 : most >= 2e9 ? 10.0**(3*floor(log10(most/2)/3)) : most >= 1e6 ? 1e6 : most >= 2e3 ? 1e3 : 1
in_units(unit) = unit == 1 ? "" : unit == 1e3 ? " (thousands)" : unit == 1e6 ? " (millions)" : unit == 1e9 ? " (billions)" : sprintf(" (10^%d)", int(log10(unit) + 0.5))
# A table of stretches, every row twice: with its end <from> and with its end behind it in the column behind <from>. Empty lines stay.
stretches(f, from) = "< awk -F '\\t' -v OFS='\\t' -v c=".from." '/^#/ { next } /^$/ { print; next } !h++ { next } { b = $(c + 1); $(c + 1) = $c; print; $(c + 1) = b; print }' ".quoted(f)

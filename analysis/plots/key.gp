# What the figures of curves share: who is named in the key, and how wide it is. Called by the scripts beside it as
#   call folder."key.gp" <table> [<another>]        before common.gp; either name may be empty
# Their tables begin with the columns policy and line: line 1 is the baseline's, 0 is that of policies among many that are drawn thin
# and grey, without a name. Sets label[line] ("" where no policy has it), longest (letters of a name), entries (of the key).
array label[64]
do for [i=1:64] { label[i] = "" }
eval(system("cat '".ARG1."' '".(ARGC >= 2 ? ARG2 : "")."' 2>/dev/null | awk -F '\t' '".\
  "/^[^#]/ && $1 != \"policy\" && $2 + 0 > 0 && $2 + 0 <= 64 && !seen[$2 + 0]++ ".\
  "{ gsub(/\\047/, \"&&\", $1); printf \"label[%d] = \\047%s\\047; \", $2, $1 }'")."longest = 0; entries = 0")
do for [i=1:64] {
  longest = strlen(label[i]) > longest ? strlen(label[i]) : longest
  entries = strlen(label[i]) ? i : entries
}
more(n, usual) = n > usual ? n - usual : 0
named(i) = i > 0
type(i) = named(i) ? i : 65   # of lines; common.gp has them

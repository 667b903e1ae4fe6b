// What a comparison says in words: readings, verdicts, and the tables that people read.
#pragma once
#include <string>
#include <vector>

#include "analysis/compare.h"

namespace fader {

/// Fewer pairs than this give no verdict: with 5 the smallest two-sided exact Wilcoxon p is 0.0625.
inline constexpr std::size_t kPairsForVerdict = 6;

/// What one policy's difference to the baseline allows to be said: "better", "worse", "no difference shown",
/// "too few pairs (5)", "not compared".
std::string reading(const Comparison& comparison, const Contender& contender);

/// Who won, or that no difference could be shown. A sentence or two.
std::string verdict(const Comparison& comparison);

/// Of a policy that is compared at equal FLOPs, its runs being on more tokens: how many, against how many. "": it is not.
std::string tokens_apart(const Comparison& comparison, const Contender& contender);

/// The metric without its unit.
std::string plain_quantity(const Comparison& comparison);

/// Cells of rows of words, the first row being names of columns; policies best first.
using WordTable = std::vector<std::vector<std::string>>;
WordTable policies_in_words(const Comparison& comparison);   ///< the metric, the difference to the baseline, overhead
WordTable pairing_in_words(const Comparison& comparison);    ///< of policies that have pairs: what pairing gained

std::string number(double x);                        ///< "4.5312", "n/a"
std::string signed_number(double x);                 ///< "+0.1000"
std::string bracket(const stats::Interval& interval);

}  // namespace fader

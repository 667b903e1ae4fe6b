// What captions of figures share.
#pragma once
#include <string>

#include "analysis/compare.h"

namespace fader {

/// Of figures with a row a policy: of more policies, the best.
inline constexpr std::size_t kRowsDrawn = 60;

std::string seeds_in_words(std::size_t fewest, std::size_t most);   ///< "5 seeds", "3 to 5 seeds"
/// Of the policies that are shown.
std::string seeds_of(const Comparison& comparison, bool (*shown)(const Contender&));

/// Of figures of many curves: who has a name, at length for a caption and in brief for the figure itself; "" when all have.
std::string named_at_length(const Comparison& comparison);
std::string named_in_brief(const Comparison& comparison);

}  // namespace fader

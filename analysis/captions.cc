#include "analysis/captions.h"

#include <fmt/format.h>

#include <algorithm>

namespace fader {

std::string seeds_in_words(std::size_t fewest, std::size_t most) {
  if (fewest == most) return fmt::format("{} seed{}", most, most == 1 ? "" : "s");
  return fmt::format("{} to {} seeds", fewest, most);
}

std::string seeds_of(const Comparison& all, bool (*shown)(const Contender&)) {
  std::size_t fewest = SIZE_MAX, most = 0;
  for (const Contender& c : all.contenders) {
    if (!shown(c)) continue;
    fewest = std::min(fewest, c.runs.size());
    most = std::max(most, c.runs.size());
  }
  return seeds_in_words(std::min(fewest, most), most);
}

std::string named_at_length(const Comparison& all) {
  if (all.named() == all.contenders.size()) return "";
  return fmt::format(" {} of {} policies are named: {}the best {} and the worst by {}; the others are grey, without bands.", all.named(),
                     all.contenders.size(), all.baseline.empty() ? "" : all.baseline + " (the baseline), ", kBestNamed, all.quantity);
}
std::string named_in_brief(const Comparison& all) {
  return all.named() == all.contenders.size() ? "" : fmt::format("; {} of {} policies named", all.named(), all.contenders.size());
}

}  // namespace fader

#include "agents/prefer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace fader {

void prefer(const std::string& which, std::span<float> losses) {
  if (which == "high") return;
  if (which == "low") {
    for (float& x : losses) x = -x;
    return;
  }
  FADER_CHECK_EQ(which, std::string("middle"));
  if (!std::all_of(losses.begin(), losses.end(), [](float x) { return std::isfinite(x); })) return;  // the environment says so
  std::vector<float> sorted(losses.begin(), losses.end());
  std::sort(sorted.begin(), sorted.end());
  for (float& x : losses) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), x);
    const auto below = static_cast<double>(first - sorted.begin()), equal = static_cast<double>(last - first);
    x = static_cast<float>(-std::abs((below + equal / 2) / static_cast<double>(sorted.size()) - 0.5));
  }
}

}  // namespace fader

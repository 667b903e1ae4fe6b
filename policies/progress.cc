#include "policies/progress.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace fader {
namespace {

constexpr double kRounding = 1e-9;  // t / T times T may fall short of t

}  // namespace

EpisodeProgress::EpisodeProgress(const PolicyContext& context, std::string_view who) {
  std::vector<std::string> shown;
  for (const Field& field : context.observation) {
    if (field.name == "progress") {
      offset_ = field.offset;
      return;
    }
    shown.push_back(field.name);
  }
  throw ConfigError(fmt::format("{} goes by the field 'progress', and the environment shows none; it shows: {}; "
                                "show it, or play weights that do not depend on it",
                                who, shown.empty() ? "nothing" : fmt::format("{}", fmt::join(shown, ", "))));
}

double EpisodeProgress::of(std::span<const double> x) const {
  const double p = x[offset_];
  return std::isnan(p) ? 0 : std::clamp(p, 0.0, 1.0);
}

Between between(std::span<const double> at, double progress) {
  FADER_CHECK(!at.empty());
  const auto after = static_cast<std::size_t>(std::upper_bound(at.begin(), at.end(), progress) - at.begin());
  if (after == 0) return {};
  if (after == at.size()) return {after - 1, after - 1, 0};
  return {after - 1, after, (progress - at[after - 1]) / (at[after] - at[after - 1])};
}

std::size_t stretch_of(double progress, std::size_t n) {
  FADER_CHECK(n > 0 && progress >= 0);
  return std::min(static_cast<std::size_t>(progress * static_cast<double>(n) + kRounding), n - 1);
}

}  // namespace fader

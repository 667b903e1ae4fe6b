#include "agents/static_agent.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fader {

StaticAgent::StaticAgent(const Corpus& corpus, StaticColumn column) : column_(std::move(column)) {
  const auto pool = corpus.set(Set::pool);
  const auto score = [&](PassageId id) { return column_.values[id]; };
  if (!pool.empty() && std::ranges::all_of(pool, [&](PassageId id) { return score(id) == score(pool[0]); }))
    remark(fmt::format("all passages of the pool score {:g}, which tells none from another: it picks at random", score(pool[0])));
}

void StaticAgent::score(std::span<ScoreJob> jobs, Trainer&) {
  for (const ScoreJob& job : jobs)
    for (std::size_t i = 0; i < job.passages.size(); ++i) job.score[i] = column_.values[job.passages[i]];
}

bool rank_missing_last(std::span<float> scores) {
  constexpr float kLeast = std::numeric_limits<float>::lowest();
  float lowest = std::numeric_limits<float>::infinity();
  for (const float s : scores)
    if (!std::isnan(s)) lowest = std::min(lowest, s);
  if (std::isinf(lowest)) return false;
  const float below = std::max(kLeast, std::min(lowest - 1, std::nextafter(lowest, kLeast)));  // far from zero, minus one is nothing
  for (float& s : scores)
    if (std::isnan(s)) s = below;
  return true;
}

void check_band(const std::string& option, const std::vector<double>& band) {
  if (band.empty() || (band.size() == 2 && band[0] <= band[1])) return;
  const std::string found = band.size() == 2 ? fmt::format("is [{}, {}]", band[0], band[1]) : fmt::format("has {} numbers", band.size());
  throw ConfigError(fmt::format("{} {}; expected [from, to] in ascending order, or []", option, found));
}

double band_score(const std::vector<double>& band, double x) { return std::min({0.0, x - band[0], band[1] - x}); }

}  // namespace fader

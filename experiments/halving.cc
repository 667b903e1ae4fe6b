#include "experiments/halving.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fader {
namespace {

/// Of a rung, by candidate; empty where not all its runs are complete, or the metric is not there.
std::vector<std::vector<double>> metric_of(const Halving& halving, const std::vector<std::size_t>& rung, const std::vector<std::size_t>& seeds,
                                           const Results& results) {
  std::vector<std::vector<double>> out(rung.size());
  for (std::size_t c = 0; c < rung.size(); ++c) {
    for (const auto& [seed, outcome] : results.outcomes(rung[c])) {
      const auto value = outcome.find(halving.metric);
      if (value != outcome.end() && std::isfinite(value->second)) out[c].push_back(value->second);
    }
    if (out[c].size() < seeds[c]) out[c].clear();
  }
  return out;
}

std::vector<std::size_t> seeds_of(const std::vector<std::size_t>& rung, const std::vector<Point>& points) {
  std::vector<std::size_t> out;
  for (const std::size_t p : rung) out.push_back(points[p].run.seeds.size());
  return out;
}

std::size_t kept_of(std::size_t played, std::size_t eta) { return (played + eta - 1) / eta; }

}  // namespace

std::int64_t resource_at(const Halving& halving, std::int64_t whole, std::size_t rung) {
  double value = static_cast<double>(whole);
  for (std::size_t r = rung + 1; r < halving.rungs; ++r) value /= static_cast<double>(halving.eta);
  return std::max<std::int64_t>(1, std::llround(value));
}

std::vector<std::size_t> best_of(const Halving& halving, const std::vector<std::vector<double>>& outcomes) {
  std::vector<std::size_t> order;
  std::vector<double> mean(outcomes.size());
  for (std::size_t c = 0; c < outcomes.size(); ++c) {
    if (outcomes[c].empty()) continue;
    order.push_back(c);
    mean[c] = std::accumulate(outcomes[c].begin(), outcomes[c].end(), 0.0) / static_cast<double>(outcomes[c].size());
    if (!halving.lower_is_better) mean[c] = -mean[c];
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return mean[a] < mean[b]; });
  return order;
}

void link_rungs(const Halving& halving, const std::vector<std::vector<std::size_t>>& rungs, std::vector<Point>& points) {
  std::size_t playing = halving.candidates;
  for (std::size_t r = 1; r < rungs.size(); ++r) {
    playing = kept_of(playing, halving.eta);
    const std::vector<std::size_t> seeds = seeds_of(rungs[r - 1], points);
    for (std::size_t c = 0; c < rungs[r].size(); ++c) {
      Point& point = points[rungs[r][c]];
      point.after = rungs[r - 1];
      point.share = static_cast<double>(playing) / static_cast<double>(halving.candidates);
      point.wanted = [halving, before = rungs[r - 1], seeds, c, playing](const Results& results) {
        const auto order = best_of(halving, metric_of(halving, before, seeds, results));
        const auto last = order.begin() + static_cast<std::ptrdiff_t>(std::min(playing, order.size()));
        return std::find(order.begin(), last, c) != last;
      };
    }
  }
}

std::function<std::optional<std::size_t>(const Results&)> winner(const Halving& halving, const std::vector<std::size_t>& last_rung,
                                                                 const std::vector<Point>& points) {
  return [halving, last_rung, seeds = seeds_of(last_rung, points)](const Results& results) -> std::optional<std::size_t> {
    const auto order = best_of(halving, metric_of(halving, last_rung, seeds, results));
    if (order.empty()) return std::nullopt;
    return order[0];
  };
}

}  // namespace fader

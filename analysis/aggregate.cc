#include "analysis/aggregate.h"

#include <algorithm>

#include "analysis/stats.h"
#include "core/error.h"

namespace fader::stats {
namespace {

std::vector<double> pool(const Scores& scores) {
  std::vector<double> all;
  for (const auto& task : scores) all.insert(all.end(), task.begin(), task.end());
  return all;
}

std::vector<double> task_means(const Scores& scores) {
  std::vector<double> means;
  for (const auto& task : scores)
    if (!task.empty()) means.push_back(mean(task));
  return means;
}

/// Share of pairs that x wins: for each of x, those of y below it and half of those equal to it.
double share_won(const std::vector<double>& x, std::vector<double> y) {
  std::sort(y.begin(), y.end());
  double won = 0;
  for (const double v : x) {
    const auto [first, last] = std::equal_range(y.begin(), y.end(), v);
    won += 0.5 * static_cast<double>((first - y.begin()) + (last - y.begin()));
  }
  return won / (static_cast<double>(x.size()) * static_cast<double>(y.size()));
}

}  // namespace

double interquartile_mean(const Scores& scores) { return interquartile_mean(std::span<const double>(pool(scores))); }

double mean_over_tasks(const Scores& scores) { return mean(task_means(scores)); }

double median_over_tasks(const Scores& scores) { return median(task_means(scores)); }

double optimality_gap(const Scores& scores, double target) {
  std::vector<double> gaps = pool(scores);
  for (double& x : gaps) x = std::max(target - x, 0.0);
  return mean(gaps);
}

double probability_of_improvement(const Scores& x, const Scores& y) {
  FADER_CHECK_EQ(x.size(), y.size());
  std::vector<double> shares;
  for (std::size_t task = 0; task < x.size(); ++task) shares.push_back(share_won(x[task], y[task]));
  return mean(shares);
}

std::vector<double> performance_profile(const Scores& scores, std::span<const double> thresholds) {
  std::vector<double> all = pool(scores), profile;
  std::sort(all.begin(), all.end());
  for (const double threshold : thresholds) {
    const auto above = all.end() - std::upper_bound(all.begin(), all.end(), threshold);
    profile.push_back(all.empty() ? kNaN : static_cast<double>(above) / static_cast<double>(all.size()));
  }
  return profile;
}

}  // namespace fader::stats

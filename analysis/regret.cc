#include "analysis/regret.h"

#include <algorithm>

#include "core/error.h"

namespace fader::stats {

std::vector<double> cumulative_regret(std::span<const double> fixed, std::span<const double> run) {
  std::vector<double> regret(std::min(fixed.size(), run.size()));
  double sum = 0;
  for (std::size_t t = 0; t < regret.size(); ++t) regret[t] = sum += fixed[t] - run[t];
  return regret;
}

RegretCurve regret(const std::vector<std::vector<double>>& fixed_by_seed, const std::vector<std::vector<double>>& run_by_seed,
                   double confidence) {
  FADER_CHECK_EQ(fixed_by_seed.size(), run_by_seed.size());
  RegretCurve out;
  out.n = run_by_seed.size();
  if (out.n == 0) return out;
  std::vector<std::vector<double>> by_seed;
  for (std::size_t i = 0; i < out.n; ++i) by_seed.push_back(cumulative_regret(fixed_by_seed[i], run_by_seed[i]));
  const auto shortest = std::min_element(by_seed.begin(), by_seed.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  std::vector<double> at(out.n);
  for (std::size_t t = 0; t < shortest->size(); ++t) {
    for (std::size_t i = 0; i < out.n; ++i) at[i] = by_seed[i][t];
    out.mean.push_back(mean(at));
    out.interval.push_back(t_interval(at, confidence));
  }
  return out;
}

}  // namespace fader::stats

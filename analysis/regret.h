// Regret of a policy against paired runs of the best fixed vector: R_t = sum over decisions u <= t of (r_fixed,u - r_u), the two runs of
// one seed side by side. Positive: the fixed vector earned more. Unlike regret against an optimum, which known-answer environments state,
// this can be measured anywhere; it can be negative, and is where adapting pays.
//
// Rewards are finite and in one unit, that of the regret. Runs of unequal length: each decision that all of them have. Thread-safe.
#pragma once
#include <span>
#include <vector>

#include "analysis/stats.h"

namespace fader::stats {

/// R_t of one pair of runs, a number a decision, as long as the shorter of the two.
std::vector<double> cumulative_regret(std::span<const double> fixed, std::span<const double> run);

struct RegretCurve {
  std::vector<double> mean;        ///< over seeds, at each decision, the first one first
  std::vector<Interval> interval;  ///< of the mean at that decision alone (paired t over seeds); not known for one seed
  std::size_t n = 0;               ///< seeds
};
/// [seed][decision]; equally many seeds, in the same order.
RegretCurve regret(const std::vector<std::vector<double>>& fixed_by_seed, const std::vector<std::vector<double>>& run_by_seed,
                   double confidence);

}  // namespace fader::stats

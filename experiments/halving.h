// Successive halving: many candidates for what a policy is played with, fewer of them for longer, until one is left.
//
//   rung r = 0, 1, ... of R:   every candidate that is still there plays the tuning seeds with `resource` times eta^-(R-1-r) of its
//                              whole value; the best ceil(n / eta) of the n by the mean of the metric go on to the next rung
//   then:                      the best of the last rung is what the policy is, on the seeds of the experiment
//
// Every run ends its own learning-rate schedule, so that what is compared is complete at every rung. Without a resource all rungs are of
// full length, each on seeds of its own. A candidate of which a run failed is out. Jamieson and Talwalkar 2016
// (arXiv 1502.07943), with resources as in Li et al. 2018 (arXiv 1603.06560). Status: checked by hand (tests/experiments/halving_test.cc).
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "experiments/config.h"

namespace fader {

struct Halving {
  std::size_t candidates = 0, rungs = 2, eta = 4;
  std::string metric;                  ///< of RunOutcome
  bool lower_is_better = true;
};

/// Whether `value` of the resource at a rung is its whole value divided by eta^(rungs - 1 - rung); at least 1.
std::int64_t resource_at(const Halving& halving, std::int64_t whole, std::size_t rung);

/// Links points: `rungs[r][c]` are the indices of candidate c's points, in `points`. Fills their `after`, `wanted` and `share`.
void link_rungs(const Halving& halving, const std::vector<std::vector<std::size_t>>& rungs, std::vector<Point>& points);

/// Of the candidates that played the last rung (of `points`) to its end the best; nothing when there is none.
std::function<std::optional<std::size_t>(const Results&)> winner(const Halving& halving, const std::vector<std::size_t>& last_rung,
                                                                 const std::vector<Point>& points);

/// Candidates that go on from a rung, best first: the mean of the metric over seeds, of those whose runs are all complete.
/// `outcomes[c]`: of the candidates that played the rung; empty: did not, or failed. Ties: the lower index.
std::vector<std::size_t> best_of(const Halving& halving, const std::vector<std::vector<double>>& outcomes);

}  // namespace fader

// Pairs of policies on known-answer environments, seed by seed, and how often the intervals of their difference hold the truth.
#pragma once
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "analysis/resample.h"
#include "analysis/significance.h"
#include "tests/oracle/bandit_play.h"

namespace fader::testing {

using Settings = std::function<void(Options&)>;

struct Duelist {
  std::string policy;
  Settings set = {};
};

struct Duel {
  std::string name, env;
  Settings set;
  Duelist one, other;
};

/// Return of an episode from scratch, for seeds first, first + 1, ...; `draws` is added to the seed of the policy's own streams.
inline std::vector<double> returns(const Duel& duel, const Duelist& who, std::uint64_t first, std::size_t n, std::uint64_t draws = 0) {
  const auto env = make_env(duel.env, duel.set);
  PolicyContext context;
  context.agents = env->spec().agents;
  context.observation = env->spec().observation;
  context.horizon = env->spec().horizon;
  std::vector<double> all;
  for (std::uint64_t seed = first; seed < first + n; ++seed) {
    const auto reward = play_bandit(*env, *make_policy(who.policy, context, who.set), seed, seed + draws).reward;
    all.push_back(std::accumulate(reward.begin(), reward.end(), 0.0));
  }
  return all;
}

/// one less other, seed by seed; where both are the same policy their own streams differ, and the truth is zero.
inline std::vector<double> differences(const Duel& duel, std::uint64_t first, std::size_t n) {
  std::vector<double> x = returns(duel, duel.one, first, n);
  const std::vector<double> y = returns(duel, duel.other, first, n, duel.one.policy == duel.other.policy ? 1'000'000'007 : 0);
  for (std::size_t i = 0; i < n; ++i) x[i] -= y[i];
  return x;
}

inline const std::vector<Duel>& duels() {
  static const Settings coins = bandit_options({0.2, 0.4, 0.5, 0.6, 0.7}, 100);
  static const std::vector<Duel> all = {
      {"exp3 - ucb, bandit-v0, five coins", "bandit-v0", coins, {"exp3"}, {"ucb"}},
      {"linucb - ucb, contextual-v0", "contextual-v0", {}, {"linucb"}, {"ucb"}},
      {"uniform - ucb, delayed-v0", "delayed-v0", {}, {"uniform"}, {"ucb"}},
      {"hedge - ucb, misleading-v0", "misleading-v0", {}, {"hedge"}, {"ucb"}},
      {"gradient_bandit - ucb, hidden-v0", "hidden-v0", {}, {"gradient_bandit"}, {"ucb"}},
      {"uniform - ucb, collinear-v0", "collinear-v0", {}, {"uniform"}, {"ucb"}},
  };
  return all;
}

/// The same policy twice: nothing but its own draws differs.
inline const std::vector<Duel>& even_duels() {
  static const std::vector<Duel> all = {
      {"exp3, bandit-v0, five coins", "bandit-v0", duels()[0].set, {"exp3"}, {"exp3"}},
      {"gradient_bandit, contextual-v0", "contextual-v0", {}, {"gradient_bandit"}, {"gradient_bandit"}},
      {"gradient_bandit, hidden-v0", "hidden-v0", {}, {"gradient_bandit"}, {"gradient_bandit"}},
      {"ucb, bandit-v0", "bandit-v0", {}, {"ucb"}, {"ucb"}},
  };
  return all;
}

/// Over replications of an experiment of n seeds.
struct Coverage {
  std::size_t n = 0;
  double t = 0, percentile = 0;              ///< share whose 95% interval holds the truth
  double studentised = 0;                    ///< of those with a studentised interval: the same
  double unknown = 0;                        ///< share without one
  double wilcoxon = 0;                       ///< share whose signed-rank p is at most 0.05
};

/// Replication r has the n differences from r n on.
inline Coverage coverage(std::span<const double> all, double truth, std::size_t n, std::size_t replications, std::size_t draws) {
  FADER_CHECK(n * replications <= all.size(), "{} replications of {} out of {}", replications, n, all.size());
  const auto mean = [](std::span<const double> x) { return stats::mean(x); };
  std::size_t t = 0, percentile = 0, studentised = 0, known = 0, wilcoxon = 0;
  for (std::size_t r = 0; r < replications; ++r) {
    const auto x = all.subspan(r * n, n);
    const Rng stream(r, "test/coverage");
    const stats::Interval found = stats::studentised_bootstrap(x, {0.95, draws}, stream);
    t += stats::t_interval(x, 0.95).holds(truth);
    studentised += found.holds(truth);
    known += found.known();
    percentile += stats::percentile_bootstrap(x, mean, {0.95, draws}, stream).holds(truth);
    wilcoxon += stats::wilcoxon(x).p <= 0.05;
  }
  const auto share = [](std::size_t part, std::size_t whole) { return static_cast<double>(part) / static_cast<double>(whole); };
  return {n, share(t, replications), share(percentile, replications), share(studentised, known), 1 - share(known, replications),
          share(wilcoxon, replications)};
}

}  // namespace fader::testing

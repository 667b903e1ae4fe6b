// Rewards that are linear in what is observed, each agent with coefficients of its own: a problem to play contextual bandits on.
//
// x is drawn anew each decision, uniformly from [-1, 1]^d; agent k earns theta_k . (x, 1) + noise. What is observed is x alone.
// Every `change_every` decisions the coefficients move on by one agent.
#pragma once
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "tests/policies/console.h"

namespace fader::testing {

struct Linear {
  std::vector<std::vector<double>> theta;  // [K][d + 1]
  double noise = 0.1;
  int horizon = 1000, change_every = 0;

  double mean(std::size_t agent, std::span<const double> x, int t) const {
    const std::size_t moved = change_every > 0 ? static_cast<std::size_t>(t / change_every) : 0;
    const auto& row = theta[(agent + moved) % theta.size()];
    double sum = row.back();
    for (std::size_t j = 0; j < x.size(); ++j) sum += row[j] * x[j];
    return sum;
  }
  PolicyContext context() const {
    PolicyContext c = context_of(theta.size());
    c.observation = {{"seen", 0, theta[0].size() - 1}};
    return c;
  }
};

/// Sum over the decisions of the best agent's mean, given x, less the played one's.
inline double play_linear(const Linear& problem, Policy& policy, std::uint64_t seed) {
  const std::size_t k = problem.theta.size(), d = problem.theta[0].size() - 1;
  const std::array<int, 1> slots = {0};
  std::vector<Rng> streams = {Rng(seed, "policy")};
  Rng world(seed, "world"), learner(seed, "learn");
  Grid<double> before(1, d), after(1, d), none(1, 0);
  const auto look = [&](Grid<double>& x) {
    for (double& v : x.view().flat()) v = 2 * world.uniform() - 1;
  };
  Decisions decided;
  decided.fit(policy.spec(), k, 1);
  policy.begin(slots, streams);
  look(before);
  double regret = 0;
  for (int t = 0; t < problem.horizon; ++t) {
    policy.decide({slots, std::as_const(before).view()}, streams, decided);
    const auto arm = static_cast<std::size_t>(decided.arm[0]);
    double best = problem.mean(0, before[0], t);
    for (std::size_t a = 1; a < k; ++a) best = std::max(best, problem.mean(a, before[0], t));
    const double mean = problem.mean(arm, before[0], t);
    regret += best - mean;
    const std::array<double, 1> reward = {mean + problem.noise * world.normal()}, se = {problem.noise};
    const std::array<End, 1> end = {End::no};
    look(after);
    policy.learn({{slots, std::as_const(before).view()}, decided, reward, se, none.view(), none.view(), std::as_const(after).view(), end},
                 learner);
    std::swap(before, after);
  }
  return regret;
}

}  // namespace fader::testing

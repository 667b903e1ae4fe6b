// Sliding-window UCB against a computation from the whole history, and on means that change.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/oracle/bandit_play.h"

using namespace fader;
using namespace fader::testing;

namespace {

std::function<void(Options&)> sliding(std::int64_t tau, double xi, double bound = 1) {
  return [=](Options& o) {
    set_option(o, "tau", tau);
    set_option(o, "xi", xi);
    set_option(o, "bound", bound);
  };
}

}  // namespace

TEST_CASE("sliding_ucb agrees with its definition, step by step", "[oracle]") {
  const std::int64_t tau = GENERATE(7, 20, 100);
  const double bound = GENERATE(1.0, 0.5);
  const std::size_t agents = GENERATE(2, 5);
  const double xi = 0.6;
  CAPTURE(tau, bound, agents);
  const auto context = context_of(agents);
  Console console(make_policy("sliding_ucb", context, sliding(tau, xi, bound)), context, 31);
  std::vector<std::size_t> arms;
  std::vector<double> rewards;
  Rng rng(6, "rewards");
  for (std::size_t t = 0; t < 300; ++t) {
    const auto& d = console.decide();
    const auto arm = static_cast<std::size_t>(d.arm[0]);
    const std::size_t first = t > static_cast<std::size_t>(tau) ? t - static_cast<std::size_t>(tau) : 0;
    std::vector<double> count(agents, 0), sum(agents, 0), index(agents);
    for (std::size_t s = first; s < t; ++s) count[arms[s]] += 1, sum[arms[s]] += rewards[s];
    const auto forgotten = static_cast<double>(std::count(count.begin(), count.end(), 0.0));
    const double log_n = std::log(static_cast<double>(std::min(t, static_cast<std::size_t>(tau))));
    if (forgotten > 0) {
      REQUIRE(count[arm] == 0);
      REQUIRE(d.probability[0][arm] == Approx(1 / forgotten));
    } else {
      for (std::size_t a = 0; a < agents; ++a) index[a] = sum[a] / count[a] + bound * std::sqrt(xi * log_n / count[a]);
      const auto best = std::max_element(index.begin(), index.end());
      REQUIRE(arm == static_cast<std::size_t>(best - index.begin()));
      REQUIRE(d.diagnostics[0][0] == Approx(*best).epsilon(1e-10));
      REQUIRE(d.diagnostics[0][3] == count[arm]);
    }
    arms.push_back(arm);
    rewards.push_back(bound * rng.uniform());
    console.learn({rewards.back()});
  }
}

TEST_CASE("sliding_ucb whose window is never full is UCB1", "[oracle]") {
  check_ucb1("sliding_ucb", sliding(1000, 2));
}

// The third coin is the best of all and the worst of all by turns; what it once earned misleads those who remember.
TEST_CASE("sliding_ucb follows means that change, where ucb does not", "[oracle]") {
  constexpr std::int64_t kHorizon = 12000, kChange = 3000;
  constexpr int kSeeds = 10;
  const auto tau = static_cast<std::int64_t>(2 * std::sqrt(kHorizon * std::log(kHorizon) / 3));  // three changes
  const auto env = make_env("bandit-v0", bandit_options({0.5, 0.1, 1.0}, kHorizon, kChange, {{0.5, 0.1, 0.0}}));
  double stationary = 0, sliding_regret = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    stationary += play_bandit(*env, *make_policy("ucb", context_of(3)), seed).total_regret / kSeeds;
    sliding_regret += play_bandit(*env, *make_policy("sliding_ucb", context_of(3), sliding(tau, 0.6)), seed).total_regret / kSeeds;
  }
  INFO("regret: ucb " << stationary << ", sliding_ucb " << sliding_regret);
  REQUIRE(sliding_regret < 0.5 * stationary);
}

TEST_CASE("slots in lockstep share the moments of sliding_ucb", "[oracle]") {
  const auto context = context_of(2, 3);
  Console console(make_policy("sliding_ucb", context, sliding(4, 0.6)), context, 41);
  std::vector<std::vector<std::int64_t>> moments;
  for (int t = 0; t < 20; ++t) {
    const auto& d = console.decide();
    double count[2] = {0, 0};
    for (std::size_t s = moments.size() > 4 ? moments.size() - 4 : 0; s < moments.size(); ++s)
      for (const auto arm : moments[s]) count[arm] += 1;
    for (std::size_t i = 0; i < 3; ++i) REQUIRE(d.diagnostics[i][3] == count[d.arm[i]]);
    moments.push_back(d.arm);
    console.learn({0.1, 0.5, 0.9});
  }
}

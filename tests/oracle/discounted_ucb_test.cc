// Discounted UCB against a computation from the whole history, and on means that change.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/oracle/bandit_play.h"

using namespace fader;
using namespace fader::testing;

namespace {

std::function<void(Options&)> discounted(double gamma, double xi, double bound = 1) {
  return [=](Options& o) {
    set_option(o, "gamma", gamma);
    set_option(o, "xi", xi);
    set_option(o, "bound", bound);
  };
}

}  // namespace

TEST_CASE("discounted_ucb agrees with its definition, step by step", "[oracle]") {
  const double gamma = GENERATE(0.8, 0.95, 0.99), bound = GENERATE(1.0, 0.5);
  const std::size_t agents = GENERATE(2, 5);
  const double xi = 0.6;
  CAPTURE(gamma, bound, agents);
  const auto context = context_of(agents);
  Console console(make_policy("discounted_ucb", context, discounted(gamma, xi, bound)), context, 31);
  std::vector<std::size_t> arms;
  std::vector<double> rewards;
  Rng rng(6, "rewards");
  for (std::size_t t = 0; t < 300; ++t) {
    const auto& d = console.decide();
    const auto arm = static_cast<std::size_t>(d.arm[0]);
    if (t < agents) {
      REQUIRE(std::count(arms.begin(), arms.end(), arm) == 0);
    } else {
      std::vector<double> count(agents, 0), sum(agents, 0), index(agents);
      for (std::size_t s = 0; s < t; ++s) {
        const double weight = std::pow(gamma, static_cast<double>(t - 1 - s));
        count[arms[s]] += weight;
        sum[arms[s]] += weight * rewards[s];
      }
      const double n = std::accumulate(count.begin(), count.end(), 0.0);
      for (std::size_t a = 0; a < agents; ++a) index[a] = sum[a] / count[a] + 2 * bound * std::sqrt(xi * std::log(n) / count[a]);
      const auto best = std::max_element(index.begin(), index.end());
      REQUIRE(arm == static_cast<std::size_t>(best - index.begin()));
      REQUIRE(d.diagnostics[0][0] == Approx(*best).epsilon(1e-10));
      REQUIRE(d.diagnostics[0][3] == Approx(count[arm]).epsilon(1e-10));
      double entropy = 0;
      for (const double c : count) entropy -= c / n * std::log(c / n);
      REQUIRE(d.diagnostics[0][4] == Approx(entropy).epsilon(1e-9));
    }
    arms.push_back(arm);
    rewards.push_back(bound * rng.uniform());
    console.learn({rewards.back()});
  }
}

TEST_CASE("discounted_ucb that never forgets is UCB1", "[oracle]") {
  check_ucb1("discounted_ucb", discounted(1, 0.5));
}

// The third coin is the best of all and the worst of all by turns; what it once earned misleads those who remember.
TEST_CASE("discounted_ucb follows means that change, where ucb does not", "[oracle]") {
  constexpr std::int64_t kHorizon = 20000, kChange = 5000;
  constexpr int kSeeds = 20;
  const double gamma = 1 - std::sqrt(3.0 / kHorizon) / 4;  // three changes
  const auto env = make_env("bandit-v0", bandit_options({0.5, 0.1, 1.0}, kHorizon, kChange, {{0.5, 0.1, 0.0}}));
  double stationary = 0, forgetting = 0, slow = 0, quick = 0;
  const auto recovered = [](const Played& p) {  // share of the best arm between 500 and 2,500 decisions after each fall
    const auto hits = [&](std::ptrdiff_t change) {
      const auto fall = p.regret.begin() + change;
      return std::count(fall + 500, fall + 2500, 0.0);
    };
    return static_cast<double>(hits(kChange) + hits(3 * kChange)) / 4000;
  };
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto a = play_bandit(*env, *make_policy("ucb", context_of(3)), seed);
    const auto b = play_bandit(*env, *make_policy("discounted_ucb", context_of(3), discounted(gamma, 0.6)), seed);
    stationary += a.total_regret / kSeeds;
    forgetting += b.total_regret / kSeeds;
    slow += recovered(a) / kSeeds;
    quick += recovered(b) / kSeeds;
  }
  INFO("regret: ucb " << stationary << ", discounted_ucb " << forgetting << "; best arm soon after a fall: ucb " << slow
                      << ", discounted_ucb " << quick);
  REQUIRE(forgetting < 0.7 * stationary);
  REQUIRE(quick > 0.6);
  REQUIRE(slow < 0.1);
}

TEST_CASE("slots in lockstep age together in discounted_ucb", "[oracle]") {
  const auto context = context_of(2, 3);
  Console console(make_policy("discounted_ucb", context, discounted(0.5, 0.6)), context, 41);
  double count[2] = {0, 0};
  for (int t = 0; t < 20; ++t) {
    const auto& d = console.decide();
    for (std::size_t i = 0; i < 3; ++i) REQUIRE(d.diagnostics[i][3] == Approx(count[d.arm[i]]).margin(1e-300));
    for (double& c : count) c *= 0.5;
    for (std::size_t i = 0; i < 3; ++i) count[d.arm[i]] += 1;
    console.learn({0.1, 0.5, 0.9});
  }
}

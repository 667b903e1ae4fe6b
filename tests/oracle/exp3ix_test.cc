// EXP3-IX against its bound, which holds with high probability, and against a computation from all losses.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/oracle/bandit_play.h"
#include "tests/oracle/credit_game.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("exp3ix stays below its bound in every episode, where uniform play is above twice the bound", "[oracle]") {
  constexpr std::int64_t kHorizon = 20000;
  constexpr int kSeeds = 20;
  const std::string rates = GENERATE("horizon", "anytime");
  // Theorem 1 of Neu (2015), each to hold with probability 1 - delta; for all episodes with probability 0.99.
  const double kt = 4.0 * kHorizon, log_k = std::log(4.0), log_delta = std::log(2.0 * kSeeds / 0.01);
  const double bound = rates == "horizon" ? 2 * std::sqrt(2 * kt * log_k) + (std::sqrt(2 * kt / log_k) + 1) * log_delta
                                          : 4 * std::sqrt(kt * log_k) + (2 * std::sqrt(kt / log_k) + 1) * log_delta;
  const auto env = make_env("bandit-v0", bandit_options({0, 0, 0.9, 0}, kHorizon));
  REQUIRE(0.675 * kHorizon > 2 * bound);
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto policy = make_policy("exp3ix", context_for(4, kHorizon), [&](Options& o) { set_option(o, "rates", rates); });
    const double regret = play_bandit(*env, *policy, seed).total_regret;
    CAPTURE(rates, seed, bound, regret);
    REQUIRE(regret < bound);
  }
}

TEST_CASE("exp3ix agrees with its definition, step by step", "[oracle]") {
  const std::string rates = GENERATE("horizon", "anytime");
  const std::size_t agents = GENERATE(2, 5);
  const int slots = GENERATE(1, 2);
  CAPTURE(rates, agents, slots);
  const double k = static_cast<double>(agents);
  const auto context = context_for(agents, 300, slots);
  Console console(make_policy("exp3ix", context, [&](Options& o) { set_option(o, "rates", rates); }), context, 47);
  Point losses(agents, 0.0);
  Rng rng(4, "rewards");
  for (int t = 1; t <= 300; ++t) {
    const double eta = rates == "horizon" ? std::sqrt(2 * std::log(k) / k / 300) : std::sqrt(std::log(k) / k / t);
    const auto& d = console.decide();
    Point p(agents);
    double sum = 0;
    for (std::size_t a = 0; a < agents; ++a) sum += p[a] = std::exp(-eta * losses[a]);
    std::vector<double> rewards;
    for (std::size_t i = 0; i < static_cast<std::size_t>(slots); ++i) {
      for (std::size_t a = 0; a < agents; ++a) REQUIRE(d.probability[i][a] == Approx(p[a] / sum).epsilon(1e-9));
      const auto arm = static_cast<std::size_t>(d.arm[i]);
      const double reward = 1.4 * rng.uniform() - 0.2;  // at times to be cut
      rewards.push_back(reward);
      losses[arm] += (1 - std::min(1.0, std::max(0.0, reward))) / (p[arm] / sum + eta / 2);
    }
    console.learn(rewards);
  }
}

// The point of implicit exploration: no episode is much worse than the others, and even play is not paid for.
TEST_CASE("exp3ix loses less than exp3, and no episode loses much more than another", "[oracle]") {
  constexpr std::int64_t kHorizon = 5000;
  constexpr int kSeeds = 40;
  const auto env = make_env("bandit-v0", bandit_options({0.5, 0.6, 0.5, 0.5}, kHorizon));
  const auto regrets = [&](const std::string& name) {
    std::vector<double> out;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
      out.push_back(play_bandit(*env, *make_policy(name, context_for(4, kHorizon)), seed).total_regret);
    std::sort(out.begin(), out.end());
    return out;
  };
  const auto implicit = regrets("exp3ix"), mixed = regrets("exp3");
  CAPTURE(implicit, mixed);
  REQUIRE(implicit[kSeeds / 2] < mixed[kSeeds / 2]);
  REQUIRE(implicit.back() < 2 * implicit[kSeeds / 2]);
}

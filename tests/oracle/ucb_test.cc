// UCB1 against its regret bound; every variant against a computation from the whole history.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/oracle/bandit_play.h"

using namespace fader;
using namespace fader::testing;

namespace {

constexpr double kPi = 3.141592653589793;

// Theorem 1 of Auer, Cesa-Bianchi and Fischer (2002).
double ucb1_bound(const std::vector<double>& means, double n) {
  const double best = *std::max_element(means.begin(), means.end());
  double bound = 0;
  for (const double m : means)
    if (best > m) bound += 8 * std::log(n) / (best - m) + (1 + kPi * kPi / 3) * (best - m);
  return bound;
}

// The index of an arm, from all that it ever earned and the number of plays of all arms.
double index_from_history(const std::string& variant, double c, const std::vector<double>& earned, double t) {
  const double n = static_cast<double>(earned.size());
  const double mean = std::accumulate(earned.begin(), earned.end(), 0.0) / n;
  const double mean_square = std::inner_product(earned.begin(), earned.end(), earned.begin(), 0.0) / n;
  const double variance = std::max(0.0, mean_square - mean * mean);
  if (variant == "ucb1") return mean + c * std::sqrt(2 * std::log(t) / n);
  if (variant == "tuned")
    return mean + c * std::sqrt(std::log(t) / n * std::min(0.25, variance + std::sqrt(2 * std::log(t) / n)));
  const double e = 1.2 * std::log(t);
  return mean + c * (std::sqrt(2 * variance * e / n) + 3 * e / n);
}

}  // namespace

TEST_CASE("UCB1 stays below its bound where uniform play is above twice the bound", "[oracle]") {
  const std::vector<double> means = {0.5, 0.5, 0.5, 0.7};
  constexpr std::int64_t kHorizon = 20000;
  const double bound = ucb1_bound(means, kHorizon), uniform = 0.15 * kHorizon;
  REQUIRE(uniform > 2 * bound);
  const auto env = make_env("bandit-v0", bandit_options(means, kHorizon));
  double ucb = 0, even = 0;
  constexpr int kSeeds = 20;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    ucb += play_bandit(*env, *make_policy("ucb", context_of(4)), seed).total_regret / kSeeds;
    if (seed < 2) even += play_bandit(*env, *make_policy("uniform", context_of(4)), seed).total_regret / 2;
  }
  INFO("bound " << bound << ", UCB1 " << ucb << " (mean of 20 seeds), uniform " << even);
  REQUIRE(even == Approx(uniform));
  REQUIRE(ucb < bound);
}

TEST_CASE("every variant of ucb agrees with its definition, step by step", "[oracle]") {
  const std::string variant = GENERATE("ucb1", "tuned", "v");
  const double c = GENERATE(1.0, 0.3);
  const std::size_t agents = GENERATE(2, 5);
  CAPTURE(variant, c, agents);
  const auto context = context_of(agents);
  Console console(make_policy("ucb", context,
                              [&](Options& o) {
                                set_option(o, "variant", variant);
                                set_option(o, "c", c);
                              }),
                  context, 23);
  std::vector<std::vector<double>> earned(agents);
  Rng rng(4, "rewards");
  for (std::size_t t = 0; t < 400; ++t) {
    const auto& d = console.decide();
    const auto arm = static_cast<std::size_t>(d.arm[0]);
    if (t < agents) {  // every arm once, in any order
      REQUIRE(earned[arm].empty());
      REQUIRE(d.log_density[0] == Approx(-std::log(static_cast<double>(agents - t))));
      REQUIRE(std::isnan(d.diagnostics[0][0]));
    } else {
      std::vector<double> index(agents);
      for (std::size_t a = 0; a < agents; ++a) index[a] = index_from_history(variant, c, earned[a], static_cast<double>(t));
      const auto best = std::max_element(index.begin(), index.end());
      REQUIRE(arm == static_cast<std::size_t>(best - index.begin()));
      REQUIRE(d.diagnostics[0][0] == Approx(*best).epsilon(1e-10));
      REQUIRE(d.diagnostics[0][1] + d.diagnostics[0][2] == Approx(*best).epsilon(1e-10));
      REQUIRE(d.diagnostics[0][3] == static_cast<double>(earned[arm].size()));
      REQUIRE(d.probability[0][arm] == 1);
      REQUIRE(d.log_density[0] == 0);
    }
    const double reward = 0.3 * rng.uniform() + 0.1 * static_cast<double>(arm);
    earned[arm].push_back(reward);
    console.learn({reward});
  }
}

TEST_CASE("ties of ucb are broken evenly and logged as such", "[oracle]") {
  const auto context = context_of(3);
  std::vector<int> count(3, 0);
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Console console(make_policy("ucb", context), context, seed);
    for (int t = 0; t < 3; ++t) {  // the same from every arm
      console.decide();
      console.learn({0.5});
    }
    const auto& d = console.decide();
    for (const double p : d.probability[0]) REQUIRE(p == Approx(1.0 / 3));
    REQUIRE(d.log_density[0] == Approx(-std::log(3.0)));
    ++count[static_cast<std::size_t>(d.arm[0])];
  }
  for (const int n : count) REQUIRE(std::abs(n - 1000) < 4 * std::sqrt(3000 * 2.0 / 9));  // four deviations
}

TEST_CASE("slots in lockstep teach one ucb", "[oracle]") {
  const auto context = context_of(3, 4);
  Console console(make_policy("ucb", context), context, 29);
  std::vector<std::vector<double>> earned(3);
  Rng rng(5, "rewards");
  for (int t = 0; t < 100; ++t) {
    const auto& d = console.decide();
    const bool all_played = std::all_of(earned.begin(), earned.end(), [](const auto& e) { return !e.empty(); });
    std::vector<double> index(3), reward;
    for (std::size_t a = 0; a < 3 && all_played; ++a) index[a] = index_from_history("ucb1", 1, earned[a], 4.0 * t);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto arm = static_cast<std::size_t>(d.arm[i]);
      if (all_played) REQUIRE(static_cast<std::ptrdiff_t>(arm) == std::max_element(index.begin(), index.end()) - index.begin());
      reward.push_back(rng.uniform());
    }
    for (std::size_t i = 0; i < 4; ++i) earned[static_cast<std::size_t>(d.arm[i])].push_back(reward[i]);
    console.learn(reward);
  }
}

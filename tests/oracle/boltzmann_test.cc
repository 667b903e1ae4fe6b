// Boltzmann exploration against a computation from the whole history, and against where it must end.
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/oracle/bandit_play.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("boltzmann agrees with its definition, step by step", "[oracle]") {
  const double tau = GENERATE(0.05, 1.0), alpha = GENERATE(0.1, 1.0);
  const std::size_t agents = GENERATE(2, 5);
  CAPTURE(tau, alpha, agents);
  const auto context = context_of(agents);
  Console console(make_policy("boltzmann", context,
                              [&](Options& o) {
                                set_option(o, "tau", tau);
                                set_option(o, "alpha", alpha);
                                set_option(o, "initial", 0.7);
                              }),
                  context, 29);
  std::vector<std::vector<double>> earned(agents);
  Rng rng(4, "rewards");
  for (int t = 0; t < 300; ++t) {
    const auto& d = console.decide();
    std::vector<double> q(agents);
    double sum = 0;
    for (std::size_t a = 0; a < agents; ++a) {
      const auto n = static_cast<double>(earned[a].size());
      q[a] = std::pow(1 - alpha, n) * 0.7;
      for (std::size_t s = 0; s < earned[a].size(); ++s)
        q[a] += alpha * std::pow(1 - alpha, n - 1 - static_cast<double>(s)) * earned[a][s];
      sum += std::exp(q[a] / tau);
    }
    double entropy = 0;
    for (std::size_t a = 0; a < agents; ++a) {
      const double p = std::exp(q[a] / tau) / sum;
      REQUIRE(d.probability[0][a] == Approx(p).epsilon(1e-9));
      entropy -= p * std::log(p);
    }
    const auto arm = static_cast<std::size_t>(d.arm[0]);
    REQUIRE(d.diagnostics[0][0] == Approx(q[arm]).epsilon(1e-9));
    REQUIRE(d.diagnostics[0][1] == Approx(entropy).epsilon(1e-9).margin(1e-12));
    earned[arm].push_back(rng.uniform() + 0.1 * static_cast<double>(arm));
    console.learn({earned[arm].back()});
  }
}

TEST_CASE("boltzmann settles at its temperature, then at the greatest value when it need not explore", "[oracle]") {
  const std::vector<double> means = {0.2, 0.5, 0.3};  // paid without noise
  double sum = 0;
  for (const double m : means) sum += std::exp(m / 0.1);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto context = context_of(3);
    Console console(make_policy("boltzmann", context), context, seed);
    for (int t = 0; t < 3000; ++t) console.learn({means[static_cast<std::size_t>(console.decide().arm[0])]});
    for (std::size_t a = 0; a < 3; ++a)
      REQUIRE(console.decide().probability[0][a] == Approx(std::exp(means[a] / 0.1) / sum).margin(1e-4));
    console.policy().explore(false);
    REQUIRE(console.decide().probability[0][1] == 1);
  }
}

TEST_CASE("boltzmann follows means that change, and its step is what lets it", "[oracle]") {
  constexpr std::int64_t kHorizon = 1000;
  const auto env = make_env("bandit-v0", bandit_options({0.9, 0.1}, kHorizon, 500, {{0.1, 0.9}}));
  const auto slow = [](Options& o) { set_option(o, "alpha", 0.001); };
  double regret = 0, sluggish = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    regret += play_bandit(*env, *make_policy("boltzmann", context_of(2)), seed).total_regret / 20;
    sluggish += play_bandit(*env, *make_policy("boltzmann", context_of(2), slow), seed).total_regret / 20;
  }
  CAPTURE(regret, sluggish);
  REQUIRE(regret < 0.2 * 0.4 * kHorizon);  // a fifth of even play's
  REQUIRE(sluggish > 0.8 * 0.4 * kHorizon);
}

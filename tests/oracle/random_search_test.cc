// Random search keeps the best of what it drew, as order statistics have it.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/oracle/episodes.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("random search keeps the candidate of the greatest return", "[oracle]") {
  const auto context = context_of(3, 2);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Episodes episodes("random_search", context, seed);
    std::vector<std::pair<double, std::vector<double>>> played;
    Rng noise(seed, "noise");
    for (int round = 0; round < 20; ++round) {
      std::vector<std::vector<double>> weights(2);
      const auto returns = episodes.round(3, [&](const Moment& m) {
        weights[m.slot].assign(m.weights.begin(), m.weights.end());
        return noise.normal();
      });
      for (std::size_t i = 0; i < 2; ++i) played.emplace_back(returns[i], weights[i]);
      const auto best = std::max_element(played.begin(), played.end())->second;
      REQUIRE(best_weights(episodes.policy(), context) == best);
    }
    REQUIRE(episodes.decided().diagnostics[0][0] == 38);  // told before the last round
  }
}

// The greatest weight of agent 0 among n draws from Dirichlet(1, 1): the greatest of n uniform numbers, of mean n / (n + 1).
TEST_CASE("the best of n draws is as good as it should be", "[oracle]") {
  const auto context = context_of(2);
  constexpr int kSeeds = 300, kDraws = 24;
  double mean = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Episodes episodes("random_search", context, seed);
    for (int i = 0; i < kDraws; ++i) episodes.round(1, [](const Moment& m) { return m.weights[0]; });
    mean += best_weights(episodes.policy(), context)[0] / kSeeds;
  }
  const double n = kDraws, deviation = std::sqrt(n / ((n + 1) * (n + 1) * (n + 2)));
  REQUIRE(std::abs(mean - n / (n + 1)) < 4 * deviation / std::sqrt(kSeeds));
}

TEST_CASE("random search plays the kept candidate alone when it does not explore", "[oracle]") {
  const auto context = context_of(4);
  Episodes episodes("random_search", context, 3, [](Options& o) { set_option<std::int64_t>(o, "knots", 3); });
  for (int i = 0; i < 10; ++i) episodes.round(8, [](const Moment& m) { return m.weights[0] * m.progress; });
  std::vector<std::vector<double>> expected;
  for (int t = 0; t < 8; ++t) expected.push_back(best_weights(episodes.policy(), context, t / 8.0));
  episodes.policy().explore(false);
  std::vector<std::vector<double>> played;
  for (int i = 0; i < 2; ++i) {
    played.clear();
    episodes.round(8, [&](const Moment& m) {
      played.emplace_back(m.weights.begin(), m.weights.end());
      return 100.0;
    });
    REQUIRE(played == expected);
  }
  REQUIRE(episodes.decided().diagnostics[0][0] == 10);  // what it plays for show is not told
}

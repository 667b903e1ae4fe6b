#include "analysis/regret.h"

#include <catch2/catch.hpp>

using namespace fader;

TEST_CASE("regret sums what the fixed vector earned more") {
  CHECK(stats::cumulative_regret(std::vector<double>{1, 1, 1, 1}, std::vector<double>{0, 1, 3, 0.5}) ==
        std::vector<double>{1, 1, -1, -0.5});
}

TEST_CASE("mean regret has a paired interval at each decision that all runs have") {
  const std::vector<std::vector<double>> fixed = {{1, 2, 3, 4}, {0, 1, 2, 3}, {2, 2, 2}};
  const std::vector<std::vector<double>> run = {{0, 1, 3, 9}, {1, 1, 1, 1}, {1, 1, 1, 1}};
  const stats::RegretCurve curve = stats::regret(fixed, run, 0.9);
  CHECK(curve.n == 3);
  REQUIRE(curve.mean.size() == 3);
  const std::vector<std::vector<double>> regrets = {{1, -1, 1}, {2, -1, 2}, {2, 0, 3}};  // [decision][seed]
  for (std::size_t t = 0; t < 3; ++t) {
    const stats::Interval expected = stats::t_interval(regrets[t], 0.9);
    CHECK(curve.mean[t] == Approx(stats::mean(regrets[t])));
    CHECK(curve.interval[t].low == Approx(expected.low));
    CHECK(curve.interval[t].high == Approx(expected.high));
  }
}

TEST_CASE("regret of one seed has no interval, of none no curve") {
  const stats::RegretCurve one = stats::regret({{1, 2}}, {{0, 0}}, 0.95);
  CHECK(one.mean == std::vector<double>{1, 3});
  CHECK_FALSE(one.interval[1].known());
  CHECK(stats::regret({}, {}, 0.95).mean.empty());
  CHECK_THROWS(stats::regret({{1}}, {}, 0.95));
}

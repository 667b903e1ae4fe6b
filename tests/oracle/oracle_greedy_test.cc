// Given what the branches earned, the policy plays the first of the greatest; played by the runner on a bandit it earns what the
// best arm pays at each decision.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/policies/console.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("oracle_greedy plays the branch that earned most", "[oracle]") {
  const auto context = context_of(3, 2);
  const auto policy = make_policy("oracle_greedy", context);
  REQUIRE(policy->spec().branches == std::vector<std::vector<double>>{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}});
  const std::vector<int> slots = {0, 1};
  std::vector<Rng> streams = {Rng(1, "a"), Rng(1, "b")};
  const Grid<double> seen(2, 4, 0.0);
  Grid<double> earned(2, 3);
  std::ranges::copy(std::vector<double>{0.1, 0.7, 0.7}, earned[0].begin());
  std::ranges::copy(std::vector<double>{-1, -3, -0.5}, earned[1].begin());
  Decisions out;
  out.fit(policy->spec(), 3, 2);
  policy->decide({slots, seen.view(), std::as_const(earned).view()}, streams, out);
  CHECK(std::vector<double>(out.weights[0].begin(), out.weights[0].end()) == std::vector<double>{0, 1, 0});
  CHECK(std::vector<double>(out.weights[1].begin(), out.weights[1].end()) == std::vector<double>{0, 0, 1});
  CHECK(out.diagnostics[1][0] == -0.5);
  CHECK(out.diagnostics[1][1] == 2.5);
  earned[0][2] = std::nan("");
  CHECK_THROWS_AS(policy->decide({slots, seen.view(), std::as_const(earned).view()}, streams, out), RunError);
}

// Schedules play exactly what their formulas say.
#include <catch2/catch.hpp>

#include <cmath>

#include "policies/progress.h"
#include "tests/oracle/episodes.h"

using namespace fader;
using namespace fader::testing;

namespace {

using V = std::vector<double>;
using Set = std::function<void(Options&)>;

constexpr double kPi = 3.141592653589793;

// The share of `to` when going from agent 0 to agent 1.
double share(const std::string& shape, double progress, const Set& set = {}) {
  const auto context = context_of(3);
  const auto policy = make_policy("schedule", context, [&](Options& o) {
    set_option(o, "shape", shape);
    set_option(o, "from", V{1, 0, 0});
    set_option(o, "to", V{0, 1, 0});
    if (set) set(o);
  });
  REQUIRE(policy->spec().deterministic);
  const V w = best_weights(*policy, context, progress);
  REQUIRE(w[0] == Approx(1 - w[1]).margin(1e-15));
  REQUIRE(w[2] == 0);
  return w[1];
}

std::unique_ptr<Policy> knots(const V& at, const Vectors& rows) {
  return make_policy("schedule", context_of(3), [&](Options& o) {
    set_option<std::string>(o, "shape", "knots");
    set_option(o, "knots_at", at);
    set_option(o, "knots", rows);
  });
}

}  // namespace

TEST_CASE("shapes of schedule", "[oracle]") {
  for (const double p : {0.0, 0.1, 0.25, 0.5, 0.7, 1.0}) {
    REQUIRE(share("linear", p) == Approx(p).margin(1e-15));
    REQUIRE(share("cosine", p) == Approx((1 - std::cos(kPi * p)) / 2).margin(1e-15));
    REQUIRE(share("cyclic", p) == Approx((1 - std::cos(4 * kPi * p)) / 2).margin(1e-15));
  }
  REQUIRE(share("cosine", 1.0 / 3) == Approx(0.25));
  REQUIRE(share("cyclic", 0.25) == Approx(1));  // twice there and back
  REQUIRE(share("cyclic", 0.5, [](Options& o) { set_option<std::int64_t>(o, "cycles", 1); }) == Approx(1));
  const V levels = {0, 0, 0, 1.0 / 3, 1.0 / 3, 2.0 / 3, 2.0 / 3, 2.0 / 3, 1, 1};
  for (std::size_t t = 0; t < 10; ++t) REQUIRE(share("step", static_cast<double>(t) / 10) == Approx(levels[t]));
  const auto when = [](Options& o) { set_option(o, "when", 0.3); };
  for (int t = 0; t < 10; ++t) REQUIRE(share("two_phase", t / 10.0, when) == (t < 3 ? 0 : 1));
}

TEST_CASE("schedule between knots", "[oracle]") {
  const auto policy = knots({0.2, 0.4, 0.8}, {{1, 0, 0}, {0, 1, 0}, {0, 0.5, 0.5}});
  const auto at = [&](double p) { return best_weights(*policy, context_of(3), p); };
  REQUIRE(at(0) == V{1, 0, 0});
  REQUIRE(at(0.4) == V{0, 1, 0});
  REQUIRE(at(0.9) == V{0, 0.5, 0.5});
  const V quarter = at(0.25), half = at(0.6);
  REQUIRE(quarter[0] == Approx(0.75));
  REQUIRE(quarter[1] == Approx(0.25));
  REQUIRE(half[1] == Approx(0.75));
  REQUIRE(half[2] == Approx(0.25));
  const auto even = knots({}, {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}});  // at 0, 1/2, 1
  REQUIRE(best_weights(*even, context_of(3), 0.75)[2] == Approx(0.5));
}

TEST_CASE("schedule goes by progress and cuts it", "[oracle]") {
  REQUIRE(share("linear", -3) == 0);
  REQUIRE(share("linear", 7) == 1);
  REQUIRE(share("linear", std::nan("")) == 0);
  auto context = context_of(3);
  context.observation = {{"weights", 0, 3, context.agents, "agent"}};
  REQUIRE_THROWS_WITH(make_policy("schedule", context), Catch::Contains("shows none; it shows: weights"));
}

TEST_CASE("schedule refuses what does not fit", "[oracle]") {
  REQUIRE_THROWS_WITH(knots({0.1, 0.5}, {{1, 0, 0}}), Catch::Contains("2 times and knots has 1 rows"));
  REQUIRE_THROWS_WITH(knots({0.5, 0.5}, {{1, 0, 0}, {0, 1, 0}}), Catch::Contains("0.5 follows 0.5"));
  REQUIRE_THROWS_WITH(knots({}, {{1, 0, 0}, {1, 1, 0}}), Catch::Contains("knots, row 2"));
  REQUIRE_THROWS_WITH(share("linear", 0, [](Options& o) { set_option(o, "knots_at", V{0.5}); }),
                      Catch::Contains("shape is 'linear' and knots are given"));
  REQUIRE_THROWS_WITH(share("knots", 0), Catch::Contains("from or to is given"));
  REQUIRE_THROWS_WITH(share("cosine", 0,
                            [](Options& o) {
                              set_option(o, "to", V{0.5, 0.5});
                            }),
                      Catch::Contains("to: 2 weights for 3 agents"));
}

TEST_CASE("stretches of an episode meet its decisions", "[oracle]") {
  for (const std::size_t n : {1, 3, 7, 10, 49, 80, 100})
    for (std::size_t t = 0; t < n; ++t) REQUIRE(stretch_of(static_cast<double>(t) / static_cast<double>(n), n) == t);
  REQUIRE(stretch_of(1, 5) == 4);
}

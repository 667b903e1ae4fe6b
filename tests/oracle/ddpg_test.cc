// DDPG: targets, values, logged densities and known optima. Broken on purpose (each seen to fail):
// the actor going downhill, a problem's end that is valued, no bootstrap, critics or targets that
// do not learn, the slope of softmax, the density of even draws left out.
#include <catch2/catch.hpp>

#include "tests/oracle/off_policy_checks.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("ddpg values what comes after an observer's end, and nothing after the problem's", "[oracle]") {
  const auto set = [](Options& o) {
    set_option(o, "tau", 0.05);
    set_option<std::int64_t>(o, "batch", 16);
    set_option<std::int64_t>(o, "warm_up", 20);
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CHECK(learned_value("ddpg", End::terminated, seed, set) == Approx(1).margin(0.1));
    CHECK(learned_value("ddpg", End::truncated, seed, set) == Approx(2).margin(0.1));
  }
}

TEST_CASE("ddpg takes the target of its critic", "[oracle]") {
  CHECK(squared_target("ddpg", {3}, [](Options&) {}) == Approx(6.25).epsilon(1e-4));
  CHECK(squared_target("ddpg", {-4}, [](Options&) {}) == Approx(1).epsilon(1e-4));
}

TEST_CASE("the densities that ddpg logs are those of its draws", "[oracle]") {
  const double even = GENERATE(0.0, 0.3);
  CHECK(area_by_density("ddpg", 0, [&](Options& o) { set_option(o, "even", even); }) == Approx(0.01).epsilon(0.05));
  CHECK(area_by_density("ddpg", 1000, [&](Options& o) { set_option(o, "even", even); }) == Approx(0.01).epsilon(0.05));  // warming up
}

TEST_CASE("ddpg finds the best arm", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    CHECK(learned_bandit("ddpg", 5, 240, seed, [](Options& o) {
            set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
            set_option<std::int64_t>(o, "batch", 32);
            set_option<std::int64_t>(o, "warm_up", 100);
          }) < 0.03);
}

TEST_CASE("ddpg invests and follows what it sees", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(4);
    context.seed = seed;
    const auto policy = make_policy("ddpg", context, [&](Options& o) {
      set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
      set_option<std::int64_t>(o, "batch", 32);
      set_option<std::int64_t>(o, "warm_up", 200);
    });
    CHECK(TwoSteps{}.learned(*policy, 4, 1200, seed) > 0.9);
  }
}

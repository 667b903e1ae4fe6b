// TD3: targets, values, logged densities and known optima. Broken on purpose (each seen to fail):
// the actor going downhill, a problem's end that is valued, no bootstrap, critics or targets that
// do not learn, the greater of the critics, the slope of softmax, the density of even draws left out.
#include <catch2/catch.hpp>

#include "tests/oracle/off_policy_checks.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("td3 values what comes after an observer's end, and nothing after the problem's", "[oracle]") {
  const auto set = [](Options& o) {
    set_option(o, "tau", 0.05);
    set_option<std::int64_t>(o, "batch", 16);
    set_option<std::int64_t>(o, "warm_up", 20);
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CHECK(learned_value("td3", End::terminated, seed, set) == Approx(1).margin(0.1));
    CHECK(learned_value("td3", End::truncated, seed, set) == Approx(2).margin(0.1));
  }
}

TEST_CASE("td3 takes the target of the lesser of its critics", "[oracle]") {
  CHECK(squared_target("td3", {3, -1}, [](Options&) {}) == Approx(0.25).epsilon(1e-3));
  CHECK(squared_target("td3", {-4, 2}, [](Options&) {}) == Approx(1).epsilon(1e-3));
}

TEST_CASE("the densities that td3 logs are those of its draws", "[oracle]") {
  const double even = GENERATE(0.0, 0.3);
  CHECK(area_by_density("td3", 0, [&](Options& o) { set_option(o, "even", even); }) == Approx(0.01).epsilon(0.05));
  CHECK(area_by_density("td3", 1000, [&](Options& o) { set_option(o, "even", even); }) == Approx(0.01).epsilon(0.05));  // warming up
}

TEST_CASE("td3 finds the best arm", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    CHECK(learned_bandit("td3", 5, 240, seed, [](Options& o) {
            set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
            set_option<std::int64_t>(o, "batch", 32);
            set_option<std::int64_t>(o, "warm_up", 100);
          }) < 0.03);
}

TEST_CASE("td3 invests and follows what it sees", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(4);
    context.seed = seed;
    const auto policy = make_policy("td3", context, [&](Options& o) {
      set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
      set_option<std::int64_t>(o, "batch", 32);
      set_option<std::int64_t>(o, "warm_up", 200);
    });
    CHECK(TwoSteps{}.learned(*policy, 4, 1200, seed) > 0.9);
  }
}

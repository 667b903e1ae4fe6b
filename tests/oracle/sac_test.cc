// SAC: targets, values, logged densities and known optima. Broken on purpose (each seen to fail):
// the sign of Q, of the entropy's slope and of the temperature's, a problem's end that is valued, no bootstrap,
// critics or targets that do not learn, the greater of the critics, the slope of softmax.
#include <catch2/catch.hpp>

#include "policies/simplex.h"
#include "tests/oracle/off_policy_checks.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("sac values what comes after an observer's end, and nothing after the problem's", "[oracle]") {
  const auto set = [](Options& o) {
    set_option(o, "tau", 0.05);
    set_option(o, "alpha", 1e-4);
    set_option(o, "alpha_rate", 0.0);
    set_option<std::int64_t>(o, "batch", 16);
    set_option<std::int64_t>(o, "warm_up", 20);
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CHECK(learned_value("sac", End::terminated, seed, set) == Approx(1).margin(0.1));
    CHECK(learned_value("sac", End::truncated, seed, set) == Approx(2).margin(0.1));
  }
}

TEST_CASE("sac takes the target of the lesser of its critics", "[oracle]") {
  CHECK(squared_target("sac", {3, -1}, [](Options& o) { set_option(o, "alpha", 1e-4); }) == Approx(0.25).epsilon(1e-3));
  CHECK(squared_target("sac", {-4, 2}, [](Options& o) { set_option(o, "alpha", 1e-4); }) == Approx(1).epsilon(1e-3));
}

TEST_CASE("the densities that sac logs are those of its draws", "[oracle]") {
  const double even = GENERATE(0.0, 0.3);
  CHECK(area_by_density("sac", 0, [&](Options& o) { set_option(o, "even", even); }) == Approx(0.01).epsilon(0.05));
  CHECK(area_by_density("sac", 1000, [&](Options& o) { set_option(o, "even", even); }) == Approx(0.01).epsilon(0.05));  // warming up
}

TEST_CASE("sac finds the best arm", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    CHECK(learned_bandit("sac", 5, 400, seed, [](Options& o) {
            set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
            set_option<std::int64_t>(o, "batch", 32);
            set_option<std::int64_t>(o, "warm_up", 100);
          }) < 0.03);
}

TEST_CASE("sac invests and follows what it sees", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(4);
    context.seed = seed;
    const auto policy = make_policy("sac", context, [&](Options& o) {
      set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
      set_option<std::int64_t>(o, "batch", 32);
      set_option<std::int64_t>(o, "warm_up", 200);
    });
    CHECK(TwoSteps{}.learned(*policy, 4, 1200, seed) > 0.9);
  }
}

namespace {

/// Rewards of zero: entropy is all that there is. The diagnostics of the last decision.
std::vector<double> entropy_alone(std::size_t agents, double delta, double alpha_rate, std::uint64_t seed) {
  auto context = context_of(agents, 8);
  context.seed = seed;
  Console console(make_policy("sac", context, [&](Options& o) {
                    set_option(o, "hidden", std::vector<std::int64_t>{16});
                    set_option(o, "learning_rate", 1e-2);
                    set_option(o, "gamma", 0.0);
                    set_option(o, "delta", delta);
                    set_option(o, "alpha", 1.0);
                    set_option(o, "alpha_rate", alpha_rate);
                    set_option<std::int64_t>(o, "warm_up", 64);
                    set_option<std::int64_t>(o, "batch", 32);
                  }),
                  context, seed);
  for (int t = 0; t < 75; ++t) {
    console.decide();
    console.learn(std::vector<double>(8, 0.0));
  }
  const auto row = console.decide().diagnostics[0];
  return {row.begin(), row.end()};
}

}  // namespace

TEST_CASE("sac without rewards draws almost evenly from the simplex", "[oracle]") {
  // A logistic-normal comes within 0.02 nats of the even density for two agents.
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CHECK(entropy_alone(2, 0, 0, seed)[0] == Approx(simplex::greatest_entropy(2)).margin(0.1));
  }
}

TEST_CASE("the temperature of sac moves towards its entropy", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CHECK(entropy_alone(3, 1, 1e-2, seed)[1] < 0.3);        // above it: less is asked for
    CHECK(entropy_alone(3, 0, 1e-2, seed)[1] > 0.99);       // cannot be reached: more and more is
  }
}

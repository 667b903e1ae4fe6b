// PPO: known optima.
#include <catch2/catch.hpp>

#include "tests/oracle/learned_play.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("ppo finds the best arm", "[oracle]") {
  const std::string distribution = GENERATE("categorical", "logistic_normal", "dirichlet");
  CAPTURE(distribution);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const double r=learned_bandit("ppo", 20, 200, seed, [&](Options& o) { set_option(o, "distribution", distribution); });
    WARN(r);
    CHECK(r < 0.03);
  }
}

TEST_CASE("ppo invests and follows what it sees", "[oracle]") {
  const std::string distribution = GENERATE("categorical", "logistic_normal", "dirichlet");
  const double lambda = GENERATE(0.95, 0.0);  // without lambda credit comes through the critic alone
  CAPTURE(distribution, lambda);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(4);
    context.seed = seed;
    const auto policy = make_policy("ppo", context, [&](Options& o) {
      set_option(o, "distribution", distribution);
      set_option(o, "lambda", lambda);
      set_option<std::int64_t>(o, "n_steps", 128);
    });
    const double r=TwoSteps{}.learned(*policy, 4, 2000, seed);
    WARN(r);
    CHECK(r > 0.9);
  }
}

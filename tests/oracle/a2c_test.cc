// A2C: its step is the policy gradient, the critic's targets are what they should be, and known optima are found. Broken on purpose
// (each seen to fail): the slope's sign, lambda's recursion, the bootstrap of a truncated end, a critic that does not learn.
#include <catch2/catch.hpp>

#include "tests/oracle/exact_gradient.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("the step of a2c is the policy gradient", "[oracle]") {
  check_policy_gradient("a2c", 1, [](Options& o) { set_option<std::int64_t>(o, "n_steps", 2); });
}

TEST_CASE("a2c fits its critic to the return, or to the generalised advantage", "[oracle]") {
  const double gamma = GENERATE(1.0, 0.8), lambda = GENERATE(0.0, 0.6, 1.0);
  const End how = GENERATE(End::terminated, End::truncated);
  check_targets("a2c", gamma, lambda, how, [&](Options& o) {
    set_option<std::int64_t>(o, "n_steps", 2);
    set_option(o, "lambda", lambda);
  });
}

TEST_CASE("a2c finds the best arm", "[oracle]") {
  const std::string distribution = GENERATE("categorical", "logistic_normal", "dirichlet");
  CAPTURE(distribution);
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    CHECK(learned_bandit("a2c", 10, distribution == "categorical" ? 600 : 2000, seed, [&](Options& o) {
            set_option(o, "distribution", distribution);
            set_option(o, "hidden", std::vector<std::int64_t>{32});
            set_option<std::int64_t>(o, "n_steps", 40);
          }) < 0.03);
}

TEST_CASE("a2c invests and follows what it sees", "[oracle]") {
  using Case = std::pair<std::string, double>;
  // Without lambda credit comes through the critic alone.
  const auto& [distribution, lambda] =
      GENERATE(Case{"categorical", 1.0}, Case{"categorical", 0.0}, Case{"logistic_normal", 1.0}, Case{"dirichlet", 1.0});
  CAPTURE(distribution, lambda);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(8);
    context.seed = seed;
    const auto policy = make_policy("a2c", context, [&, d = distribution, l = lambda](Options& o) {
      set_option(o, "distribution", d);
      set_option(o, "lambda", l);
      set_option(o, "hidden", std::vector<std::int64_t>{32});
      if (d == "categorical") set_option(o, "entropy", 0.03);
      set_option<std::int64_t>(o, "n_steps", 64);
    });
    CHECK(TwoSteps{}.learned(*policy, 8, distribution == "categorical" ? 16000 : 40000, seed) > 0.9);
  }
}

TEST_CASE("a2c remembers by a recurrent unit", "[oracle]") {
  TwoSteps world;
  world.forgets = true;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(8);
    context.seed = seed;
    const auto policy = make_policy("a2c", context, [&](Options& o) {
      set_option<std::string>(o, "memory", "gru");
      set_option(o, "hidden", std::vector<std::int64_t>{32});
      set_option<std::int64_t>(o, "memory_units", 8);
      set_option<std::int64_t>(o, "n_steps", 32);
    });
    CHECK(world.learned(*policy, 8, 8000, seed) > 0.9);
  }
}

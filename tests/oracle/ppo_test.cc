// PPO: its first step is the policy gradient, later ones are clipped, the critic's targets are what they should be, and known optima are
// found. Broken on purpose (each seen to fail): the slope's sign, the clip, the ratio's old density, lambda's recursion, the bootstrap of
// a truncated end, a critic that does not learn, the entropy's sign, a recurrent unit that forgets.
#include <catch2/catch.hpp>

#include "tests/oracle/exact_gradient.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("the first step of ppo is the policy gradient", "[oracle]") {
  check_policy_gradient("ppo", 1, [](Options& o) {
    set_option<std::int64_t>(o, "n_steps", 2);
    set_option<std::int64_t>(o, "epochs", 1);
    set_option(o, "lambda", 1.0);
  });
}

TEST_CASE("ppo fits its critic to the generalised advantage", "[oracle]") {
  const double gamma = GENERATE(1.0, 0.8), lambda = GENERATE(0.0, 0.6, 1.0);
  const End how = GENERATE(End::terminated, End::truncated, End::no);  // no: n_steps cut the episode there
  check_targets("ppo", gamma, lambda, how, [&](Options& o) {
    set_option<std::int64_t>(o, "n_steps", 2);
    set_option<std::int64_t>(o, "epochs", 1);
    set_option(o, "lambda", lambda);
  });
}

TEST_CASE("ppo does not go on where the ratio has left the clip", "[oracle]") {
  const double clip = GENERATE(0.1, 0.4);
  const auto policy = make_policy("ppo", Counted::context(), [&](Options& o) {
    set_option(o, "hidden", std::vector<std::int64_t>{3});
    set_option<std::string>(o, "optimiser", "sgd");
    set_option(o, "learning_rate", 0.003);
    set_option(o, "entropy", 0.0);
    set_option(o, "value", 0.0);
    set_option(o, "normalise", false);
    set_option(o, "clip_gradient", 0.0);
    set_option<std::int64_t>(o, "n_steps", 2);
    set_option<std::int64_t>(o, "epochs", 1000);
    set_option(o, "clip", clip);
  });
  Counted world(*policy);
  const double reward = GENERATE(5.0, -5.0);
  const auto x = Counted::seen(0, 0);
  const double before = world.probability(0, 0, 1);
  world.begin();
  for (int i = 0; i < 2; ++i) {
    std::uint64_t draw = 0;
    do world.decide(x, draw++);
    while (world.decided.arm[0] != 1);
    world.learn(x, reward, x, End::terminated);
  }
  const double ratio = world.probability(0, 0, 1) / before;
  CHECK(ratio == Approx(reward > 0 ? 1 + clip : 1 - clip).margin(0.05));
  world.decide(x, 1);
  CHECK(world.decided.diagnostics[0][2] > 0.5);  // clip_fraction
}

TEST_CASE("the entropy that ppo seeks rises where nothing is earned", "[oracle]") {
  const auto policy = make_policy("ppo", Counted::context(), [](Options& o) {
    set_option(o, "hidden", std::vector<std::int64_t>{3});
    set_option<std::string>(o, "optimiser", "sgd");
    set_option(o, "learning_rate", 0.1);
    set_option(o, "entropy", 1.0);
    set_option<std::int64_t>(o, "n_steps", 2);
  });
  Counted world(*policy);
  const Parameters fresh(*policy);
  std::vector<float> theta = fresh.get();
  for (std::size_t i = 0; i < theta.size(); ++i) theta[i] = static_cast<float>(std::sin(3.0 * static_cast<double>(i)));
  fresh.set(*policy, theta);
  const auto x = Counted::seen(0, 0);
  world.decide(x, 0);
  const double before = world.decided.diagnostics[0][0];
  world.begin();
  for (int i = 0; i < 20; ++i) {
    world.decide(x, static_cast<std::uint64_t>(i));
    world.learn(x, 0, x, End::terminated);
  }
  world.decide(x, 0);
  CHECK(before < 1.0);
  CHECK(world.decided.diagnostics[0][0] > std::min(before + 0.1, 1.09));
}

TEST_CASE("ppo finds the best arm", "[oracle]") {
  const std::string distribution = GENERATE("categorical", "logistic_normal", "dirichlet");
  CAPTURE(distribution);
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    CHECK(learned_bandit("ppo", 20, distribution == "categorical" ? 200 : distribution == "dirichlet" ? 800 : 1200, seed, [&](Options& o) {
            set_option(o, "distribution", distribution);
            set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
            set_option<std::int64_t>(o, "n_steps", 160);
            set_option<std::int64_t>(o, "batch", 64);
          }) < 0.03);
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
      if (distribution == "categorical") set_option(o, "entropy", 0.03);
      else set_option(o, "learning_rate", 3e-3);
      set_option<std::int64_t>(o, "n_steps", 128);
    });
    CHECK(TwoSteps{}.learned(*policy, 4, distribution == "categorical" ? 2000 : 1200, seed) > 0.9);
  }
}

TEST_CASE("ppo remembers what it has seen, by a recurrent unit or by stacking", "[oracle]") {
  const std::string memory = GENERATE("none", "gru", "stack");
  CAPTURE(memory);
  TwoSteps world;
  world.forgets = true;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(4);
    context.seed = seed;
    const auto policy = make_policy("ppo", context, [&](Options& o) {
      if (memory == "gru") set_option<std::string>(o, "memory", "gru");
      if (memory == "stack") set_option<std::int64_t>(o, "stack", 2);
      set_option(o, "hidden", std::vector<std::int64_t>{32});
      set_option<std::int64_t>(o, "memory_units", 8);
      set_option(o, "learning_rate", 3e-3);
      set_option<std::int64_t>(o, "n_steps", 128);
    });
    const double got = world.learned(*policy, 4, 1500, seed);
    if (memory == "none") CHECK(got < 0.8);  // 1/2 on average over coins
    else CHECK(got > 0.9);
  }
}

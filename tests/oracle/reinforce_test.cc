// REINFORCE: its step is the policy gradient under every baseline, the critic is fitted to returns, and known optima are found. Broken on
// purpose (each seen to fail): the slope's sign, returns that do not reach back, a baseline that has seen its own return.
#include <catch2/catch.hpp>

#include "tests/oracle/exact_gradient.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("the step of reinforce is the policy gradient", "[oracle]") {
  const std::string baseline = GENERATE("none", "value", "leave_one_out");
  CAPTURE(baseline);
  const int episodes = baseline == "leave_one_out" ? 2 : 1;
  check_policy_gradient("reinforce", episodes, [&](Options& o) {
    set_option<std::int64_t>(o, "episodes", episodes);
    set_option(o, "baseline", baseline);
  });
}

TEST_CASE("reinforce fits its critic to the return", "[oracle]") {
  const double gamma = GENERATE(1.0, 0.8);
  const End how = GENERATE(End::terminated, End::truncated);
  check_targets("reinforce", gamma, 1, how, [&](Options& o) { set_option<std::int64_t>(o, "episodes", 1); });
}

TEST_CASE("reinforce finds the best arm", "[oracle]") {
  const std::string distribution = GENERATE("categorical", "logistic_normal", "dirichlet");
  CAPTURE(distribution);
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    CHECK(learned_bandit("reinforce", 5, distribution == "categorical" ? 800 : 2500, seed, [&](Options& o) {
            set_option(o, "distribution", distribution);
          }) < 0.03);
}

TEST_CASE("reinforce invests and follows what it sees", "[oracle]") {
  using Case = std::pair<std::string, std::string>;
  const auto& [distribution, baseline] =
      GENERATE(Case{"categorical", "none"}, Case{"categorical", "value"}, Case{"categorical", "leave_one_out"}, Case{"logistic_normal", "value"},
               Case{"dirichlet", "leave_one_out"});
  CAPTURE(distribution, baseline);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(8);
    context.seed = seed;
    const auto policy = make_policy("reinforce", context, [&, d = distribution, b = baseline](Options& o) {
      set_option(o, "distribution", d);
      set_option(o, "baseline", b);
      set_option<std::int64_t>(o, "episodes", 16);
    });
    CHECK(TwoSteps{}.learned(*policy, 8, distribution == "categorical" ? 6000 : 12000, seed) > 0.9);
  }
}

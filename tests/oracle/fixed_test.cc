// Constant policies play exactly what they say.
#include <catch2/catch.hpp>

#include "tests/oracle/bandit_play.h"

using namespace fader;
using namespace fader::testing;

namespace {

std::vector<double> weights_of(const std::string& name, const std::function<void(Options&)>& set = {}) {
  const auto context = context_of(4, 2, 100);  // floors are for policies that learn
  Console console(make_policy(name, context, set), context, 1);
  const PolicySpec& spec = console.policy().spec();
  REQUIRE(spec.arms == 0);
  REQUIRE(spec.deterministic);
  REQUIRE_FALSE(spec.learns);
  std::vector<double> first;
  for (int t = 0; t < 10; ++t)
    for (std::size_t i = 0; i < 2; ++i) {
      const auto& d = console.decide();
      const std::vector<double> w(d.weights[i].begin(), d.weights[i].end());
      if (first.empty()) first = w;
      REQUIRE(w == first);
      REQUIRE(d.log_density[i] == 0);
      REQUIRE(d.arm[i] == -1);
    }
  return first;
}

}  // namespace

TEST_CASE("constant policies", "[oracle]") {
  using V = std::vector<double>;
  REQUIRE(weights_of("uniform") == V(4, 0.25));
  REQUIRE(weights_of("fixed") == V(4, 0.25));
  REQUIRE(weights_of("fixed", [](Options& o) { set_option(o, "weights", V{0, 0.125, 0.375, 0.5}); }) == V{0, 0.125, 0.375, 0.5});
  REQUIRE(weights_of("one_hot") == V{1, 0, 0, 0});
  REQUIRE(weights_of("one_hot", [](Options& o) { set_option<std::string>(o, "agent", "agent_2"); }) == V{0, 0, 1, 0});
}

TEST_CASE("regret of constant policies on the bandit is known exactly", "[oracle]") {
  const auto env = make_env("bandit-v0", bandit_options({0.25, 0.5, 1.0, 0.75}, 64));
  const auto agent = [](std::string name) { return [name](Options& o) { set_option(o, "agent", name); }; };
  const auto regret = [&](Policy& policy) { return play_bandit(*env, policy, 1).total_regret; };
  REQUIRE(regret(*make_policy("uniform", context_of(4))) == 64 * 0.375);
  REQUIRE(regret(*make_policy("one_hot", context_of(4), agent("agent_0"))) == 64 * 0.75);
  REQUIRE(regret(*make_policy("one_hot", context_of(4), agent("agent_2"))) == 0);
}

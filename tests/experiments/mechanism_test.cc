// The mechanism that consoles rest on, where the truth is known: timing beats every fixed mix, adapting beats every schedule. One
// seed each; tests/long has all of them over several.
#include "tests/experiments/mechanism.h"

#include <catch2/catch.hpp>

using namespace fader;
using namespace fader::testing;

TEST_CASE("ppo and cma_es learn to time what no fixed mix can") {
  const std::string env = GENERATE("delayed-v0", "reservoir-v0");
  const std::string policy = GENERATE("kind = \"ppo\"", "kind = \"cma_es\"\nknots = 5");
  CAPTURE(env, policy);
  const Learned learned = learn(env, policy, 0, 2000);
  CHECK(learned.beyond_fixed() > 0.8);
  CHECK(learned.beyond_fixed() < 1.01);
}

TEST_CASE("ppo learns to see what no schedule can") {
  const Learned learned = learn("hidden-v0", "kind = \"ppo\"\nstack = 8", 0, 2000);
  CHECK(learned.beyond_schedule() > 0.6);
  // and not without looking
  const Learned blind = learn("hidden-v0", "kind = \"ppo\"\nstack = 8\ncontrol = \"zeroed_observations\"", 0, 2000);
  CHECK(blind.beyond_schedule() < 0.05);
}

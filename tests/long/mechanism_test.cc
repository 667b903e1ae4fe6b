// Every learner of the claim, over five seeds: at least four fifths of what lies between the best fixed weights and the optimum where
// timing counts, three fifths of what lies between the best schedule and the optimum where a hidden parameter counts. td3 is not part
// of that claim; it has to gain something, and how much is told.
#include "tests/experiments/mechanism.h"

#include <catch2/catch.hpp>

using namespace fader;
using namespace fader::testing;

namespace {

double mean_share(const std::string& env, const std::string& policy, double (Learned::*share)() const) {
  double sum = 0;
  for (std::int64_t seed = 0; seed < 5; ++seed) sum += (learn(env, policy, seed, 2000).*share)() / 5;
  return sum;
}

bool claimed(const std::string& policy) { return policy.find("td3") == std::string::npos; }

}  // namespace

TEST_CASE("learners take four fifths of the gap to the best fixed mix") {
  const std::string env = GENERATE("delayed-v0", "reservoir-v0");
  const std::string policy = GENERATE("kind = \"ppo\"", "kind = \"sac\"", "kind = \"td3\"", "kind = \"cma_es\"\nknots = 5");
  CAPTURE(env, policy);
  const double share = mean_share(env, policy, &Learned::beyond_fixed);
  WARN(env << ", " << policy << ": " << share);
  CHECK(share >= (claimed(policy) ? 0.8 : 0));
}

TEST_CASE("learners take three fifths of the gap to the best schedule") {
  const std::string policy = GENERATE("kind = \"ppo\"\nstack = 8", "kind = \"ppo\"\nmemory = \"gru\"", "kind = \"sac\"\nstack = 8", "kind = \"td3\"\nstack = 8");
  CAPTURE(policy);
  const double share = mean_share("hidden-v0", policy, &Learned::beyond_schedule);
  WARN(policy << ": " << share);
  CHECK(share >= (claimed(policy) ? 0.6 : 0));
}

// Mean regret beside that of other people's implementations: tests/oracle/reference/bandits.py printed theirs, README.md has both.
// `test_oracle "*others have written*" -s` prints ours.
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/oracle/bandit_play.h"
#include "tests/oracle/linear_play.h"

using namespace fader;
using namespace fader::testing;

namespace {

struct Estimate {
  double mean, error;
};

template <class Play>
Estimate estimate(int seeds, const Play& play) {
  double sum = 0, squares = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    const double regret = play(static_cast<std::uint64_t>(seed));
    sum += regret;
    squares += regret * regret;
  }
  const double mean = sum / seeds;
  return {mean, std::sqrt((squares / seeds - mean * mean) / (seeds - 1))};
}

void compare(const std::string& what, const Estimate& ours, const Estimate& theirs) {
  const double apart = (ours.mean - theirs.mean) / std::hypot(ours.error, theirs.error);
  INFO(what << ": ours " << ours.mean << " +- " << ours.error << ", theirs " << theirs.mean << " +- " << theirs.error
            << ", apart by " << apart << " standard errors");
  CHECK(std::abs(apart) < 3);
}

struct Case {
  const char* what;
  const char* policy;
  std::function<void(Options&)> set;
  Estimate theirs;
};

}  // namespace

TEST_CASE("bandits lose as much as bandits do as others have written them", "[oracle]") {
  const std::vector<Case> cases = {
      {"UCB1", "ucb", {}, {80.385, 0.501}},
      {"Thompson sampling, Beta", "thompson",
       [](Options& o) {
         set_option<std::string>(o, "variant", "beta");
         set_option(o, "propensity", false);
       },
       {27.865, 0.802}},
      {"EXP3", "exp3", [](Options& o) { set_option(o, "gamma", 0.1); }, {94.695, 0.864}}};
  constexpr int kSeeds = 400;
  const auto env = make_env("bandit-v0", bandit_options({0.2, 0.4, 0.5, 0.6, 0.7}, 1000));
  for (const Case& c : cases) {
    if (!policies().has(c.policy)) {
      WARN(c.what << ": there is no policy '" << c.policy << "'");
      continue;
    }
    compare(c.what, estimate(kSeeds, [&](std::uint64_t seed) {
              return play_bandit(*env, *make_policy(c.policy, context_of(5), c.set), seed).total_regret;
            }), c.theirs);
  }
}

TEST_CASE("linear bandits lose as much as linear bandits do as others have written them", "[oracle]") {
  const Linear problem = {{{0.5, 0, 0, 0.2}, {-0.5, 0, 0, 0.2}, {0, 0.6, 0, 0.1}, {0, 0, -0.6, 0.1}}, 0.1, 500};
  const std::vector<Case> cases = {{"LinUCB", "linucb", [](Options& o) { set_option(o, "alpha", 0.5); }, {6.487, 0.071}},
                                   {"linear Thompson sampling", "lin_thompson",
                                    [](Options& o) {
                                      set_option(o, "v", 0.3);
                                      set_option(o, "propensity", false);
                                    },
                                    {16.022, 0.138}}};
  constexpr int kSeeds = 200;
  for (const Case& c : cases)
    compare(c.what, estimate(kSeeds, [&](std::uint64_t seed) {
              return play_linear(problem, *make_policy(c.policy, problem.context(), c.set), seed);
            }), c.theirs);
}

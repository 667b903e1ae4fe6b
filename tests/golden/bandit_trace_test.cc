// Did behaviour change? What two consoles play on the bandit, as text. FADER_GOLDEN=write in the environment writes anew.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "policies/scaler.h"
#include "tests/oracle/bandit_play.h"

using namespace fader;
using namespace fader::testing;

namespace {

std::string trace(const std::string& kind) {
  const auto env = make_env("bandit-v0", [](Options& o) {
    set_option<std::int64_t>(o, "horizon", 40);
    set_option<std::int64_t>(o, "change_every", 20);
  });
  const auto presets = [](Options& o) { set_option<std::string>(o, "presets", "vertices_centre"); };
  const auto policy = make_policy(kind, context_of(4, 1, 200), presets);
  const auto scaler = make_scaler(policy->spec().scaler);
  const std::array<int, 1> slots = {0};
  std::vector<Rng> streams = {Rng(1, "policy")};
  Rng learner(1, "learn");
  Outcome out;
  out.fit(env->spec(), 1);
  Decisions d;
  d.fit(policy->spec(), 4, 1);
  const Grid<double> nothing(1, 0);
  env->reset(slots, std::array<std::uint64_t, 1>{1}, out);
  std::string text = "decision arm log_density reward scaled regret index\n";
  for (int t = 0; out.end[0] == End::no; ++t) {
    policy->decide({slots, nothing.view()}, streams, d);
    env->step(slots, std::as_const(d.weights).view(), out);
    const auto [reward, se] = scaler->scale(out.reward[0][0], out.reward_se[0][0]);
    text += fmt::format("{} {} {:.5g} {:.5g} {:.5g} {:.5g} {:.5g}\n", t, d.arm[0], d.log_density[0], out.reward[0][0], reward,
                        out.series[0][0], d.diagnostics[0][0]);
    policy->learn({{slots, nothing.view()}, d, std::span(&reward, 1), std::span(&se, 1), nothing.view(), nothing.view(),
                   nothing.view(), out.end},
                  learner);
  }
  return text;
}

}  // namespace

TEST_CASE("traces of bandit consoles are as they were", "[golden]") {
  const std::string kind = GENERATE("ucb", "discounted_ucb");
  const std::string file = std::string(FADER_SOURCE_DIR) + "/tests/golden/bandit_" + kind + ".txt";
  const std::string now = trace(kind);
  if (const char* mode = std::getenv("FADER_GOLDEN"); mode && std::string(mode) == "write") std::ofstream(file) << now;
  std::stringstream before;
  before << std::ifstream(file).rdbuf();
  CAPTURE(file);
  REQUIRE(now == before.str());
}

// misleading-v0: rewards are right, credit is off by exactly what is stated.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("credit is biased by the stated amount, rewards are not", "[oracle]") {
  const auto env = make_env("misleading-v0", [](Options& o) { set_option<std::int64_t>(o, "horizon", 5000); });
  REQUIRE(env->spec().credits == std::vector<std::string>{"estimate"});
  std::vector<std::vector<double>> credit(4);
  std::vector<double> reward;
  play_episode(*env, always(even(4)), 3, [&](const Outcome& out) {
    double without_bias = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      credit[k].push_back(out.credit[0][k]);
      without_bias += (out.credit[0][k] - (k == 0 ? 1 : 0)) / 4;
    }
    REQUIRE(out.reward[0][0] == Approx(without_bias).margin(1e-12));
    reward.push_back(out.reward[0][0]);
  });
  const std::vector<double> looks = {1.2, 0.4, 0.6, 0.8};
  for (std::size_t k = 0; k < 4; ++k) {
    const Mean m = mean_of(credit[k]);
    CHECK(std::abs(m.mean - looks[k]) <= 3.5 * m.se);
  }
  const Mean m = mean_of(reward);
  CHECK(std::abs(m.mean - 0.5) <= 3.5 * m.se);
}

TEST_CASE("who trusts credit ends with the worst agent, who trusts rewards with the best", "[oracle]") {
  const auto env = make_env("misleading-v0", [](Options& o) { set_option(o, "noise", 0.0); });
  const Player trusting = [](std::size_t t, const Outcome& last) {
    if (t == 0) return even(4);
    return vertex(
        4, static_cast<std::size_t>(std::max_element(last.credit[0].begin(), last.credit[0].end()) - last.credit[0].begin()));
  };
  CHECK(play_episode(*env, trusting, 1).expected == Approx(0.5 + 39 * 0.2));
  CHECK(play_episode(*env, always(vertex(4, 3)), 1).regret == Approx(0).margin(1e-12));
  CHECK(env->answer()->optimum == Approx(40 * 0.8));
  CHECK(env->answer()->fixed == Approx(40 * 0.8));
}

TEST_CASE("a bias that misleads nobody is refused", "[oracle]") {
  REQUIRE_THROWS_WITH(make_env("misleading-v0", [](Options& o) { set_option<std::vector<double>>(o, "bias", {0.5, 0, 0, 0}); }),
                      Catch::Contains("nobody is misled"));
  REQUIRE_THROWS_WITH(make_env("misleading-v0", [](Options& o) { set_option<std::vector<double>>(o, "bias", {1}); }),
                      Catch::Contains("bias: 1 numbers for 4 agents"));
}

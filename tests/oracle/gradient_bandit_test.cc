// Gradient bandit: both forms against a computation from the history, the one for full information against differences of what it
// climbs, and both on a bandit with a known optimum.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/oracle/bandit_play.h"
#include "tests/oracle/credit_game.h"

using namespace fader;
using namespace fader::testing;

namespace {

Point softmax_of(const Point& h) {
  Point p(h.size());
  double sum = 0;
  for (std::size_t a = 0; a < h.size(); ++a) sum += p[a] = std::exp(h[a]);
  for (double& x : p) x /= sum;
  return p;
}

std::function<void(Options&)> full_information(double alpha) {
  return [=](Options& o) {
    set_option<std::string>(o, "play", "mixture");
    set_option<std::string>(o, "feedback", "credit");
    set_option(o, "alpha", alpha);
  };
}

}  // namespace

TEST_CASE("gradient_bandit agrees with its definition, step by step", "[oracle]") {
  const std::string baseline = GENERATE("mean", "moving", "none");
  const std::size_t agents = GENERATE(2, 5);
  const double alpha = 0.3;
  CAPTURE(baseline, agents);
  const auto context = context_of(agents);
  Console console(make_policy("gradient_bandit", context,
                              [&](Options& o) {
                                set_option(o, "baseline", baseline);
                                set_option(o, "alpha", alpha);
                              }),
                  context, 41);
  Point h(agents, 0.0);
  std::vector<double> rewards;
  Rng rng(4, "rewards");
  for (int t = 0; t < 200; ++t) {
    const auto& d = console.decide();
    const Point pi = softmax_of(h);
    for (std::size_t a = 0; a < agents; ++a) REQUIRE(d.probability[0][a] == Approx(pi[a]).epsilon(1e-9));
    const auto arm = static_cast<std::size_t>(d.arm[0]);
    const double reward = 5 + rng.uniform() + 0.2 * static_cast<double>(arm);
    double b = baseline == "none" ? 0 : rewards.empty() ? reward : 0;
    if (!rewards.empty() && baseline == "mean")
      b = std::accumulate(rewards.begin(), rewards.end(), 0.0) / static_cast<double>(rewards.size());
    if (!rewards.empty() && baseline == "moving") {
      b = std::pow(1 - alpha, static_cast<double>(rewards.size())) * rewards[0];
      for (std::size_t s = 0; s < rewards.size(); ++s)
        b += alpha * std::pow(1 - alpha, static_cast<double>(rewards.size() - 1 - s)) * rewards[s];
    }
    if (t > 0) REQUIRE(d.diagnostics[0][2] == Approx(b).epsilon(1e-9));
    for (std::size_t a = 0; a < agents; ++a) h[a] += alpha * (reward - b) * ((a == arm ? 1 : 0) - pi[a]);
    rewards.push_back(reward);
    console.learn({reward});
  }
}

TEST_CASE("gradient_bandit with every arm's credit climbs the gradient of what the mixture earns", "[oracle]") {
  const double alpha = 0.2;
  Rng rng(5, "credit");
  const Game game = play_credit("gradient_bandit", 4, 150, full_information(alpha), [&](std::size_t, const Point&) {
    return Point{rng.normal(), rng.normal(), 1 + rng.normal(), rng.normal()};
  });
  Point h(4, 0.0);
  for (std::size_t t = 0; t < game.weights.size(); ++t) {
    for (std::size_t a = 0; a < 4; ++a) REQUIRE(game.weights[t][a] == Approx(softmax_of(h)[a]).epsilon(1e-6));
    const Point at = h;
    for (std::size_t a = 0; a < 4; ++a) {
      Point up = at, down = at;
      up[a] += 1e-5;
      down[a] -= 1e-5;
      h[a] += alpha * (dot(softmax_of(up), game.credit[t]) - dot(softmax_of(down), game.credit[t])) / 2e-5;
    }
  }
}

TEST_CASE("slots of a gradient_bandit are drawn from the same preferences and move them together", "[oracle]") {
  const auto context = context_of(3, 2);
  Console console(make_policy("gradient_bandit", context, [](Options& o) { set_option<std::string>(o, "baseline", "none"); }),
                  context, 7);
  Point h(3, 0.0);
  for (int t = 0; t < 50; ++t) {
    const auto& d = console.decide();
    const Point pi = softmax_of(h);
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t a = 0; a < 3; ++a) {
        REQUIRE(d.probability[i][a] == Approx(pi[a]).epsilon(1e-9));
        h[a] += 0.1 * (i == 0 ? 0.3 : 0.8) * ((static_cast<std::int64_t>(a) == d.arm[i] ? 1 : 0) - pi[a]);
      }
    console.learn({0.3, 0.8});
  }
}

TEST_CASE("both forms of gradient_bandit find the best arm", "[oracle]") {
  constexpr std::int64_t kHorizon = 3000;
  const bool full = GENERATE(true, false);
  const auto env = make_env("bandit-v0", bandit_options({0.4, 0.5, 0.6, 0.9}, kHorizon));
  double late = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto policy = full ? make_policy("gradient_bandit", context_of(4), full_information(0.3))
                             : make_policy("gradient_bandit", context_of(4));
    const Played played = play_bandit(*env, *policy, seed);
    late += std::accumulate(played.regret.end() - 500, played.regret.end(), 0.0) / 500 / 20;
  }
  CAPTURE(full, late);
  REQUIRE(late < 0.03);  // even play: 0.3
}

TEST_CASE("a moving baseline of gradient_bandit is an average", "[oracle]") {
  const auto made = [](double alpha) {
    return make_policy("gradient_bandit", context_of(2), [&](Options& o) {
      set_option<std::string>(o, "baseline", "moving");
      set_option(o, "alpha", alpha);
    });
  };
  REQUIRE_NOTHROW(made(1));
  REQUIRE_THROWS_WITH(made(1.5), Catch::Contains("alpha is 1.5 and baseline is 'moving'"));
}

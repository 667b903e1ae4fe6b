// EXP3, EXP3.S and REXP3 against their bounds, against a computation in plain weights, and on means that change.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/oracle/bandit_play.h"
#include "tests/oracle/credit_game.h"

using namespace fader;
using namespace fader::testing;

namespace {

const double kE = std::exp(1.0);

double mean_regret(Env& env, const std::string& name, const PolicyContext& context,
                   const std::function<void(Options&)>& set = {}) {
  constexpr int kSeeds = 20;
  double regret = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
    regret += play_bandit(env, *make_policy(name, context, set), seed).total_regret / kSeeds;
  return regret;
}

}  // namespace

TEST_CASE("exp3 stays below its bound where uniform play is above twice the bound", "[oracle]") {
  constexpr std::int64_t kHorizon = 20000;
  const double bound = 2 * std::sqrt((kE - 1) * kHorizon * 4 * std::log(4.0)), uniform = 0.375 * kHorizon;
  REQUIRE(uniform > 2 * bound);
  const auto env = make_env("bandit-v0", bandit_options({0.2, 0.7, 0.2, 0.2}, kHorizon));
  const double regret = mean_regret(*env, "exp3", context_for(4, kHorizon));
  CAPTURE(bound, regret, uniform);
  REQUIRE(regret < bound);
  // Most of it is the even play that the theory asks for.
  const double gamma = std::sqrt(4 * std::log(4.0) / ((kE - 1) * kHorizon));
  REQUIRE(regret > gamma * uniform);
}

TEST_CASE("exp3s stays below its bound for the best sequence of arms, and exp3 does not", "[oracle]") {
  constexpr std::int64_t kHorizon = 20000;
  const double bound = 2 * std::sqrt((kE - 1) * kHorizon * 2 * (2 * std::log(2.0 * kHorizon) + kE)), uniform = 0.5 * kHorizon;
  REQUIRE(uniform > 2 * bound);
  const auto env = make_env("bandit-v0", bandit_options({0, 1}, kHorizon, kHorizon / 2, {{1, 0}}));
  const double drifting = mean_regret(*env, "exp3s", context_for(2, kHorizon)),
               plain = mean_regret(*env, "exp3", context_for(2, kHorizon));
  CAPTURE(bound, drifting, plain);
  REQUIRE(drifting < bound);
  REQUIRE(plain > bound);
}

TEST_CASE("exp3 restarted in theory's batches follows means that drift, where exp3 does not", "[oracle]") {
  constexpr std::int64_t kHorizon = 12000;
  const auto env = make_env("bandit-v0", bandit_options({0.9, 0.1}, kHorizon, kHorizon / 4, {{0.1, 0.9}}));
  const auto variation = [](Options& o) { set_option(o, "variation", 3 * 0.8); };
  const double restarted = mean_regret(*env, "exp3", context_for(2, kHorizon), variation);
  const double plain = mean_regret(*env, "exp3", context_for(2, kHorizon));
  CAPTURE(restarted, plain);
  REQUIRE(restarted < 0.5 * 0.4 * kHorizon);  // half of even play's
  REQUIRE(plain > restarted * 1.3);
}

TEST_CASE("the exp3 family agrees with its definitions, step by step", "[oracle]") {
  const std::string name = GENERATE("exp3", "exp3s");
  const std::size_t agents = GENERATE(2, 5);
  const int slots = GENERATE(1, 2);
  const bool given = GENERATE(true, false);  // rates
  CAPTURE(name, agents, slots, given);
  const double k = static_cast<double>(agents), horizon = 400;
  const auto context = context_for(agents, 400, slots);
  double gamma = name == "exp3" ? std::sqrt(k * std::log(k) / (kE - 1) / horizon)
                                : std::sqrt(k * (2 * std::log(k * horizon) + kE) / (kE - 1) / horizon);
  double alpha = name == "exp3" ? 0 : 1 / horizon;
  if (given) gamma = 0.3, alpha *= 4;
  Console console(make_policy(name, context,
                              [&](Options& o) {
                                if (!given) return;
                                set_option(o, "gamma", gamma);
                                if (alpha > 0) set_option(o, "alpha", alpha);
                              }),
                  context, 43);
  Point w(agents, 1.0);
  Rng rng(4, "rewards");
  for (int t = 0; t < 400; ++t) {
    const auto& d = console.decide();
    double total = 0;
    for (const double x : w) total += x;
    Point p(agents), next = w;
    for (std::size_t a = 0; a < agents; ++a) p[a] = (1 - gamma) * w[a] / total + gamma / k;
    std::vector<double> rewards;
    for (std::size_t i = 0; i < static_cast<std::size_t>(slots); ++i) {
      for (std::size_t a = 0; a < agents; ++a) REQUIRE(d.probability[i][a] == Approx(p[a]).epsilon(1e-9));
      const auto arm = static_cast<std::size_t>(d.arm[i]);
      const double reward = 1.4 * rng.uniform() - 0.2;  // at times to be cut
      rewards.push_back(reward);
      next[arm] *= std::exp(gamma * std::min(1.0, std::max(0.0, reward)) / p[arm] / k);
    }
    for (std::size_t a = 0; a < agents; ++a) w[a] = next[a] + kE * alpha / k * total;
    console.learn(rewards);
  }
}

TEST_CASE("exp3 with restarts begins anew, with the rate of a batch", "[oracle]") {
  const auto context = context_for(3, 1000), batch = context_for(3, 50);
  Console restarted(make_policy("exp3", context, [](Options& o) { set_option<std::int64_t>(o, "restart_every", 50); }), context,
                    3);
  Console plain(make_policy("exp3", batch), batch, 3);  // of episodes of 50, on the same draws
  for (int t = 0; t < 200; ++t) {
    const auto& d = restarted.decide();
    if (t % 50 == 0)
      for (const double p : d.probability[0]) REQUIRE(p == Approx(1.0 / 3));
    if (t < 50) {
      REQUIRE(plain.decide().arm == d.arm);
      REQUIRE(std::equal(d.probability[0].begin(), d.probability[0].end(), plain.decided().probability[0].begin()));
      plain.learn({d.arm[0] == 0 ? 1.0 : 0.0});
    }
    restarted.learn({d.arm[0] == 0 ? 1.0 : 0.0});
  }
  // ceil((3 ln 3)^(1/3) (1000 / 20)^(2/3)) = 21
  Console theory(make_policy("exp3", context, [](Options& o) { set_option(o, "variation", 20.0); }), context, 3);
  for (int t = 0; t < 100; ++t) {
    const auto p = theory.decide().probability[0];
    REQUIRE((std::abs(p[0] - 1.0 / 3) < 1e-12) == (t % 21 == 0));
    theory.learn({theory.decided().arm[0] == 0 ? 1.0 : 0.5});
  }
  REQUIRE_THROWS_WITH(make_policy("exp3", context,
                                  [](Options& o) {
                                    set_option(o, "variation", 20.0);
                                    set_option<std::int64_t>(o, "restart_every", 5);
                                  }),
                      Catch::Contains("restart_every is 5 and variation is 20"));
}

TEST_CASE("exp3 that knows every arm's reward is hedge at the rate gamma / A, mixed with even play", "[oracle]") {
  const auto credit = [](std::size_t t, const Point&) {
    Rng rng(t, "credit");
    return Point{rng.uniform(), rng.uniform(), 0.9 * rng.uniform()};
  };
  const Game exp3 = play_credit(
      "exp3", 3, 200,
      [](Options& o) {
        set_option<std::string>(o, "play", "mixture");
        set_option<std::string>(o, "feedback", "credit");
        set_option(o, "gamma", 0.3);
      },
      credit);
  const Game hedge = play_credit(
      "hedge", 3, 200,
      [](Options& o) {
        set_option(o, "eta", 0.1);
        set_option(o, "gamma", 0.3);
      },
      credit);
  for (std::size_t t = 0; t < 200; ++t)
    for (std::size_t k = 0; k < 3; ++k) REQUIRE(exp3.weights[t][k] == Approx(hedge.weights[t][k]).epsilon(1e-10));
}

TEST_CASE("exp3 that does not explore plays its most probable arm", "[oracle]") {
  const std::string name = GENERATE("exp3", "exp3s", "exp3ix");
  const auto context = context_for(3, 300);
  Console console(make_policy(name, context), context, 3);
  for (int t = 0; t < 300; ++t) console.learn({console.decide().arm[0] == 1 ? 1.0 : 0.0});
  REQUIRE(console.decide().probability[0][1] < 1);
  console.policy().explore(false);
  for (int t = 0; t < 20; ++t) REQUIRE(console.decide().probability[0][1] == 1);
  console.policy().explore(true);
  REQUIRE(console.decide().probability[0][1] < 1);
}

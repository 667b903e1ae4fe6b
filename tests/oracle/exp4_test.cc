// EXP4 where a field of the observation tells which agent is good now: against its bound, the best fixed arm, and a computation
// from the whole history.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/oracle/credit_game.h"

using namespace fader;
using namespace fader::testing;

namespace {

constexpr std::size_t kAgents = 4, kSignal = 1 + kAgents, kNoise = 1 + 2 * kAgents, kWidth = 1 + 3 * kAgents;

// progress, weights, "signal" (which tells) and "noise" (which does not), both of every agent.
PolicyContext signalled(std::int64_t horizon) {
  PolicyContext context = context_for(kAgents, horizon);
  context.observation.push_back({"signal", kSignal, kAgents, context.agents, "agent"});
  context.observation.push_back({"noise", kNoise, kAgents, context.agents, "agent"});
  return context;
}

struct Round {
  Point x, reward;  // what is observed; what each agent would earn
};

// The good agent changes at random; the signal is greatest at it.
Round round_of(std::uint64_t seed, std::int64_t t) {
  Rng rng(seed, "round/" + std::to_string(t));
  Round out{Point(kWidth), Point(kAgents)};
  for (double& x : out.x) x = rng.normal();
  const std::size_t good = rng.below(kAgents);
  for (std::size_t k = 0; k < kAgents; ++k) {
    out.x[kSignal + k] = k == good ? 6 : 0;
    out.reward[k] = rng.uniform() < (k == good ? 0.9 : 0.1) ? 1 : 0;
  }
  return out;
}

struct History {
  std::vector<Round> rounds;
  std::vector<std::size_t> arms;
  std::vector<Point> probability;
  double earned = 0;
};

History play(std::int64_t horizon, std::uint64_t seed, const std::function<void(Options&)>& set = {}) {
  const auto context = signalled(horizon);
  const auto policy = make_policy("exp4", context, set);
  REQUIRE(policy->spec().arms == kAgents);
  const std::array<int, 1> slots = {0};
  const std::array<End, 1> end = {End::no};
  std::vector<Rng> streams = {Rng(seed, "slot")};
  Rng learner(seed, "learn");
  Decisions d;
  d.fit(policy->spec(), kAgents, 1);
  const Grid<double> nothing(1, 0);
  History out;
  for (std::int64_t t = 0; t < horizon; ++t) {
    out.rounds.push_back(round_of(seed, t));
    const Table<const double> x = {out.rounds.back().x.data(), 1, kWidth};
    policy->decide({slots, x}, streams, d);
    out.arms.push_back(static_cast<std::size_t>(d.arm[0]));
    out.probability.emplace_back(d.probability[0].begin(), d.probability[0].end());
    const std::array<double, 1> reward = {out.rounds.back().reward[out.arms.back()]}, se = {0.1};
    out.earned += reward[0];
    policy->learn({{slots, x}, d, reward, se, nothing.view(), nothing.view(), x, end}, learner);
  }
  return out;
}

// What expert j of 4 + 1 + 2 + 2 says of x.
Point advice(std::size_t j, const Point& x) {
  if (j < kAgents) {
    Point only(kAgents, 0.0);
    only[j] = 1;
    return only;
  }
  if (j == kAgents) return even(kAgents);
  const std::size_t from = j < kAgents + 3 ? kSignal : kNoise;
  const double sign = (j - kAgents) % 2 == 1 ? 1 : -1;
  Point out(kAgents);
  double sum = 0;
  for (std::size_t k = 0; k < kAgents; ++k) sum += out[k] = std::exp(sign * x[from + k]);
  for (double& p : out) p /= sum;
  return out;
}

constexpr std::size_t kExperts = kAgents + 1 + 4;

}  // namespace

TEST_CASE("exp4 stays below its bound and beats the best fixed arm, where uniform play is above twice the bound", "[oracle]") {
  constexpr std::int64_t kHorizon = 4000;
  constexpr int kSeeds = 10;
  const double bound = 2 * std::sqrt((std::exp(1.0) - 1) * kHorizon * kAgents * std::log(kExperts));
  double earned = 0, uniform = 0, fixed = 0, expert = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const History h = play(kHorizon, seed);
    earned += h.earned / kSeeds;
    Point arms(kAgents, 0.0), experts(kExperts, 0.0);
    for (const Round& r : h.rounds) {
      for (std::size_t k = 0; k < kAgents; ++k) arms[k] += r.reward[k];
      for (std::size_t j = 0; j < kExperts; ++j) experts[j] += dot(advice(j, r.x), r.reward);
    }
    uniform += dot(even(kAgents), arms) / kSeeds;
    fixed += *std::max_element(arms.begin(), arms.end()) / kSeeds;
    expert += *std::max_element(experts.begin(), experts.end()) / kSeeds;
  }
  CAPTURE(bound, earned, uniform, fixed, expert);
  REQUIRE(expert - uniform > 2 * bound);
  REQUIRE(expert - earned < bound);
  REQUIRE(earned > fixed + 0.4 * kHorizon);
}

TEST_CASE("exp4 agrees with its definition, step by step", "[oracle]") {
  const double gamma = GENERATE(0.0, 0.4);
  const std::int64_t horizon = 300;
  const History h = play(horizon, 5, [&](Options& o) { set_option(o, "gamma", gamma); });
  const double g =
      gamma > 0 ? gamma : std::sqrt(kAgents * std::log(kExperts) / (std::exp(1.0) - 1) / static_cast<double>(horizon));
  Point w(kExperts, 1.0);
  for (std::size_t t = 0; t < h.rounds.size(); ++t) {
    double sum = 0;
    for (const double x : w) sum += x;
    const std::size_t arm = h.arms[t];
    for (std::size_t k = 0; k < kAgents; ++k) {
      double p = g / kAgents;
      for (std::size_t j = 0; j < kExperts; ++j) p += (1 - g) * w[j] / sum * advice(j, h.rounds[t].x)[k];
      REQUIRE(h.probability[t][k] == Approx(p).epsilon(1e-9));
    }
    const double estimate = h.rounds[t].reward[arm] / h.probability[t][arm];
    for (std::size_t j = 0; j < kExperts; ++j) w[j] *= std::exp(g * advice(j, h.rounds[t].x)[arm] * estimate / kAgents);
  }
}

TEST_CASE("exp4 hears the experts that it is told to hear", "[oracle]") {
  const auto only = [](std::vector<std::string> groups) {
    return [groups](Options& o) { set_option(o, "experts", groups); };
  };
  const History even_play = play(50, 3, only({"uniform"}));
  for (const Point& p : even_play.probability)
    for (const double x : p) REQUIRE(x == Approx(0.25));
  // Without the fields it is a bandit over the agents: exp3, with the rate of as many experts.
  const History agents = play(200, 3, only({"agents"}));
  const auto context = signalled(200);
  const auto made = [&](const PolicyContext& c, std::vector<std::string> groups) {
    return make_policy("exp4", c, only(std::move(groups)));
  };
  Point w(kAgents, 1.0);
  const double gamma = std::sqrt(kAgents * std::log(kAgents) / (std::exp(1.0) - 1) / 200);
  for (std::size_t t = 0; t < 200; ++t) {
    const double sum = w[0] + w[1] + w[2] + w[3];
    for (std::size_t k = 0; k < kAgents; ++k)
      REQUIRE(agents.probability[t][k] == Approx((1 - gamma) * w[k] / sum + gamma / kAgents));
    const std::size_t arm = agents.arms[t];
    w[arm] *= std::exp(gamma / kAgents * agents.rounds[t].reward[arm] / agents.probability[t][arm]);
  }
  const History sharp = play(50, 3, [](Options& o) {
    set_option(o, "experts", std::vector<std::string>{"fields"});
    set_option(o, "sharpness", 0.0);
  });
  REQUIRE(sharp.probability[40][2] == Approx(0.25));

  REQUIRE_THROWS_WITH(made(context, {"agent"}), Catch::Contains("there is no group 'agent'; did you mean 'agents'?"));
  REQUIRE_THROWS_WITH(made(context, {}), Catch::Contains("the list is empty"));
  REQUIRE_THROWS_WITH(made(context_of(3), {"fields"}), Catch::Contains("nothing is observed of each agent"));
  REQUIRE_NOTHROW(made(context_of(3), {"fields", "agents"}));
}

TEST_CASE("exp4 takes observations that are not finite as nothing", "[oracle]") {
  const auto context = signalled(100);
  const auto policy = make_policy("exp4", context);
  Point x(kWidth, std::nan(""));
  x[kSignal] = 1e308;
  x[kNoise] = -std::numeric_limits<double>::infinity();
  std::vector<Rng> streams = {Rng(1, "slot")};
  const std::array<int, 1> slots = {0};
  Decisions d;
  d.fit(policy->spec(), kAgents, 1);
  policy->decide({slots, {x.data(), 1, kWidth}}, streams, d);
  for (const double p : d.probability[0]) REQUIRE((p > 0 && p < 1));
}

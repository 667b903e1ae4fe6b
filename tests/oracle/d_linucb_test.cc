// D-LinUCB against a computation from the whole history, and on linear rewards that change.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/oracle/linear_play.h"
#include "tests/policies/elimination.h"

using namespace fader;
using namespace fader::testing;

namespace {

struct Play {
  std::size_t arm, moment;
  std::vector<double> x;
  double reward;
};

constexpr double kLambda = 0.5, kDelta = 0.05, kBound = 0.7, kLength = 1.5, kNoise = 0.2, kC = 0.3;

// Moments learned so far: `now`; the latest has age 0.
double index(const std::vector<Play>& plays, std::size_t arms, std::size_t arm, const std::vector<double>& x, double gamma, std::size_t now) {
  Matrix once = diagonal(x.size(), kLambda), twice = once;
  std::vector<double> b(x.size(), 0.0);
  for (const Play& p : plays) {
    if (p.arm != arm) continue;
    const double weight = std::pow(gamma, static_cast<double>(now - 1 - p.moment));
    add_outer(once, weight, p.x);
    add_outer(twice, weight * weight, p.x);
    for (std::size_t i = 0; i < x.size(); ++i) b[i] += weight * p.reward * p.x[i];
  }
  const auto t = static_cast<double>(now), d = static_cast<double>(arms * x.size());
  const double n = gamma == 1 ? t : (1 - std::pow(gamma, 2 * t)) / (1 - gamma * gamma);
  const double beta = std::sqrt(kLambda) * kBound +
                      kNoise * std::sqrt(2 * std::log(1 / kDelta) + d * std::log(1 + kLength * kLength * n / (kLambda * d)));
  const auto u = eliminate(once, x);
  return dot(x, eliminate(once, b)) + kC * beta * std::sqrt(dot(u, times(twice, u)));
}

}  // namespace

TEST_CASE("d_linucb agrees with its definition, step by step", "[oracle]") {
  const double gamma = GENERATE(0.9, 0.99, 1.0);
  const std::size_t slots = GENERATE(1, 2);
  CAPTURE(gamma, slots);
  PolicyContext context = context_of(3, static_cast<int>(slots));
  context.observation = {{"seen", 0, 2}};
  const auto policy = make_policy("d_linucb", context, [&](Options& o) {
    set_option(o, "gamma", gamma);
    set_option(o, "lambda", kLambda);
    set_option(o, "delta", kDelta);
    set_option(o, "bound", kBound);
    set_option(o, "length", kLength);
    set_option(o, "noise", kNoise);
    set_option(o, "c", kC);
  });
  std::vector<Rng> streams = {Rng(1, "0"), Rng(1, "1")};
  Rng world(2, "world"), learner(1, "learn");
  const std::vector<int> all_slots = {0, 1};
  const auto used = std::span(all_slots).first(slots);
  Decisions decided;
  decided.fit(policy->spec(), 3, slots);
  const Grid<double> none(slots, 0);
  const std::vector<double> se(slots, 0.1);
  const std::vector<End> end(slots, End::no);
  std::vector<Play> plays;
  for (std::size_t t = 0; t < 120; ++t) {
    Grid<double> seen(slots, 2);
    for (double& v : seen.view().flat()) v = world.normal();
    policy->decide({used, std::as_const(seen).view()}, std::span(streams).first(slots), decided);
    std::vector<double> reward;
    std::vector<Play> now;
    for (std::size_t i = 0; i < slots; ++i) {
      const std::vector<double> x = {seen[i][0], seen[i][1], 1};
      std::vector<double> value;
      for (std::size_t a = 0; a < 3; ++a) value.push_back(index(plays, 3, a, x, gamma, t));
      const auto arm = static_cast<std::size_t>(decided.arm[i]);
      REQUIRE(value[arm] == Approx(*std::max_element(value.begin(), value.end())).epsilon(1e-10));
      if (decided.diagnostics[i][3] > 0) REQUIRE(decided.diagnostics[i][0] == Approx(value[arm]).epsilon(1e-9).margin(1e-12));
      reward.push_back(x[0] * static_cast<double>(arm) + 0.1 * world.normal());
      now.push_back({arm, t, x, reward.back()});
    }
    plays.insert(plays.end(), now.begin(), now.end());
    policy->learn({{used, std::as_const(seen).view()}, decided, reward, se, none.view(), none.view(), std::as_const(seen).view(), end},
                  learner);
  }
}

TEST_CASE("d_linucb follows coefficients that change, where linucb does not", "[oracle]") {
  const Linear problem = {{{0.5, 0, 0.2}, {-0.5, 0, 0.2}, {0, 0.6, 0.1}}, 0.1, 2000, 500};
  double remembering = 0, forgetting = 0;
  constexpr int kSeeds = 10;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    remembering += play_linear(problem, *make_policy("linucb", problem.context()), seed) / kSeeds;
    forgetting += play_linear(problem, *make_policy("d_linucb", problem.context()), seed) / kSeeds;
  }
  INFO("regret: linucb " << remembering << ", d_linucb " << forgetting);
  REQUIRE(forgetting < 0.5 * remembering);
}

TEST_CASE("d_linucb comes near the best where nothing changes", "[oracle]") {
  const Linear problem = {{{0.5, 0, 0.2}, {-0.5, 0, 0.2}, {0, 0.6, 0.1}}};
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    REQUIRE(play_linear(problem, *make_policy("d_linucb", problem.context(), [](Options& o) { set_option(o, "gamma", 0.99); }), seed) < 40);
}

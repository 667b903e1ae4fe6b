// reservoir-v0: the plan against all assignments, the best fixed mix against a grid, and what is executed when a supply runs
// dry.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

struct Setting {
  std::vector<double> supplies, first, last;
};

std::unique_ptr<Env> reservoir(const Setting& s, std::int64_t horizon, double noise = 0) {
  return make_env("reservoir-v0", [&](Options& o) {
    set_option(o, "supplies", s.supplies);
    set_option(o, "first", s.first);
    set_option(o, "last", s.last);
    set_option(o, "horizon", horizon);
    set_option(o, "noise", noise);
  });
}

Setting drawn(std::size_t supplies, Rng& rng, double units = 0) {  // with `units`: whole numbers of them
  Setting s;
  for (std::size_t k = 0; k <= supplies; ++k) {
    if (k < supplies) s.supplies.push_back(units > 0 ? std::floor(0.6 * units * rng.uniform()) / units : 0.6 * rng.uniform());
    s.first.push_back(k < supplies ? rng.uniform() : 0);
    s.last.push_back(k < supplies ? rng.uniform() : 0);
  }
  return s;
}

double value(const Setting& s, std::size_t horizon, std::size_t t, std::size_t k) {
  return s.first[k] + (s.last[k] - s.first[k]) * static_cast<double>(t) / static_cast<double>(horizon - 1);
}

// What a fixed mix earns: an agent is drawn on until decision supply / weight.
double earned_by_mix(const Setting& s, std::size_t horizon, const Weights& w) {
  double total = 0;
  for (std::size_t t = 0; t < horizon; ++t) {
    double common = w.back();
    for (std::size_t k = 0; k < s.supplies.size(); ++k) {
      const double left = s.supplies[k] * static_cast<double>(horizon) - w[k] * static_cast<double>(t),
                   own = std::clamp(left, 0.0, w[k]);
      total += own * value(s, horizon, t, k);
      common += w[k] - own;
    }
    total += common * value(s, horizon, t, s.supplies.size());
  }
  return total;
}

}  // namespace

TEST_CASE("the plan of the reservoir is the best of all assignments", "[oracle]") {
  constexpr std::size_t kDecisions = 8, kAgents = 4;
  Rng rng(1, "settings");
  for (int i = 0; i < 12; ++i) {
    const Setting s = drawn(kAgents - 1, rng, kDecisions);
    const auto env = reservoir(s, kDecisions);
    double best = 0;
    each_sequence(kAgents, kDecisions, [&](const std::vector<std::size_t>& chosen) {
      std::vector<int> taken(kAgents, 0);
      double total = 0;
      for (std::size_t t = 0; t < kDecisions; ++t) {
        ++taken[chosen[t]];
        total += value(s, kDecisions, t, chosen[t]);
      }
      for (std::size_t k = 0; k + 1 < kAgents; ++k)
        if (taken[k] > s.supplies[k] * kDecisions + 1e-9) return;
      best = std::max(best, total);
    });
    CHECK(env->answer()->optimum == Approx(best));  // whole supplies: a best plan of the programme is an assignment
  }
}

TEST_CASE("with supplies that are no whole numbers, a finer assignment comes to the plan", "[oracle]") {
  // Two agents: the best is to use the scarce one where it is ahead by most.
  Rng rng(2, "settings");
  for (int i = 0; i < 20; ++i) {
    const Setting s = drawn(1, rng);
    const auto env = reservoir(s, 40);
    std::vector<double> ahead;
    for (std::size_t t = 0; t < 40; ++t) ahead.push_back(value(s, 40, t, 0));
    std::sort(ahead.rbegin(), ahead.rend());
    double left = 40 * s.supplies[0], best = 0;
    for (const double v : ahead) {
      best += std::min(left, 1.0) * v;
      left = std::max(left - 1, 0.0);
    }
    CHECK(env->answer()->optimum == Approx(best));
  }
}

TEST_CASE("a plan can be played as it is", "[oracle]") {
  Rng rng(3, "settings");
  for (int i = 0; i < 10; ++i) {
    const auto env = reservoir(drawn(5, rng), 37);
    const Answer& answer = *env->answer();
    std::size_t t = 0;
    const Episode e = play_episode(*env, following(answer.schedule_weights), 1, [&](const Outcome& out) {
      for (std::size_t k = 0; k < 6; ++k) REQUIRE(out.executed[0][k] == Approx(answer.schedule_weights[t][k]).margin(1e-9));
      ++t;
    });
    CHECK(e.expected == Approx(answer.optimum));
  }
}

TEST_CASE("the best fixed mix of the reservoir is the best of a grid", "[oracle]") {
  Rng rng(4, "settings");
  for (int i = 0; i < 12; ++i) {
    const Setting s = drawn(2 + i % 2, rng);
    const auto env = reservoir(s, 40);
    const std::size_t k = s.first.size();
    const Answer& answer = *env->answer();
    double best = 0;
    each_mix(k, k == 3 ? 200 : 60, [&](const Weights& w) { best = std::max(best, earned_by_mix(s, 40, w)); });
    CHECK(best <= answer.fixed + 1e-9);
    CHECK(best >= answer.fixed - 0.02 * answer.fixed);
    CHECK(earned_by_mix(s, 40, answer.fixed_weights) == Approx(answer.fixed));
  }
}

TEST_CASE("every fixed mix loses a known part", "[oracle]") {
  const Answer answer = *make_env("reservoir-v0", {})->answer();
  CHECK(answer.optimum - answer.fixed >= 0.2 * (answer.optimum - answer.uniform));
}

TEST_CASE("what a dry supply lacks is taken from the common agent", "[oracle]") {
  const Setting s = {{0.05, 0.5}, {1, 0.5, 0.1}, {3, 0.5, 0.1}};  // of 20 units: 1 and 10
  const auto env = reservoir(s, 20);
  std::size_t t = 0;
  play_episode(*env, always({0.4, 0.5, 0.1}), 1, [&](const Outcome& out) {
    const double own = t < 2 ? 0.4 : t == 2 ? 0.2 : 0, v = value(s, 20, t, 0);
    CHECK(out.executed[0][0] == Approx(own).margin(1e-9));
    CHECK(out.executed[0][1] == 0.5);
    CHECK(out.executed[0][2] == Approx(0.5 - own).margin(1e-9));
    CHECK(out.reward[0][0] == Approx(own * v + 0.5 * 0.5 + (0.5 - own) * 0.1));
    CHECK(out.credit[0][0] == Approx((own * v + (0.4 - own) * 0.1) / 0.4));
    CHECK(out.credit[0][1] == Approx(0.5));
    CHECK(out.observation[0][4] == Approx(std::max(0.0, 1 - 0.4 * static_cast<double>(t + 1))).margin(1e-9));
    CHECK(out.observation[0][6] == 1);
    ++t;
  });
}

TEST_CASE("credit weighs up to the reward, noise and all", "[oracle]") {
  const auto env = make_env("reservoir-v0", {});
  Rng rng(5, "mixes");
  Weights w;
  play_episode(
      *env, [&](std::size_t, const Outcome&) { return w = random_mix(4, rng); }, 1,
      [&](const Outcome& out) {
        CHECK(out.reward[0][0] == Approx(std::inner_product(w.begin(), w.end(), out.credit[0].begin(), 0.0)));
      });
}

TEST_CASE("reservoirs that make no sense are refused", "[oracle]") {
  REQUIRE_THROWS_WITH(reservoir({{0.1, 0.2}, {1, 1}, {1, 1, 0}}, 10),
                      Catch::Contains("first: 2 numbers for 2 supplies; expected 3"));
  REQUIRE_THROWS_WITH(reservoir({{0.1, 0.2}, {1, 1, 0}, {1, 0, 0.5}}, 10),
                      Catch::Contains("last: an agent's unit is worth 0 and a common one 0.5"));
}

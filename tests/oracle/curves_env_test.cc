// curves-v0: the laws as stated, returns that telescope, gradients that are derivatives, and an optimum that grids do not beat.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

struct Setting {
  std::vector<double> floors = {1.2, 1.0, 1.5, 0.8}, scales = {2, 2, 1, 2.5}, powers = {0.5, 0.6, 0.3, 0.6},
                      reference = {0.6, 0.4, 0, 0};
  std::vector<double> memory = {1, 1, 1, 1};
  Vectors transfer = {{1, 0.1, 0, 0.6}, {0.1, 1, 0, 0.6}, {0, 0, 1, 0.1}, {0, 0, 0.3, 1}};
  double start = 1;
  std::size_t domains() const { return floors.size(); }
};

Setting forgetting(std::vector<double> memory) {
  Setting s;
  s.memory = std::move(memory);
  return s;
}

std::unique_ptr<Env> curves(const Setting& s, std::int64_t horizon = 40, double noise = 0) {
  return make_env("curves-v0", [&](Options& o) {
    set_option(o, "floors", s.floors);
    set_option(o, "scales", s.scales);
    set_option(o, "powers", s.powers);
    set_option(o, "reference", s.reference);
    set_option(o, "memory", s.memory);
    set_option(o, "transfer", s.transfer);
    set_option(o, "start", s.start);
    set_option(o, "horizon", horizon);
    set_option(o, "noise", noise);
  });
}

double loss(const Setting& s, std::size_t i, const std::vector<double>& m) {
  double n = s.start;
  for (std::size_t j = 0; j < m.size(); ++j) n += s.transfer[i][j] * m[j];
  return s.floors[i] + s.scales[i] * std::pow(n, -s.powers[i]);
}
double reference(const Setting& s, const std::vector<double>& m) {
  double total = 0;
  for (std::size_t i = 0; i < s.domains(); ++i) total += s.reference[i] * loss(s, i, m);
  return total;
}
void train(const Setting& s, std::vector<double>& m, const Weights& w) {
  for (std::size_t j = 0; j < m.size(); ++j) m[j] = s.memory[j] * m[j] + w[j];
}
double earned(const Setting& s, const std::vector<Weights>& played) {
  std::vector<double> m(s.domains(), 0.0);
  const double first = reference(s, m);
  for (const Weights& w : played) train(s, m, w);
  return first - reference(s, m);
}

}  // namespace

TEST_CASE("losses follow their laws and rewards telescope", "[oracle]") {
  const Setting s = forgetting({1, 0.9, 0.95, 0.97});
  const auto env = curves(s);
  Rng rng(1, "mixes");
  std::vector<double> m(4, 0.0), before(4);
  const double first = reference(s, m);
  for (std::size_t i = 0; i < 4; ++i) before[i] = loss(s, i, m);
  std::vector<Weights> played;
  double total = 0;
  const Episode e = play_episode(
      *env, [&](std::size_t, const Outcome&) { return played.emplace_back(random_mix(4, rng)); }, 1,
      [&](const Outcome& out) {
        train(s, m, played.back());
        double mean = 0;
        for (std::size_t i = 0; i < 4; ++i) {
          const double now = loss(s, i, m);
          mean += now / 4;
          REQUIRE(out.credit[0][i] == Approx(now));
          REQUIRE(out.observation[0][5 + i] == Approx(now));
          REQUIRE(out.observation[0][9 + i] == Approx(10 * (before[i] - now)).margin(1e-9));
          before[i] = now;
        }
        total += out.reward[0][0];
        REQUIRE(out.observation[0][13] == Approx(reference(s, m)));
        REQUIRE(out.infos[0][1] == Approx(mean));
        REQUIRE(total == Approx(first - reference(s, m)));
      });
  CHECK(e.expected == Approx(earned(s, played)));
  CHECK(e.earned == Approx(earned(s, played)));
}

TEST_CASE("the credit gradient is the derivative of the reference loss", "[oracle]") {
  const Setting s = forgetting({1, 0.9, 0.95, 0.97});
  const auto env = curves(s);
  Rng rng(2, "mixes");
  std::vector<double> m(4, 0.0);
  Weights w;
  play_episode(
      *env, [&](std::size_t, const Outcome&) { return w = random_mix(4, rng); }, 1,
      [&](const Outcome& out) {
        train(s, m, w);
        for (std::size_t j = 0; j < 4; ++j) {
          auto more = m, less = m;
          more[j] += 1e-5;
          less[j] -= 1e-5;
          REQUIRE(out.credit[0][4 + j] == Approx((reference(s, less) - reference(s, more)) / 2e-5).margin(1e-9));
        }
      });
}

TEST_CASE("the best fixed mix of the curves is that of a grid", "[oracle]") {
  for (const Setting& s : {Setting{}, forgetting({1, 0.9, 0.8, 0.97}), forgetting({0.7, 0.7, 0.7, 0.7})}) {
    const Answer answer = *curves(s)->answer();
    double best = 0;
    each_mix(4, 25, [&](const Weights& w) { best = std::max(best, earned(s, std::vector<Weights>(40, w))); });
    CHECK(best <= answer.fixed + 1e-9);
    CHECK(best >= answer.fixed - 1e-3);
    CHECK(earned(s, std::vector<Weights>(40, answer.fixed_weights)) == Approx(answer.fixed));
  }
}

TEST_CASE("the best schedule of the curves is that of a grid over three decisions", "[oracle]") {
  Setting s = {{0, 0}, {1, 1}, {0.5, 0.7}, {0.5, 0.5}, {0.9, 0.5}, {{1, 0.1}, {0, 1}}, 0.5};
  const Answer answer = *curves(s, 3)->answer();
  double best = 0;
  constexpr int kParts = 60;
  for (int a = 0; a <= kParts; ++a)
    for (int b = 0; b <= kParts; ++b)
      for (int c = 0; c <= kParts; ++c) {
        std::vector<Weights> played;
        for (const int x : {a, b, c}) played.push_back({static_cast<double>(x) / kParts, 1 - static_cast<double>(x) / kParts});
        best = std::max(best, earned(s, played));
      }
  CHECK(best <= answer.optimum + 1e-9);
  CHECK(best >= answer.optimum - 1e-4);
  CHECK(answer.optimum > answer.fixed + 1e-3);
}

TEST_CASE("no sequence of single agents beats the best schedule of the curves", "[oracle]") {
  const Setting s = forgetting({1, 0.8, 0.6, 0.9});
  const Answer answer = *curves(s, 7)->answer();
  double best = 0;
  each_sequence(4, 7, [&](const std::vector<std::size_t>& chosen) {
    std::vector<Weights> played;
    for (const std::size_t k : chosen) played.push_back(vertex(4, k));
    best = std::max(best, earned(s, played));
  });
  CHECK(best <= answer.optimum + 1e-9);
  CHECK(best >= answer.optimum - 0.02);  // mixtures gain little where timing decides
}

TEST_CASE("the best schedule of the curves cannot be bettered anywhere by a little", "[oracle]") {
  const Setting s = forgetting({1, 0.9, 0.8, 0.97});
  const Answer answer = *curves(s)->answer();
  std::vector<Weights> best;
  for (std::size_t t = 0; t < 40; ++t) best.emplace_back(answer.schedule_weights[t].begin(), answer.schedule_weights[t].end());
  REQUIRE(earned(s, best) == Approx(answer.optimum));
  for (std::size_t t = 0; t < 40; ++t)
    for (std::size_t k = 0; k < 4; ++k) {
      auto other = best;
      for (std::size_t j = 0; j < 4; ++j) other[t][j] = 0.99 * best[t][j] + 0.01 * static_cast<double>(j == k);
      REQUIRE(earned(s, other) <= answer.optimum + 1e-9);
    }
}

TEST_CASE("without forgetting a fixed mix does as well, with it what is soon forgotten comes late", "[oracle]") {
  for (const auto& memory : {std::vector<double>{1, 1, 1, 1}, {0.9, 0.9, 0.9, 0.9}}) {
    const Answer answer = *curves(forgetting(memory))->answer();
    CHECK(answer.schedule == Approx(answer.fixed).margin(1e-8));
  }
  const Answer answer = *curves(forgetting({1, 0.9, 0.8, 0.97}))->answer();
  CHECK(answer.schedule > answer.fixed + 0.03 * (answer.fixed - answer.uniform));
  double kept = 0, lost = 0, kept_at = 0, lost_at = 0;  // mean times of domain 0, which lasts, and domain 1
  for (std::size_t t = 0; t < 40; ++t) {
    kept += answer.schedule_weights[t][0];
    lost += answer.schedule_weights[t][1];
    kept_at += static_cast<double>(t) * answer.schedule_weights[t][0];
    lost_at += static_cast<double>(t) * answer.schedule_weights[t][1];
  }
  REQUIRE(kept > 0.1);
  REQUIRE(lost > 0.1);
  CHECK(lost_at / lost > kept_at / kept + 10);
}

TEST_CASE("transfer that harms is part of the laws and of the optimum", "[oracle]") {
  Setting s;
  s.start = 5;
  s.transfer = {{1, -0.1, 0, 0}, {-0.1, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
  const Answer answer = *curves(s)->answer();
  double best = 0;
  each_mix(4, 40, [&](const Weights& w) { best = std::max(best, earned(s, std::vector<Weights>(40, w))); });
  CHECK(best <= answer.fixed + 1e-9);
  CHECK(best >= answer.fixed - 1e-3);
}

TEST_CASE("losses are observed with noise that telescopes too", "[oracle]") {
  const auto env = curves({}, 40, 0.02);
  const Weights w = even(4);
  const double exact = play_episode(*curves({}), always(w), 1).expected, deviation = 0.02 * std::hypot(0.6, 0.4);
  std::vector<double> off, last_reward;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Episode e = play_episode(*env, always(w), seed);
    REQUIRE(e.expected == Approx(exact));
    off.push_back(e.earned - exact);
    last_reward.push_back(e.last.reward[0][0]);
    REQUIRE(e.last.reward_se[0][0] == Approx(std::sqrt(2.0) * deviation));
  }
  const Mean m = mean_of(off), reward = mean_of(last_reward);
  CHECK(std::abs(m.mean) <= 3.5 * m.se);
  CHECK(m.se * std::sqrt(2000.0) == Approx(deviation).epsilon(0.06));  // the last loss's alone
  CHECK(reward.se * std::sqrt(2000.0) == Approx(std::sqrt(2.0) * deviation).epsilon(0.06));
}

TEST_CASE("laws that do not fit are refused", "[oracle]") {
  const auto with = [](const char* name, auto value) {
    return [=] { make_env("curves-v0", [&](Options& o) { set_option(o, name, value); }); };
  };
  REQUIRE_THROWS_WITH(with("scales", std::vector<double>{1, 2})(), Catch::Contains("scales: 2 numbers for 4 domains"));
  REQUIRE_THROWS_WITH(with("reference", std::vector<double>{0.5, 0.4, 0, 0})(), Catch::Contains("the shares sum to 0.9"));
  REQUIRE_THROWS_WITH(with("transfer", Vectors{{1, 0, 0, 0}})(), Catch::Contains("transfer: 1 rows for 4 domains"));
  REQUIRE_THROWS_WITH(with("transfer", Vectors(4, std::vector<double>{1, -0.5, 0, 0}))(),
                      Catch::Contains("could lose more training"));
}

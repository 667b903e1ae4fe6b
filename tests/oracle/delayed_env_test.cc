// delayed-v0: the dynamic programme against all sequences, the best fixed mix against a grid, and the price of greed.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

struct Setting {
  double decay, gain, value;
  std::vector<double> spends;
};

std::unique_ptr<Env> delayed(const Setting& s, std::int64_t horizon, double noise = 0) {
  return make_env("delayed-v0", [&](Options& o) {
    set_option(o, "decay", s.decay);
    set_option(o, "gain", s.gain);
    set_option(o, "value", s.value);
    set_option(o, "spends", s.spends);
    set_option(o, "horizon", horizon);
    set_option(o, "noise", noise);
  });
}

// What weights earn, from the equations in the environment's head.
double earned(const Setting& s, const std::vector<Weights>& played) {
  double stock = 0, total = 0;
  for (const Weights& w : played) {
    total += w[1] * s.value * stock;
    for (std::size_t i = 0; i < s.spends.size(); ++i) total += w[2 + i] * s.spends[i];
    stock = s.decay * stock + s.gain * w[0];
  }
  return total;
}

const std::vector<Setting> kSettings = {{0.97, 0.1, 1, {0.25, 0.1}}, {0.8, 0.5, 1, {0.25, 0.1}}, {1, 0.3, 0.7, {0.4}},
                                        {0.3, 1, 2, {0.1}},          {0, 1, 1, {0.2}},           {0.9, 0.2, 1, {}}};

}  // namespace

TEST_CASE("the dynamic programme of the delayed effect finds the best of all sequences", "[oracle]") {
  for (const Setting& s : kSettings) {
    CAPTURE(s.decay, s.gain, s.value);
    constexpr std::size_t kDecisions = 7;
    const auto env = delayed(s, kDecisions);
    const std::size_t k = env->spec().agents.size();
    double best = 0;
    each_sequence(k, kDecisions, [&](const std::vector<std::size_t>& chosen) {
      std::vector<Weights> played;
      for (const std::size_t agent : chosen) played.push_back(vertex(k, agent));
      best = std::max(best, earned(s, played));
    });
    CHECK(env->answer()->optimum == Approx(best));
  }
}

TEST_CASE("no mixture beats the best sequence of a delayed effect", "[oracle]") {  // the argument by convexity
  Rng rng(2, "mixes");
  for (const Setting& s : kSettings) {
    const auto env = delayed(s, 5);
    const std::size_t k = env->spec().agents.size();
    for (int i = 0; i < 3000; ++i) {
      std::vector<Weights> played;
      for (int t = 0; t < 5; ++t) {
        Weights w = random_mix(k, rng);
        const double sharp = rng.uniform();
        const std::size_t corner = rng.below(k);
        for (std::size_t j = 0; j < k; ++j) w[j] = (1 - sharp) * w[j] + sharp * static_cast<double>(j == corner);
        played.push_back(std::move(w));
      }
      REQUIRE(earned(s, played) <= env->answer()->optimum + 1e-9);
    }
  }
}

TEST_CASE("the environment earns what its equations say", "[oracle]") {
  const Setting& s = kSettings[1];
  const auto env = delayed(s, 30);
  Rng rng(5, "mixes");
  std::vector<Weights> played;
  const Episode e = play_episode(*env, [&](std::size_t, const Outcome&) { return played.emplace_back(random_mix(4, rng)); }, 1);
  CHECK(e.earned == Approx(earned(s, played)));
  CHECK(e.expected == Approx(earned(s, played)));
}

TEST_CASE("the best fixed mix of a delayed effect is the best of a grid", "[oracle]") {
  for (const Setting& s : kSettings) {
    CAPTURE(s.decay, s.gain, s.value);
    const auto env = delayed(s, 40);
    double best = 0;
    each_mix(env->spec().agents.size(), 40,
             [&](const Weights& w) { best = std::max(best, earned(s, std::vector<Weights>(40, w))); });
    CHECK(env->answer()->fixed == Approx(best));  // halves and ones are on the grid
    CHECK(earned(s, std::vector<Weights>(40, env->answer()->fixed_weights)) == Approx(best));
  }
}

TEST_CASE("patience is worth more than a quarter of the optimum, and greed loses more", "[oracle]") {
  const auto env = make_env("delayed-v0", [](Options& o) { set_option(o, "noise", 0.0); });
  const Answer& answer = *env->answer();
  CHECK(answer.optimum - answer.fixed >= 0.25 * answer.optimum);
  const Player greedy = [](std::size_t t, const Outcome& last) {  // who paid most by the decision before
    if (t == 0) return even(4);
    return vertex(
        4, static_cast<std::size_t>(std::max_element(last.credit[0].begin(), last.credit[0].end()) - last.credit[0].begin()));
  };
  CHECK(play_episode(*env, greedy, 1).expected < 0.5 * answer.optimum);
}

TEST_CASE("the stock is shown, over the most that it could be", "[oracle]") {
  const Setting& s = kSettings[0];
  const auto env = delayed(s, 20);
  double stock = 0, fullest = 0, t = 0;
  for (int i = 0; i < 20; ++i) fullest = s.decay * fullest + s.gain;
  play_episode(
      *env, [&](std::size_t, const Outcome&) { return vertex(4, t < 12 ? 0 : 1); }, 1,
      [&](const Outcome& out) {
        stock = s.decay * stock + (t++ < 12 ? s.gain : 0);
        CHECK(out.observation[0][5] == Approx(stock / fullest));
      });
}

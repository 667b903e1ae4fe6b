// What is true of every known answer: what it says can be earned is earned, more is not, and the sums agree. Newcomers are
// found by themselves; the variants below add options under which answers are less plain.
#include <catch2/catch.hpp>

#include "env/registry.h"
#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

struct Variant {
  std::string name, note;
  std::function<void(Options&)> set = {};
  bool drawn = false;  // a reset draws what the expected return depends on
};

std::vector<Variant> variants() {
  std::vector<Variant> out;
  for (const auto& name : environments().names())
    if (!dynamic_cast<EnvOptions&>(*environments().at(name).options()).trains())
      out.push_back({name, "default", {}, name == "contextual-v0" || name == "hidden-v0"});
  const auto add = [&out](const char* name, const char* note, std::function<void(Options&)> set) {
    out.push_back({name, note, std::move(set), std::string(name) == "hidden-v0"});
  };
  add("bandit-v0", "changing", [](Options& o) { set_option<std::int64_t>(o, "change_every", 30); });
  add("bandit-v0", "drifting", [](Options& o) { set_option(o, "drift_amplitude", 0.5); });
  add("bandit-v0", "bernoulli", [](Options& o) { set_option<std::string>(o, "payoff", "bernoulli"); });
  add("bandit-v0", "student", [](Options& o) {
    set_option<std::string>(o, "payoff", "student");
    set_option(o, "degrees", 5.0);
  });
  add("bandit-v0", "noises", [](Options& o) { set_option<std::vector<double>>(o, "noises", {0, 1, 0.1, 0.5}); });
  for (const char* sequence : {"leader", "alternating", "late", "random"})
    add("experts-v0", sequence, [sequence](Options& o) { set_option<std::string>(o, "sequence", sequence); });
  add("delayed-v0", "two crops", [](Options& o) {
    set_option(o, "decay", 0.8);
    set_option(o, "gain", 0.5);
  });
  add("reservoir-v0", "odd supplies", [](Options& o) { set_option<std::vector<double>>(o, "supplies", {0.137, 0.411, 0.25}); });
  add("hidden-v0", "five types, odd agents", [](Options& o) {
    set_option<std::int64_t>(o, "types", 5);
    set_option<std::int64_t>(o, "agents", 5);
  });
  add("collinear-v0", "linear", [](Options& o) { set_option(o, "overlap", 0.0); });
  add("curves-v0", "forgetting", [](Options& o) { set_option<std::vector<double>>(o, "memory", {1, 0.9, 0.8, 0.97}); });
  return out;
}

std::unique_ptr<Env> make(const Variant& v) { return make_env(v.name, v.set); }

constexpr double kExact = 1e-8;

}  // namespace

TEST_CASE("an answer is in order, is kept, and its weights can be played", "[oracle]") {
  for (const Variant& v : variants()) {
    CAPTURE(v.name, v.note);
    const auto env = make(v), again = make(v);
    const Answer* answer = env->answer();
    REQUIRE(answer);
    REQUIRE(env->answer() == answer);
    REQUIRE(again->answer()->optimum == answer->optimum);
    CHECK(answer->uniform <= answer->fixed + kExact);
    CHECK(answer->fixed <= answer->schedule + kExact);
    CHECK(answer->schedule <= answer->optimum + kExact);
    CHECK(on_simplex(answer->fixed_weights));
    REQUIRE(answer->schedule_weights.rows() == static_cast<std::size_t>(env->spec().horizon));
    for (std::size_t t = 0; t < answer->schedule_weights.rows(); ++t) CHECK(on_simplex(answer->schedule_weights[t]));
  }
}

TEST_CASE("what an answer says is earned by the weights that it names", "[oracle]") {
  for (const Variant& v : variants()) {
    CAPTURE(v.name, v.note);
    const auto env = make(v);
    const Answer& answer = *env->answer();
    const std::vector<std::pair<Player, double>> plays = {{always(answer.fixed_weights), answer.fixed},
                                                          {following(answer.schedule_weights), answer.schedule},
                                                          {always(even(env->spec().agents.size())), answer.uniform}};
    for (const auto& [player, stated] : plays) {
      CAPTURE(stated);
      std::vector<double> earned, expected;
      for (std::uint64_t seed = 0; seed < 600; ++seed) {
        const Episode e = play_episode(*env, player, seed);
        earned.push_back(e.earned);
        expected.push_back(e.expected);
        if (!v.drawn) REQUIRE(e.expected == Approx(stated).epsilon(0).margin(kExact));
      }
      const Mean measured = mean_of(earned), without_noise = mean_of(expected);
      CHECK(std::abs(measured.mean - stated) <= 3 * measured.se + kExact);
      CHECK(std::abs(without_noise.mean - stated) <= 3 * without_noise.se + kExact);
    }
  }
}

TEST_CASE("no fixed mix and no schedule earns more than the answer says", "[oracle]") {
  for (const Variant& v : variants()) {
    if (v.drawn) continue;  // their own tests
    CAPTURE(v.name, v.note);
    const auto env = make(v);
    const Answer& answer = *env->answer();
    const std::size_t k = env->spec().agents.size();
    Rng rng(3, "mixes");
    for (std::size_t i = 0; i < k; ++i) CHECK(play_episode(*env, always(vertex(k, i)), 1).expected <= answer.fixed + kExact);
    for (int i = 0; i < 300; ++i) {
      const Weights any = random_mix(k, rng);
      Weights near = answer.fixed_weights;
      for (std::size_t j = 0; j < k; ++j) near[j] = 0.95 * near[j] + 0.05 * any[j];
      CHECK(play_episode(*env, always(any), 1).expected <= answer.fixed + kExact);
      CHECK(play_episode(*env, always(near), 1).expected <= answer.fixed + kExact);
      const Player other = [&](std::size_t t, const Outcome&) {
        Weights w(answer.schedule_weights[t].begin(), answer.schedule_weights[t].end());
        return rng.uniform() < 0.2 ? random_mix(k, rng) : w;
      };
      CHECK(play_episode(*env, other, 1).expected <= answer.schedule + kExact);
    }
  }
}

TEST_CASE("regret is what the optimum earns more", "[oracle]") {
  for (const Variant& v : variants()) {
    CAPTURE(v.name, v.note);
    const auto env = make(v);
    const Answer& answer = *env->answer();
    Rng rng(4, "mixes");
    std::vector<double> sums;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      const Episode e =
          play_episode(*env, [&](std::size_t, const Outcome&) { return random_mix(env->spec().agents.size(), rng); }, seed);
      REQUIRE(e.regret == Approx(e.summed_regret).margin(kExact));
      REQUIRE(e.last.finals[0][0] == Approx(-e.earned / static_cast<double>(env->spec().horizon)).margin(kExact));
      REQUIRE(e.last.infos[0][2] == Approx(-e.earned).margin(kExact));
      if (!v.drawn) REQUIRE(e.regret == Approx(answer.optimum - e.expected).margin(kExact));
      sums.push_back(e.regret + e.expected);
    }
    const Mean optimum = mean_of(sums);  // of the best policy on the same draws
    CHECK(std::abs(optimum.mean - answer.optimum) <= 3 * optimum.se + kExact);
  }
}

TEST_CASE("rewards scatter around what is expected as their standard errors say", "[oracle]") {
  for (const Variant& v : variants()) {
    if (v.name == "curves-v0") continue;  // its noise telescopes; its own test
    CAPTURE(v.name, v.note);
    const auto env = make(v);
    const Weights w = even(env->spec().agents.size());
    std::vector<double> z, square;
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
      const Episode e = play_episode(*env, always(w), seed);
      z.push_back((e.earned - e.expected) / std::sqrt(e.variance));
      square.push_back(z.back() * z.back());
    }
    const Mean first = mean_of(z), second = mean_of(square);
    CHECK(std::abs(first.mean) <= 3.5 * first.se);
    CHECK(std::abs(second.mean - 1) <= 3.5 * second.se);
  }
}

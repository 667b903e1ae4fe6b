// experts-v0: are the sequences what their names say, and is the answer that of all schedules?
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

std::unique_ptr<Env> experts(const std::string& sequence, std::int64_t n, std::int64_t horizon, double noise = 0) {
  return make_env("experts-v0", [&](Options& o) {
    set_option(o, "sequence", sequence);
    set_option(o, "experts", n);
    set_option(o, "horizon", horizon);
    set_option(o, "noise", noise);
  });
}

// [T][K], as credit tells.
std::vector<std::vector<double>> payoffs_of(Env& env) {
  std::vector<std::vector<double>> all;
  play_episode(env, always(even(env.spec().agents.size())), 1,
               [&](const Outcome& out) { all.emplace_back(out.credit[0].begin(), out.credit[0].end()); });
  return all;
}

// Earned by following whoever has paid most so far, the first of equals.
double follow_the_leader(Env& env) {
  std::vector<double> total(env.spec().agents.size(), 0.0);
  const Player player = [&](std::size_t t, const Outcome& last) {
    for (std::size_t k = 0; t > 0 && k < total.size(); ++k) total[k] += last.credit[0][k];
    return vertex(total.size(), static_cast<std::size_t>(std::max_element(total.begin(), total.end()) - total.begin()));
  };
  return play_episode(env, player, 1).expected;
}

}  // namespace

TEST_CASE("the answer of fixed sequences is that of all schedules", "[oracle]") {
  const std::string sequence = GENERATE("leader", "alternating", "phases", "late", "random");
  CAPTURE(sequence);
  const auto env = experts(sequence, 3, 7);
  const auto payoff = payoffs_of(*env);
  double best = -1, hindsight = -1;
  each_sequence(3, 7, [&](const std::vector<std::size_t>& chosen) {
    double total = 0;
    for (std::size_t t = 0; t < 7; ++t) total += payoff[t][chosen[t]];
    best = std::max(best, total);
    if (std::all_of(chosen.begin(), chosen.end(), [&](std::size_t k) { return k == chosen[0]; }))
      hindsight = std::max(hindsight, total);
  });
  CHECK(env->answer()->optimum == Approx(best));
  CHECK(env->answer()->schedule == Approx(best));
  CHECK(env->answer()->fixed == Approx(hindsight));
}

TEST_CASE("leaders of the sequence leader earn nothing, and the best expert nearly all", "[oracle]") {
  const auto env = experts("leader", 4, 40);
  CHECK(follow_the_leader(*env) == 0);
  CHECK(env->answer()->fixed == 30);  // T (K - 1) / K: the lead goes round
  CHECK(env->answer()->optimum == 40);
}

TEST_CASE("on alternating payoffs a leader is always behind", "[oracle]") {
  const auto env = experts("alternating", 2, 41);
  CHECK(follow_the_leader(*env) <= 1);
  CHECK(env->answer()->fixed == 20.5);
  CHECK(env->answer()->optimum == 40.5);
}

TEST_CASE("each expert has a phase of its own", "[oracle]") {
  const auto payoff = payoffs_of(*experts("phases", 4, 40));
  for (std::size_t t = 0; t < 40; ++t)
    for (std::size_t k = 0; k < 4; ++k) REQUIRE(payoff[t][k] == (k == t / 10 ? 1 : 0.2));
}

TEST_CASE("experts that begin later pay more, and the lead changes hands", "[oracle]") {
  const auto env = experts("late", 4, 80);
  const auto payoff = payoffs_of(*env);
  std::vector<double> total(4, 0.0);
  std::vector<std::size_t> leaders;
  for (std::size_t t = 0; t < 80; ++t) {
    for (std::size_t k = 0; k < 4; ++k) total[k] += payoff[t][k];
    leaders.push_back(static_cast<std::size_t>(std::max_element(total.begin(), total.end()) - total.begin()));
  }
  CHECK(leaders[40] == 1);
  CHECK(leaders[65] == 2);
  CHECK(env->answer()->fixed == Approx(*std::max_element(total.begin(), total.end())));
  CHECK(env->answer()->optimum == Approx(20 * (0.0 + 0.5 + 1.0 + 1.5)));
}

TEST_CASE("random sequences belong to the instance, not to the run", "[oracle]") {
  const auto of = [](std::int64_t instance) {
    return payoffs_of(*make_env("experts-v0", [&](Options& o) {
      set_option<std::string>(o, "sequence", "random");
      set_option(o, "instance_seed", instance);
      set_option(o, "noise", 0.0);
    }));
  };
  CHECK(of(1) == of(1));
  CHECK(of(1) != of(2));
  for (const auto& row : of(1))
    for (const double p : row) CHECK((p >= 0 && p < 1));
}

TEST_CASE("rows of payoffs come in turn and are shown afterwards", "[oracle]") {
  const auto env = make_env("experts-v0", [](Options& o) {
    set_option<std::string>(o, "sequence", "rows");
    set_option<Vectors>(o, "payoffs", {{1, 0, 3}, {0, 2, 1}});
    set_option(o, "noise", 0.0);
    set_option<std::int64_t>(o, "horizon", 5);
  });
  std::size_t t = 0;
  play_episode(*env, always(even(3)), 1, [&](const Outcome& out) {
    const std::vector<double> row = t++ % 2 == 0 ? std::vector<double>{1, 0, 3} : std::vector<double>{0, 2, 1};
    CHECK(std::equal(row.begin(), row.end(), out.credit[0].begin()));
    CHECK(std::equal(row.begin(), row.end(), out.observation[0].begin() + 4));
  });
  CHECK(env->answer()->optimum == 3 * 3 + 2 * 2);
  CHECK(env->answer()->fixed == 3 * 3 + 2 * 1);
}

TEST_CASE("payoffs scatter around their sequence", "[oracle]") {
  const auto exact = payoffs_of(*experts("phases", 4, 4000)), noisy = payoffs_of(*experts("phases", 4, 4000, 0.3));
  std::vector<double> off;
  for (std::size_t t = 0; t < exact.size(); ++t)
    for (std::size_t k = 0; k < 4; ++k) off.push_back(noisy[t][k] - exact[t][k]);
  const Mean m = mean_of(off);
  CHECK(std::abs(m.mean) <= 3.5 * m.se);
  CHECK(m.se * std::sqrt(static_cast<double>(off.size())) == Approx(0.3).epsilon(0.03));
}

TEST_CASE("payoffs without their sequence, and the other way round, are refused", "[oracle]") {
  REQUIRE_THROWS_WITH(make_env("experts-v0", [](Options& o) { set_option<std::string>(o, "sequence", "rows"); }),
                      Catch::Contains("payoffs: the list is empty"));
  REQUIRE_THROWS_WITH(make_env("experts-v0", [](Options& o) { set_option<Vectors>(o, "payoffs", {{1, 2}}); }),
                      Catch::Contains("set sequence = \"rows\""));
  REQUIRE_THROWS_WITH(make_env("experts-v0",
                               [](Options& o) {
                                 set_option<std::string>(o, "sequence", "rows");
                                 set_option<Vectors>(o, "payoffs", {{1, 2}, {1}});
                               }),
                      Catch::Contains("a row has 1 numbers, the first 2"));
}

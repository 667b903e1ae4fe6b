// LinUCB against a computation from the whole history, and on rewards that are linear in what is observed.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/oracle/linear_play.h"
#include "tests/policies/elimination.h"

using namespace fader;
using namespace fader::testing;

namespace {

const Linear kProblem = {{{0.5, 0, 0, 0.2}, {-0.5, 0, 0, 0.2}, {0, 0.6, 0, 0.1}, {0, 0, -0.6, 0.1}}};

struct Play {
  std::size_t arm;
  std::vector<double> x;
  double reward;
};

double index(const std::vector<Play>& plays, std::size_t arm, const std::vector<double>& x, double alpha, double lambda) {
  Matrix a = diagonal(x.size(), lambda);
  std::vector<double> b(x.size(), 0.0);
  for (const Play& p : plays) {
    if (p.arm != arm) continue;
    add_outer(a, 1, p.x);
    for (std::size_t i = 0; i < x.size(); ++i) b[i] += p.reward * p.x[i];
  }
  return dot(x, eliminate(a, b)) + alpha * std::sqrt(dot(x, eliminate(a, x)));
}

}  // namespace

TEST_CASE("linucb agrees with its definition, step by step, also when it sees two decisions at once", "[oracle]") {
  const auto stack = GENERATE(as<std::int64_t>(), 1, 2);
  const double alpha = GENERATE(0.5, 2.0), lambda = GENERATE(1.0, 0.1);
  CAPTURE(stack, alpha, lambda);
  PolicyContext context = context_of(3, 2);
  context.observation = {{"hidden", 0, 2}, {"seen", 2, 2}};
  const auto policy = make_policy("linucb", context, [&](Options& o) {
    set_option(o, "stack", stack);
    set_option(o, "observe", std::vector<std::string>{"seen"});
    set_option(o, "alpha", alpha);
    set_option(o, "lambda", lambda);
  });
  std::vector<Rng> streams = {Rng(1, "0"), Rng(1, "1")};
  Rng world(2, "world"), learner(1, "learn");
  const std::array<int, 2> slots = {1, 0};
  Decisions decided;
  decided.fit(policy->spec(), 3, 2);
  const Grid<double> none(2, 0);
  const std::array<double, 2> se = {0.1, 0.1};
  const std::array<End, 2> end = {End::no, End::no};
  std::vector<Play> plays;
  for (int episode = 0; episode < 3; ++episode) {
    policy->begin(slots, streams);
    std::vector<std::vector<double>> last(2, {0.0, 0.0});
    for (int t = 0; t < 40; ++t) {
      Grid<double> seen(2, 4);
      for (double& v : seen.view().flat()) v = world.normal();
      policy->decide({slots, std::as_const(seen).view()}, streams, decided);
      std::vector<double> reward;
      std::vector<Play> now;
      for (std::size_t i = 0; i < 2; ++i) {
        std::vector<double> x = {seen[i][2], seen[i][3]};
        if (stack == 2) x.insert(x.end(), last[i].begin(), last[i].end());
        x.push_back(1);
        std::vector<double> all;
        for (std::size_t a = 0; a < 3; ++a) all.push_back(index(plays, a, x, alpha, lambda));
        const auto arm = static_cast<std::size_t>(decided.arm[i]);
        REQUIRE(all[arm] == Approx(*std::max_element(all.begin(), all.end())).epsilon(1e-10));
        if (decided.diagnostics[i][3] > 0) REQUIRE(decided.diagnostics[i][0] == Approx(all[arm]).epsilon(1e-9).margin(1e-12));
        last[i] = {seen[i][2], seen[i][3]};
        reward.push_back(x[0] * static_cast<double>(arm) + 0.1 * world.normal());
        now.push_back({arm, x, reward.back()});
      }
      plays.insert(plays.end(), now.begin(), now.end());
      policy->learn({{slots, std::as_const(seen).view()}, decided, reward, se, none.view(), none.view(), std::as_const(seen).view(), end},
                    learner);
    }
  }
}

TEST_CASE("histories of linear bandits are saved, and odd ones refused", "[oracle]") {
  const std::string name = GENERATE("linucb", "d_linucb", "lin_thompson");
  CAPTURE(name);
  const auto context = context_of(3, 2);
  const auto console = [&](std::uint64_t seed) {
    return Console(make_policy(name, context, [](Options& o) { set_option<std::int64_t>(o, "stack", 3); }), context, seed);
  };
  Console original = console(1), copy = console(2);
  for (int t = 0; t < 10; ++t) original.decide(), original.learn({0.1, 0.7});
  Archive archive;
  original.state(archive);
  Archive loading(archive.bytes());
  copy.state(loading);
  std::vector<std::uint64_t> mine, others;
  for (int t = 0; t < 10; ++t) {
    append_bits(original.decide(), mine);
    append_bits(copy.decide(), others);
    original.learn({0.1, 0.7});
    copy.learn({0.1, 0.7});
  }
  REQUIRE(mine == others);

  const double odd = std::numeric_limits<double>::max();
  std::string bytes = archive.bytes();
  std::memcpy(bytes.data() + bytes.find("history") + 7 + 8, &odd, sizeof odd);  // name, then the number of elements
  Archive spoiled(bytes);
  REQUIRE_THROWS_AS(console(1).state(spoiled), DataError);
}

TEST_CASE("linucb comes near the best that can be played by what is seen", "[oracle]") {
  double linear = 0, blind = 0, uniform = 0;
  constexpr int kSeeds = 10;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    linear += play_linear(kProblem, *make_policy("linucb", kProblem.context()), seed) / kSeeds;
    blind += play_linear(kProblem, *make_policy("ucb", kProblem.context()), seed) / kSeeds;
  }
  Rng rng(1, "x");
  for (int t = 0; t < 100000; ++t) {  // what even play would lose in as many decisions
    const std::vector<double> x = {2 * rng.uniform() - 1, 2 * rng.uniform() - 1, 2 * rng.uniform() - 1};
    double best = -1, mean = 0;
    for (std::size_t a = 0; a < 4; ++a) best = std::max(best, kProblem.mean(a, x, 0)), mean += kProblem.mean(a, x, 0) / 4;
    uniform += (best - mean) * kProblem.horizon / 100000;
  }
  INFO("regret: linucb " << linear << ", ucb " << blind << ", uniform " << uniform);
  REQUIRE(linear < 0.05 * uniform);
  REQUIRE(blind > 0.5 * uniform);
}

TEST_CASE("linucb that does not explore plays the greatest mean", "[oracle]") {
  const auto context = kProblem.context();
  const auto policy = make_policy("linucb", context);
  play_linear(kProblem, *policy, 3);
  policy->explore(false);
  Linear quiet = kProblem;
  quiet.horizon = 300;
  REQUIRE(play_linear(quiet, *policy, 4) < 0.02 * 300);
}

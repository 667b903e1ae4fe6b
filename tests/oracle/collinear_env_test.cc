// collinear-v0: duplicates are credited alike, credits are averages and derivatives, and the optimum is that of a grid of
// mixes.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

struct Setting {
  Vectors matrix = {{0.7, 0.2, 0.1}, {0.7, 0.2, 0.1}, {0.68, 0.21, 0.11}, {0.1, 0.8, 0.1}, {0, 0.1, 0.9}};
  std::vector<double> means = {0.9, 0.7, 0.2};
  double overlap = 0.8;
};

std::unique_ptr<Env> collinear(const Setting& s, double noise = 0) {
  return make_env("collinear-v0", [&](Options& o) {
    set_option(o, "matrix", s.matrix);
    set_option(o, "means", s.means);
    set_option(o, "overlap", s.overlap);
    set_option(o, "noise", noise);
  });
}

double earned(const Setting& s, const Weights& w) {
  double total = 0;
  for (std::size_t m = 0; m < s.means.size(); ++m) {
    double x = 0;
    for (std::size_t k = 0; k < w.size(); ++k) x += w[k] * s.matrix[k][m];
    total += s.means[m] * (x - s.overlap * x * x / 2);
  }
  return total;
}

}  // namespace

TEST_CASE("the optimum of overlapping agents is that of a grid of mixes", "[oracle]") {
  Setting s;
  s.overlap = GENERATE(0.0, 0.3, 0.8, 1.0);
  CAPTURE(s.overlap);
  const Answer answer = *collinear(s)->answer();
  double best = 0;
  each_mix(5, 40, [&](const Weights& w) { best = std::max(best, earned(s, w)); });
  CHECK(40 * best <= answer.fixed + 1e-8);
  CHECK(40 * best >= answer.fixed - 40 * 1e-3);
  CHECK(40 * earned(s, answer.fixed_weights) == Approx(answer.fixed));
  CHECK(answer.uniform == Approx(40 * earned(s, even(5))));
  CHECK(answer.optimum == answer.fixed);
}

TEST_CASE("where picks overlap, the best mix beats every agent alone", "[oracle]") {
  const Answer answer = *collinear({})->answer();
  for (std::size_t k = 0; k < 5; ++k) CHECK(40 * earned({}, vertex(5, k)) < 0.98 * answer.fixed);
}

TEST_CASE("duplicates are credited alike to the last bit, the near one nearly", "[oracle]") {
  const auto env = make_env("collinear-v0", {});
  REQUIRE(env->spec().credits == std::vector<std::string>{"payoff", "marginal"});
  Rng rng(1, "mixes");
  play_episode(
      *env, [&](std::size_t, const Outcome&) { return random_mix(5, rng); }, 1,
      [](const Outcome& out) {
        const auto credit = out.credit[0];
        REQUIRE(credit[0] == credit[1]);
        REQUIRE(credit[5] == credit[6]);
        REQUIRE(credit[0] != credit[2]);
        REQUIRE(std::abs(credit[0] - credit[2]) < 0.05);
      });
}

TEST_CASE("weight moved between duplicates changes nothing", "[oracle]") {
  const auto env = make_env("collinear-v0", {});
  const auto one = play_episode(*env, always({0.5, 0.1, 0.1, 0.2, 0.1}), 1),
             other = play_episode(*env, always({0.1, 0.5, 0.1, 0.2, 0.1}), 1);
  CHECK(one.earned == Approx(other.earned).epsilon(1e-14));
}

TEST_CASE("payoff is an agent's average, marginal the derivative of the reward", "[oracle]") {
  const Setting s;
  const auto env = collinear(s);
  Rng rng(2, "mixes");
  for (int i = 0; i < 20; ++i) {
    const Weights w = random_mix(5, rng);
    const Episode e = play_episode(*env, always(w), 1);
    double average = 0;
    for (std::size_t k = 0; k < 5; ++k) {
      average += w[k] * e.last.credit[0][k];
      Weights more = w, less = w;
      more[k] += 1e-5;
      less[k] -= 1e-5;
      CHECK(e.last.credit[0][5 + k] == Approx((earned(s, more) - earned(s, less)) / 2e-5).margin(1e-8));
    }
    CHECK(average == Approx(e.last.reward[0][0]));
    CHECK(e.last.reward[0][0] == Approx(earned(s, w)));
  }
}

TEST_CASE("credit of overlapping agents scatters as its standard errors say", "[oracle]") {
  const auto env = collinear({}, 0.2), exact = collinear({});
  const Weights w = {0.3, 0.1, 0.1, 0.3, 0.2};
  const Episode truth = play_episode(*exact, always(w), 1);
  std::vector<std::vector<double>> z(10);
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    play_episode(*env, always(w), seed, [&](const Outcome& out) {
      for (std::size_t c = 0; c < 10; ++c) z[c].push_back((out.credit[0][c] - truth.last.credit[0][c]) / out.credit_se[0][c]);
    });
  for (const auto& x : z) {
    const Mean m = mean_of(x);
    CHECK(std::abs(m.mean) <= 4 * m.se);
    CHECK(m.se * std::sqrt(static_cast<double>(x.size())) == Approx(1).epsilon(0.08));
  }
}

TEST_CASE("a matrix that is none is refused", "[oracle]") {
  Setting s;
  s.matrix[1] = {0.5, 0.5};
  REQUIRE_THROWS_WITH(collinear(s), Catch::Contains("a row has 2 numbers for 3 sources"));
  s.matrix[1] = {0.5, 0.5, 0.5};
  REQUIRE_THROWS_WITH(collinear(s), Catch::Contains("a row sums to 1.5"));
}

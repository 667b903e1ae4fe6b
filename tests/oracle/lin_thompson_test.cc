// Linear Thompson sampling against a computation from the whole history with the closed form for two arms, and on linear rewards.
#include <boost/math/distributions/chi_squared.hpp>
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/oracle/linear_play.h"
#include "tests/policies/elimination.h"

using namespace fader;
using namespace fader::testing;

namespace {

double below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

const Linear kProblem = {{{0.5, 0, 0, 0.2}, {-0.5, 0, 0, 0.2}, {0, 0.6, 0, 0.1}, {0, 0, -0.6, 0.1}}};

}  // namespace

TEST_CASE("lin_thompson agrees with its definition, step by step", "[oracle]") {
  const double v = GENERATE(0.3, 1.0), lambda = GENERATE(1.0, 0.2);
  CAPTURE(v, lambda);
  PolicyContext context = context_of(2);
  context.observation = {{"seen", 0, 3}};
  const auto policy = make_policy("lin_thompson", context, [&](Options& o) {
    set_option(o, "v", v);
    set_option(o, "lambda", lambda);
  });
  std::vector<Rng> streams = {Rng(1, "0")};
  Rng world(2, "world"), learner(1, "learn");
  const std::array<int, 1> slots = {0};
  Decisions decided;
  decided.fit(policy->spec(), 2, 1);
  const Grid<double> none(1, 0);
  std::vector<Matrix> a(2, diagonal(4, lambda));
  std::vector<std::vector<double>> b(2, std::vector<double>(4, 0.0));
  for (int t = 0; t < 150; ++t) {
    std::vector<double> x = {world.normal(), world.normal(), world.normal()};
    const Table<const double> seen = {x.data(), 1, 3};
    policy->decide({slots, seen}, streams, decided);
    const auto arm = static_cast<std::size_t>(decided.arm[0]);
    std::vector<double> row = x;
    row.push_back(1);
    std::vector<double> mean, deviation;
    for (std::size_t k = 0; k < 2; ++k) {
      mean.push_back(dot(row, eliminate(a[k], b[k])));
      deviation.push_back(v * std::sqrt(dot(row, eliminate(a[k], row))));
    }
    REQUIRE(decided.probability[0][0] == Approx(below((mean[0] - mean[1]) / std::hypot(deviation[0], deviation[1]))).margin(1e-9));
    REQUIRE(decided.diagnostics[0][0] == Approx(mean[arm]).epsilon(1e-9).margin(1e-12));
    REQUIRE(decided.diagnostics[0][1] == Approx(deviation[arm]).epsilon(1e-9));
    const std::array<double, 1> reward = {x[arm] + 0.3 * world.normal()}, se = {0.3};
    const std::array<End, 1> end = {End::no};
    policy->learn({{slots, seen}, decided, reward, se, none.view(), none.view(), seen, end}, learner);
    add_outer(a[arm], 1, row);
    for (std::size_t i = 0; i < 4; ++i) b[arm][i] += reward[0] * row[i];
  }
}

TEST_CASE("lin_thompson comes near the best that can be played by what is seen, drawn either way", "[oracle]") {
  const bool propensity = GENERATE(true, false);
  Linear problem = kProblem;
  problem.horizon = 600;
  double regret = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    regret += play_linear(problem, *make_policy("lin_thompson", problem.context(), [&](Options& o) { set_option(o, "propensity", propensity); }),
                          seed) / 10;
  INFO("regret " << regret);
  REQUIRE(regret < 0.1 * 0.35 * 600);
}

TEST_CASE("lin_thompson without propensities draws as with them, and logs none", "[oracle]") {
  const auto context = kProblem.context();
  const auto knowing = make_policy("lin_thompson", context);
  const auto fast = make_policy("lin_thompson", context, [](Options& o) { set_option(o, "propensity", false); });
  Linear brief = kProblem;
  brief.horizon = 20;
  play_linear(brief, *knowing, 1);
  Archive archive;
  knowing->state(archive);
  Archive loading(archive.bytes());
  fast->state(loading);
  const std::array<int, 1> slots = {0};
  const std::vector<double> x = {0.3, 0.1, -0.2};
  std::vector<Rng> streams = {Rng(5, "draws")};
  Decisions decided;
  decided.fit(knowing->spec(), 4, 1);
  knowing->decide({slots, {x.data(), 1, 3}}, streams, decided);
  const std::vector<double> p(decided.probability[0].begin(), decided.probability[0].end());
  constexpr int kDraws = 50000;
  std::vector<double> count(4, 0);
  for (int i = 0; i < kDraws; ++i) {
    fast->decide({slots, {x.data(), 1, 3}}, streams, decided);
    ++count[static_cast<std::size_t>(decided.arm[0])];
  }
  REQUIRE(std::isnan(decided.log_density[0]));
  REQUIRE(std::isnan(decided.probability[0][0]));
  double statistic = 0;
  for (std::size_t a = 0; a < 4; ++a) statistic += std::pow(count[a] - kDraws * p[a], 2) / (kDraws * p[a]);
  REQUIRE(statistic < boost::math::quantile(boost::math::chi_squared(3), 1 - 1e-4));
}

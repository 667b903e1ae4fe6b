// Aioli against an independent computation of its rule, a world in which it knows who helps whom, and a known best mix.
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/oracle/learning_curves.h"

using namespace fader;
using namespace fader::testing;

namespace {

using V = std::vector<double>;

// Losses fall by A p in every decision: what Aioli supposes.
struct LinearWorld {
  Vectors help;
  Vectors played;
  double operator()(const Moment& m) {
    played.emplace_back(m.weights.begin(), m.weights.end());
    for (std::size_t i = 0; i < help.size(); ++i)
      for (std::size_t j = 0; j < help.size(); ++j) m.loss[i] -= help[i][j] * m.weights[j];
    return 0;
  }
};

V softmax_of(const V& start, const V& score) {
  V out(start.size());
  double sum = 0;
  for (std::size_t j = 0; j < out.size(); ++j) sum += out[j] = start[j] * std::exp(score[j]);
  for (double& w : out) w /= sum;
  return out;
}

V column_sums(const Vectors& a, double least, double total) {
  V out(a.size(), 0.0);
  for (const auto& row : a)
    for (std::size_t j = 0; j < row.size(); ++j) out[j] += (row[j] - least) / total;
  return out;
}

}  // namespace

// In such a world A is found exactly, whatever the mixes, so that p follows from A by hand.
TEST_CASE("aioli finds who helps whom", "[oracle]") {
  const bool negative = GENERATE(false, true);
  const std::string from = GENERATE("last", "prior");
  const int picks = GENERATE(0, 100);  // with and without a floor
  LinearWorld world{{{0.03, 0.01, 0.0}, {0.0, 0.02, negative ? -0.01 : 0.005}, {0.01, 0.02, 0.01}}, {}};
  double least = 0, total = 0;
  for (const auto& row : world.help)
    for (const double x : row) least = std::min(least, x);
  for (const auto& row : world.help)
    for (const double x : row) total += x - least;
  const V sums = column_sums(world.help, least, total);
  Episodes episodes("aioli", context_of(3, 1, picks), 1, [&](Options& o) {
    set_option(o, "from", from);
    set_option<std::int64_t>(o, "period", 9);
  });
  episodes.round(27, std::ref(world));
  const double floor = picks > 0 ? 0.08 : 0;
  V mix(3, 1.0 / 3);
  for (std::size_t period = 0; period < 3; ++period) {
    for (std::size_t t = 0; t < 6; ++t) {  // there and back
      const std::size_t tried = t < 3 ? t : 5 - t;
      for (std::size_t j = 0; j < 3; ++j)
        REQUIRE(world.played[9 * period + t][j] == Approx((1 - 3 * floor) * (j == tried ? 0.75 : 0.125) + floor));
    }
    V score;
    for (const double s : sums) score.push_back(4 * s);
    mix = softmax_of(from == "last" ? mix : V(3, 1.0 / 3), score);
    for (std::size_t t = 6; t < 9; ++t)
      for (std::size_t j = 0; j < 3; ++j)
        REQUIRE(world.played[9 * period + t][j] == Approx((1 - 3 * floor) * mix[j] + floor).epsilon(1e-6));
  }
  for (std::size_t j = 0; j < 3; ++j) REQUIRE(episodes.decided().diagnostics[0][2 + j] == Approx(sums[j]).epsilon(1e-6));
}

// Falls that differ from one period to the next, and the diagonal: Abar by hand from what was played.
TEST_CASE("memory and diagonal of aioli", "[oracle]") {
  const bool diagonal = GENERATE(false, true);
  LinearWorld world{{{0.04, 0.0}, {0.01, 0.02}}, {}};
  Episodes episodes("aioli", context_of(2), 1, [&](Options& o) {
    set_option(o, "diagonal", diagonal);
    set_option(o, "memory", 0.3);
    set_option<std::int64_t>(o, "rounds", 1);
    set_option<std::int64_t>(o, "period", 3);
  });
  const Vectors later = {{0.0, 0.01}, {0.03, 0.05}};
  episodes.round(6, [&](const Moment& m) {
    if (m.t == 3) world.help = later;
    return world(m);
  });
  const auto estimate = [&](const Vectors& a) {
    if (!diagonal) return a;
    // beta_ii / P_ii = A_ii + A_ij (1 - f) / f
    return Vectors{{a[0][0] + a[0][1] / 3, 0}, {0, a[1][1] + a[1][0] / 3}};
  };
  const auto normalised = [](const Vectors& a) { return column_sums(a, 0, a[0][0] + a[0][1] + a[1][0] + a[1][1]); };
  const V first = normalised(estimate({{0.04, 0.0}, {0.01, 0.02}})), second = normalised(estimate(later));
  V mix = softmax_of({0.5, 0.5}, {4 * first[0], 4 * first[1]});
  REQUIRE(world.played[2][0] == Approx(mix[0]).epsilon(1e-6));
  mix = softmax_of(mix, {4 * (0.7 * second[0] + 0.3 * first[0]), 4 * (0.7 * second[1] + 0.3 * first[1])});
  REQUIRE(world.played[5][0] == Approx(mix[0]).epsilon(1e-6));
}

TEST_CASE("aioli leaves out what was not measured", "[oracle]") {
  LinearWorld world{{{0.03, 0.01}, {0.0, 0.02}}, {}};
  Episodes episodes("aioli", context_of(2), 1, [](Options& o) { set_option<std::int64_t>(o, "rounds", 1); });
  episodes.round(6, [&](const Moment& m) {
    world(m);
    m.loss[1] = std::nan("");
    return 0.0;
  });
  const V mix = softmax_of({0.5, 0.5}, {4 * 0.75, 4 * 0.25});  // of domain 0 alone
  REQUIRE(world.played[3][0] == Approx(mix[0]).epsilon(1e-6));
  Episodes blind("aioli", context_of(2), 1);
  blind.round(6, [&](const Moment& m) {
    m.loss[0] = m.loss[1] = std::nan("");
    return 0.0;
  });
  REQUIRE(blind.decided().weights[0][0] == Approx(0.5));
}

TEST_CASE("aioli comes nearer to the best mix than equal weights", "[oracle]") {
  const CurveWorld world = curve_world();
  const auto best = world.best_mix(60);
  const V even(4, 0.25);
  double found = 0, reached = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto context = context_of(4);
    Episodes episodes("aioli", context, seed);
    const auto [weights, loss] = play_curves(episodes, world, 60, seed);
    found += distance_of(best_weights(episodes.policy(), context), best) / 10;
    reached += loss / 10;
  }
  const double uniform = world.final_loss(even, 60), least = world.final_loss(best, 60);
  INFO("distance: aioli " << found << ", uniform " << distance_of(even, best) << "; mean loss: aioli " << reached << ", uniform "
                          << uniform << ", best " << least);
  REQUIRE(found < 0.75 * distance_of(even, best));
  REQUIRE(uniform - reached > 0.2 * (uniform - least));
}

TEST_CASE("aioli refuses environments without a loss for every agent, and periods without use", "[oracle]") {
  auto context = context_of(3);
  context.observation.back().size = 2;
  context.observation.back().labels = {"web", "code"};
  REQUIRE_THROWS_WITH(make_policy("aioli", context), Catch::Contains("2 domains (web, code) and 3 agents"));
  context.observation.pop_back();
  REQUIRE_THROWS_WITH(make_policy("aioli", context), Catch::Contains("'loss_domain', and the environment shows none"));
  REQUIRE_THROWS_WITH(make_policy("aioli", context_of(3), [](Options& o) { set_option<std::int64_t>(o, "period", 6); }),
                      Catch::Contains("period is 6"));
  REQUIRE_THROWS_WITH(make_policy("aioli", context_of(3), [](Options& o) { set_option(o, "factor", 0.3); }),
                      Catch::Contains("factor is 0.3"));
}

// Exponentiated gradient against its bound in terms of the best fixed mixture, against Hedge, and against its definition.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/oracle/credit_game.h"

using namespace fader;
using namespace fader::testing;

namespace {

constexpr double kLeast = 0.5;

double lifted(double reward) { return kLeast + (1 - kLeast) * reward; }

double log_earned(const Point& w, const Point& credit) {
  double together = 0;
  for (std::size_t k = 0; k < w.size(); ++k) together += w[k] * lifted(credit[k]);
  return std::log(together);
}

// Sum of the logarithms of what fixed weights would have earned.
double log_total(const Point& w, const Game& game) {
  double sum = 0;
  for (const Point& c : game.credit) sum += log_earned(w, c);
  return sum;
}

// The best fixed weights in hindsight: w_k <- w_k mean(c_k / <w, c>) climbs to them (Cover 1984). Their optimality is certified
// by the gradient: no agent adds more than 1 a decision.
Point best_mixture(const Game& game) {
  const std::size_t k = game.credit[0].size();
  const double t = static_cast<double>(game.credit.size());
  Point w = even(k), gain(k);
  for (int i = 0; i < 3000; ++i) {
    std::fill(gain.begin(), gain.end(), 0.0);
    for (const Point& c : game.credit) {
      const double together = std::exp(log_earned(w, c));
      for (std::size_t j = 0; j < k; ++j) gain[j] += lifted(c[j]) / together / t;
    }
    for (std::size_t j = 0; j < k; ++j) w[j] *= gain[j];
  }
  REQUIRE(*std::max_element(gain.begin(), gain.end()) < 1 + 1e-3);
  return w;
}

Point in_turn(std::size_t t) { return t % 2 == 0 ? Point{1, 0, 0, 0} : Point{0, 1, 0, 0}; }

}  // namespace

TEST_CASE("exponentiated_gradient stays below its bound, counted from the best fixed mixture", "[oracle]") {
  constexpr std::size_t kDecisions = 2000;
  const double bound = std::sqrt(kDecisions * std::log(4.0) / 2) / kLeast;
  Rng rng(2, "credit");
  const std::string kind = GENERATE("in turn", "random", "drifting");
  const Game game = play_credit("exponentiated_gradient", 4, kDecisions, {}, [&](std::size_t t, const Point&) {
    if (kind == "in turn") return in_turn(t);
    Point c(4);
    for (std::size_t k = 0; k < 4; ++k) {
      const double mean =
          kind == "random" ? 0.3 + 0.1 * static_cast<double>(k) : 0.5 + 0.5 * std::sin(0.01 * static_cast<double>(t * (k + 1)));
      c[k] = rng.uniform() < mean ? 1 : 0;
    }
    return c;
  });
  double earned = 0;
  for (std::size_t t = 0; t < kDecisions; ++t) earned += log_earned(game.weights[t], game.credit[t]);
  const Point best = best_mixture(game);
  const double optimum = log_total(best, game);
  CAPTURE(kind, bound, optimum - earned, best);
  REQUIRE(optimum - earned <= bound);
  if (kind != "in turn") return;
  // Two agents that complete each other: the best mixture is half and half, and better than any agent alone.
  REQUIRE(best[0] == Approx(0.5).margin(1e-6));
  REQUIRE(optimum - log_total(even(4), game) > 2 * bound);
  for (std::size_t k = 0; k < 4; ++k) {
    Point alone(4, 0.0);
    alone[k] = 1;
    REQUIRE(earned > log_total(alone, game));
  }
  REQUIRE(game.weights.back()[0] == Approx(0.5).margin(0.03));
  REQUIRE(game.weights.back()[1] == Approx(0.5).margin(0.03));
}

TEST_CASE("exponentiated_gradient agrees with its definition, step by step", "[oracle]") {
  const double share = GENERATE(0.0, 0.1), eta = GENERATE(0.0, 0.4);
  CAPTURE(share, eta);
  const auto set = [&](Options& o) {
    set_option(o, "share", share);
    set_option(o, "eta", eta);
  };
  Rng rng(4, "credit");
  const Game game = play_credit("exponentiated_gradient", 3, 300, set, [&](std::size_t, const Point&) {
    return Point{rng.uniform(), 1.4 * rng.uniform() - 0.2, rng.uniform()};  // the second is cut to [0, 1]
  });
  const double rate = eta > 0 ? eta : 2 * kLeast * std::sqrt(2 * std::log(3.0) / 300);
  Point w = even(3);
  for (std::size_t t = 0; t < game.weights.size(); ++t) {
    for (std::size_t k = 0; k < 3; ++k) REQUIRE(game.weights[t][k] == Approx(w[k]).epsilon(1e-8));
    Point c = game.credit[t];
    for (double& x : c) x = lifted(std::min(1.0, std::max(0.0, x)));
    // The gradient of ln <w, c> by differences.
    Point next(3);
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      Point up = w, down = w;
      up[k] += 1e-6;
      down[k] -= 1e-6;
      sum += next[k] = w[k] * std::exp(rate * (std::log(dot(up, c)) - std::log(dot(down, c))) / 2e-6);
    }
    for (std::size_t k = 0; k < 3; ++k) w[k] = (1 - share) * next[k] / sum + share / 3;
  }
}

TEST_CASE("exponentiated_gradient of a linear utility is hedge, of the logarithm it is not", "[oracle]") {
  const auto play = [](const std::string& name, const std::function<void(Options&)>& set) {
    return play_credit(name, 4, 400, set, [](std::size_t t, const Point&) {
      Rng rng(t, "credit");
      return Point{rng.uniform(), rng.uniform(), 0.8 * rng.uniform(), 0.1};
    });
  };
  const Game hedge = play("hedge", {});
  const Game linear = play("exponentiated_gradient", [](Options& o) { set_option<std::string>(o, "utility", "linear"); });
  for (std::size_t t = 0; t < 400; ++t)
    for (std::size_t k = 0; k < 4; ++k) REQUIRE(linear.weights[t][k] == Approx(hedge.weights[t][k]).epsilon(1e-9));
  // At any rate: where two agents earn in turn and a third earns slightly less than half, always, Hedge ends on one of the two.
  const auto mixed = [](const std::string& name, const std::function<void(Options&)>& set) {
    return play_credit(name, 4, 4000, set, [](std::size_t t, const Point&) {
      Point c = in_turn(t);
      c[0] *= 0.9;
      return c;
    });
  };
  const auto eta = [](Options& o) { set_option(o, "eta", 0.05); };
  REQUIRE(mixed("hedge", eta).weights.back()[1] > 0.9);
  REQUIRE(mixed("exponentiated_gradient", eta).weights.back()[0] > 0.3);
}

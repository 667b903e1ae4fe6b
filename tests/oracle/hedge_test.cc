// Hedge against its regret bound on hostile sequences, with fixed share against the bound for sequences of arms; both against a
// computation from sums and products.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "tests/oracle/credit_game.h"

using namespace fader;
using namespace fader::testing;

namespace {

constexpr std::size_t kAgents = 4, kDecisions = 2000;

Point only(std::size_t k, double other = 0) {
  Point out(kAgents, other);
  out[k] = 1 - other;
  return out;
}

// What an opponent may do who knows the algorithm.
Point hostile(const std::string& kind, std::size_t t, const Point& weights) {
  const auto heaviest = static_cast<std::size_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
  if (kind == "one is best") return only(2);
  if (kind == "leaders take turns") return t == 0 ? Point{0.5, 0, 0, 0} : only(t % 2);  // the leader always earns nothing next
  if (kind == "the heaviest earns nothing") return only(heaviest, 1);
  Rng rng(t / 50, "block");  // "blocks": another mean every 50 decisions
  Point mean(kAgents), out(kAgents);
  for (double& m : mean) m = rng.uniform();
  Rng draw(t, "draw");
  for (std::size_t k = 0; k < kAgents; ++k) out[k] = draw.uniform() < mean[k] ? 1 : 0;
  return out;
}

}  // namespace

TEST_CASE("hedge stays below its bound whatever the rewards", "[oracle]") {
  const std::string kind = GENERATE("one is best", "leaders take turns", "the heaviest earns nothing", "blocks");
  const double bound = std::sqrt(kDecisions * std::log(kAgents) / 2.0);
  const auto opponent = [&](std::size_t t, const Point& w) { return hostile(kind, t, w); };
  const Game game = play_credit("hedge", kAgents, kDecisions, {}, opponent);
  CAPTURE(kind, bound, game.best(), game.earned);
  REQUIRE(game.best() - game.earned <= bound);
  if (kind == "one is best") {
    const Point all = game.totals();
    REQUIRE(game.best() - dot(even(kAgents), all) > 2 * bound);
    // The rate matters: at a tenth of it the bound is broken here, and one that is much too high loses when leaders take turns.
    const auto eta = [](double x) { return [x](Options& o) { set_option(o, "eta", x); }; };
    const double right = std::sqrt(8 * std::log(kAgents) / kDecisions);
    const Game slow = play_credit("hedge", kAgents, kDecisions, eta(0.1 * right), opponent);
    REQUIRE(slow.best() - slow.earned > bound);
    const auto turns = [](std::size_t t, const Point& w) { return hostile("leaders take turns", t, w); };
    const Game hasty = play_credit("hedge", kAgents, kDecisions, eta(1000), turns);
    REQUIRE(hasty.best() - hasty.earned > bound);
  }
}

TEST_CASE("hedge with fixed share follows the best sequence of arms within its bound", "[oracle]") {
  constexpr std::size_t kSwitches = 4, kStretch = kDecisions / (kSwitches + 1);
  const double share = static_cast<double>(kSwitches) / kDecisions;
  const auto switching = [](std::size_t t, const Point&) { return only(t / kStretch % kAgents); };
  // A path that stays has prior 1 - share + share / A a decision, one that changes share / A.
  const double log_prior = std::log(kAgents) + kSwitches * std::log(kAgents / share) -
                           static_cast<double>(kDecisions - 1 - kSwitches) * std::log(1 - share + share / kAgents);
  const double eta = std::sqrt(8 * log_prior / kDecisions), bound = log_prior / eta + eta * kDecisions / 8;
  const auto with = [&](double s) {
    return [=](Options& o) {
      set_option(o, "eta", eta);
      set_option(o, "share", s);
    };
  };
  const Game fixed_share = play_credit("hedge", kAgents, kDecisions, with(share), switching);
  const Game plain = play_credit("hedge", kAgents, kDecisions, with(0), switching);
  const double best = kDecisions;  // one earns 1 at any time
  CAPTURE(bound, best - fixed_share.earned, best - plain.earned);
  REQUIRE(best * (1 - 1.0 / kAgents) > 2 * bound);
  REQUIRE(best - fixed_share.earned <= bound);
  REQUIRE(best - plain.earned > 2 * bound);
}

TEST_CASE("hedge agrees with its definition, step by step", "[oracle]") {
  const double share = GENERATE(0.0, 0.05), gamma = GENERATE(0.0, 0.2);
  const double eta = GENERATE(0.0, 0.7);
  CAPTURE(share, gamma, eta);
  const auto set = [&](Options& o) {
    set_option(o, "share", share);
    set_option(o, "gamma", gamma);
    set_option(o, "eta", eta);
  };
  Rng rng(3, "credit");
  const Game game = play_credit("hedge", 5, 200, set, [&](std::size_t, const Point&) {
    Point c(5);
    for (double& x : c) x = rng.uniform();
    return c;
  });
  const double rate = eta > 0 ? eta : std::sqrt(8 * std::log(5.0) / 200);
  Point p = even(5);  // plain weights, normalised anew every time
  for (std::size_t t = 0; t < game.weights.size(); ++t) {
    for (std::size_t k = 0; k < 5; ++k) REQUIRE(game.weights[t][k] == Approx((1 - gamma) * p[k] + gamma / 5).epsilon(1e-10));
    double sum = 0;
    for (std::size_t k = 0; k < 5; ++k) sum += p[k] *= std::exp(rate * game.credit[t][k]);
    for (double& x : p) x = (1 - share) * x / sum + share / 5;
  }
}

TEST_CASE("hedge takes any finite numbers, and a weight that was next to nothing comes back", "[oracle]") {
  const auto eta = [](Options& o) { set_option(o, "eta", 2.0); };
  const Game game = play_credit("hedge", 2, 400, eta, [](std::size_t t, const Point&) {
    return t < 100 ? Point{1e3, 0} : t == 200 ? Point{1e308, -1e308} : t == 300 ? Point{-1e308, 1e308} : Point{0, 1e3 + 1};
  });
  REQUIRE(game.weights[100][1] == 0);  // exp(-200000)
  REQUIRE(game.weights[200][1] == 1);
  for (const Point& w : game.weights) REQUIRE(w[0] + w[1] == Approx(1));
  REQUIRE(game.weights[250][0] == 1);
}

TEST_CASE("hedge refuses to learn from the reward, and names what does", "[oracle]") {
  for (const auto* name : {"hedge", "exponentiated_gradient", "odm_paper", "odm_code"}) {
    const auto refused = [&] {
      make_policy(name, context_of(3), [](Options& o) { set_option<std::string>(o, "feedback", "reward"); });
    };
    REQUIRE_THROWS_AS(refused(), ConfigError);
    REQUIRE_THROWS_WITH(refused(), Catch::Contains("feedback is 'reward'; expected 'credit'") && Catch::Contains("exp3"));
  }
}

TEST_CASE("hedge that draws plays what it would have mixed, and counts every slot", "[oracle]") {
  const auto context = context_for(3, 100, 2);
  const auto one = [](Options& o) { set_option<std::string>(o, "play", "one"); };
  Console mixing(make_policy("hedge", context), context, 5), drawing(make_policy("hedge", context, one), context, 5);
  const double eta = std::sqrt(8 * std::log(3.0) / 100);
  Point sums(3, 0.0);
  Rng rng(8, "credit");
  for (int t = 0; t < 50; ++t) {
    const auto& mixed = mixing.decide();
    const auto& drawn = drawing.decide();
    Point expected(3);
    for (std::size_t k = 0; k < 3; ++k) expected[k] = std::exp(eta * sums[k]);
    const double sum = expected[0] + expected[1] + expected[2];
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t k = 0; k < 3; ++k) {
        REQUIRE(mixed.weights[i][k] == Approx(expected[k] / sum).epsilon(1e-12));
        REQUIRE(drawn.probability[i][k] == mixed.weights[i][k]);
      }
    Grid<double> credit(2, 3);
    for (double& c : credit.view().flat()) c = rng.uniform();
    for (std::size_t k = 0; k < 3; ++k) sums[k] += credit[0][k] + credit[1][k];
    mixing.learn({0.5, 0.5}, credit);
    drawing.learn({0.5, 0.5}, credit);
  }
}

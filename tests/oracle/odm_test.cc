// Online data mixing, as published and as released, against a computation from all losses so far.
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/oracle/credit_game.h"

using namespace fader;
using namespace fader::testing;

namespace {

double eps(std::size_t agents, std::size_t t) {
  const double k = static_cast<double>(agents);
  return t == 0 ? 1 / k : std::min(1 / k, std::sqrt(std::log(k) / k / static_cast<double>(t)));
}

// The moving average that starts at zero, as a sum over what was heard.
double average(const std::vector<double>& heard, double alpha) {
  double sum = 0;
  for (std::size_t s = 0; s < heard.size(); ++s)
    sum += (1 - alpha) * std::pow(alpha, static_cast<double>(heard.size() - 1 - s)) * heard[s];
  return sum;
}

Point mixture(bool paper, const std::vector<std::vector<double>>& heard, double alpha) {
  const std::size_t k = heard.size(), t = heard[0].size() + 1;
  if (t == 1) return even(k);
  Point out(k);
  double sum = 0;
  for (std::size_t a = 0; a < k; ++a)
    sum += out[a] = paper ? std::exp(eps(k, t - 1) * average(heard[a], alpha)) : average(heard[a], alpha);
  for (double& p : out) p = (1 - static_cast<double>(k) * eps(k, t)) * p / sum + eps(k, t);
  return out;
}

}  // namespace

TEST_CASE("online data mixing agrees with its equations, step by step", "[oracle]") {
  const bool paper = GENERATE(true, false);
  const std::size_t agents = GENERATE(2, 4, 7);
  const double alpha = GENERATE(0.5, 0.9);
  CAPTURE(paper, agents, alpha);
  const std::string name = paper ? "odm_paper" : "odm_code";
  REQUIRE(make_policy(name, context_of(agents))->spec().credit_scaler == "none");
  Rng rng(5, "losses");
  const Game game = play_credit(
      name, agents, 120, [&](Options& o) { set_option(o, "alpha", alpha); },
      [&](std::size_t t, const Point&) {
        Point losses(agents);
        for (std::size_t a = 0; a < agents; ++a)
          losses[a] = 1.5 + 0.4 * static_cast<double>(a) + 3 / (1.0 + static_cast<double>(t)) + 0.3 * rng.normal();
        return losses;
      });
  std::vector<std::vector<double>> heard(agents);
  for (std::size_t t = 0; t < game.weights.size(); ++t) {
    const Point expected = mixture(paper, heard, alpha);
    for (std::size_t a = 0; a < agents; ++a) {
      REQUIRE(game.weights[t][a] == Approx(expected[a]).epsilon(1e-9));
      heard[a].push_back(paper ? game.credit[t][a] / expected[a] : std::exp(game.credit[t][a]));
    }
  }
  // The hardest is played most in the end; how much more, the definition says.
  for (std::size_t a = 0; a + 1 < agents; ++a)
    if (!paper) REQUIRE(game.weights.back()[agents - 1] > game.weights.back()[a]);
}

TEST_CASE("online data mixing explores as its schedule says", "[oracle]") {
  // Three arms of four are free of loss: they keep the least share, eps_t.
  const Game game = play_credit("odm_code", 4, 80, {}, [](std::size_t, const Point&) { return Point{-1e9, -1e9, -1e9, 2}; });
  for (std::size_t t = 0; t < 5; ++t) REQUIRE(game.weights[t][0] == Approx(0.25));  // until t = 5
  REQUIRE(4 * game.weights[13][0] == Approx(0.63).margin(0.005));
  REQUIRE(4 * game.weights[79][0] == Approx(0.26).margin(0.005));
  REQUIRE(game.weights[79][3] == Approx(1 - 3 * eps(4, 80)));
}

TEST_CASE("slots of online data mixing count as one decision, with their mean", "[oracle]") {
  const std::string name = GENERATE("odm_paper", "odm_code");
  const auto context = context_for(3, 100, 2);
  Console console(make_policy(name, context), context, 1);
  std::vector<std::vector<double>> heard(3);
  Rng rng(6, "losses");
  for (int t = 0; t < 40; ++t) {
    const auto& d = console.decide();
    const Point expected = mixture(name == "odm_paper", heard, 0.5);
    Grid<double> losses(2, 3);
    for (double& l : losses.view().flat()) l = 2 + rng.normal();
    for (std::size_t a = 0; a < 3; ++a) {
      for (std::size_t i = 0; i < 2; ++i) REQUIRE(d.weights[i][a] == Approx(expected[a]).epsilon(1e-9));
      const double x = losses[0][a], y = losses[1][a];
      heard[a].push_back(name == "odm_paper" ? (x + y) / 2 / expected[a] : (std::exp(x) + std::exp(y)) / 2);
    }
    console.learn({0, 0}, losses);
  }
}

TEST_CASE("online data mixing plays evenly while it warms up, without its exploration when it need not, and takes odd losses",
          "[oracle]") {
  const std::string name = GENERATE("odm_paper", "odm_code");
  const auto context = context_for(3, 100);
  const auto warm = [](Options& o) { set_option<std::int64_t>(o, "warmup", 20); };
  Console warming(make_policy(name, context, warm), context, 1), plain(make_policy(name, context), context, 1);
  Grid<double> losses(1, 3);
  for (int t = 0; t < 40; ++t) {
    const auto& d = warming.decide();
    const bool evenly = d.weights[0][0] == Approx(1.0 / 3);
    REQUIRE(evenly == (t < 20));
    losses[0][0] = 1, losses[0][1] = 2, losses[0][2] = 3;
    plain.decide();
    warming.learn({0}, losses);
    plain.learn({0}, losses);
  }
  plain.policy().explore(false);
  REQUIRE(plain.decide().weights[0][0] < warming.decide().weights[0][0]);
  if (name == "odm_code")
    REQUIRE(plain.decided().weights[0][0] == Approx(std::exp(1) / (std::exp(1) + std::exp(2) + std::exp(3))));

  losses[0][1] = 1e300;
  losses[0][2] = -1e300;
  for (int t = 0; t < 5; ++t) {
    for (const double w : warming.decide().weights[0]) REQUIRE(std::isfinite(w));
    warming.learn({0}, losses);
  }
  REQUIRE(warming.decide().weights[0][1] > warming.decided().weights[0][0]);
}

// Probabilities of the greatest score against closed forms, a fine sum, and draws.
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>
#include <vector>

#include "policies/argmax.h"

using namespace fader;

namespace {

double below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

// Widths over `decades` powers of ten.
std::vector<Normal> random_normals(std::size_t arms, double decades, Rng& rng) {
  std::vector<Normal> out(arms);
  for (auto& s : out) s = {rng.normal(), std::pow(10.0, decades * (rng.uniform() - 0.5))};
  return out;
}
std::vector<Beta> random_betas(std::size_t arms, double decades, Rng& rng) {
  std::vector<Beta> out(arms);
  for (auto& s : out) s = {std::pow(10.0, decades * rng.uniform() - 0.5), std::pow(10.0, decades * rng.uniform() - 0.5)};
  return out;
}

// Sums of f_a prod F_b over equal steps, of widths that are alike.
std::vector<double> by_a_fine_sum(const std::vector<Normal>& scores) {
  constexpr int kSteps = 40000;
  constexpr double kLow = -40, kHigh = 40, kStep = (kHigh - kLow) / kSteps;
  std::vector<double> out(scores.size(), 0.0);
  for (int i = 0; i <= kSteps; ++i) {
    const double s = kLow + i * kStep;
    for (std::size_t a = 0; a < scores.size(); ++a) {
      const double z = (s - scores[a].mean) / scores[a].deviation;
      double p = std::exp(-0.5 * z * z) / (std::sqrt(2 * 3.141592653589793) * scores[a].deviation);
      for (std::size_t b = 0; b < scores.size() && p > 0; ++b)
        if (b != a) p *= below((s - scores[b].mean) / scores[b].deviation);
      out[a] += p * kStep;
    }
  }
  return out;
}

template <class Score>
void check_frequencies(const std::vector<Score>& scores, std::uint64_t seed) {
  constexpr int kDraws = 40000;
  Argmax<Score> which(scores.size());
  which.scores = scores;
  std::vector<double> p(scores.size());
  which.probabilities(p);
  Rng rng(seed, "draws");
  std::vector<double> count(scores.size(), 0);
  for (int i = 0; i < kDraws; ++i) ++count[which.sample(rng)];
  double statistic = 0, rare = 0, rare_count = 0, cells = 0;
  for (std::size_t a = 0; a < p.size(); ++a) {
    if (kDraws * p[a] < 10) {
      rare += p[a], rare_count += count[a];
      continue;
    }
    statistic += std::pow(count[a] - kDraws * p[a], 2) / (kDraws * p[a]);
    ++cells;
  }
  if (kDraws * rare > 5) statistic += std::pow(rare_count - kDraws * rare, 2) / (kDraws * rare), ++cells;
  REQUIRE(cells > 1);
  REQUIRE(statistic < boost::math::quantile(boost::math::chi_squared(cells - 1), 1 - 1e-4));
}

}  // namespace

TEST_CASE("the greater of two normal scores is known in closed form", "[policies]") {
  Rng rng(1, "normals");
  for (int i = 0; i < 2000; ++i) {
    const auto s = random_normals(2, 12, rng);
    std::vector<double> p(2);
    const double sum = argmax_probabilities(s, p);
    CAPTURE(i, s[0].mean, s[0].deviation, s[1].mean, s[1].deviation);
    REQUIRE(sum == Approx(1).margin(1e-9));
    REQUIRE(p[0] == Approx(below((s[0].mean - s[1].mean) / std::hypot(s[0].deviation, s[1].deviation))).margin(1e-8));
    REQUIRE(p[0] + p[1] == Approx(1).margin(1e-14));
  }
}

TEST_CASE("each of many normal scores agrees with a fine sum", "[policies]") {
  Rng rng(2, "normals");
  for (const std::size_t arms : {3, 5, 12}) {
    const auto s = random_normals(arms, 1, rng);
    const auto expected = by_a_fine_sum(s);
    std::vector<double> p(arms);
    argmax_probabilities(s, p);
    for (std::size_t a = 0; a < arms; ++a) REQUIRE(p[a] == Approx(expected[a]).margin(1e-11));
  }
}

TEST_CASE("equal scores are equally often the greatest", "[policies]") {
  for (const std::size_t arms : {1, 2, 7, 32}) {
    std::vector<double> p(arms);
    REQUIRE(argmax_probabilities(std::vector<Normal>(arms, Normal{3, 0.2}), p) == Approx(1).margin(1e-11));
    for (const double x : p) REQUIRE(x == Approx(1.0 / static_cast<double>(arms)).margin(1e-14));
    REQUIRE(argmax_probabilities(std::vector<Beta>(arms, Beta{0.5, 2}), p) == Approx(1).margin(1e-11));
    for (const double x : p) REQUIRE(x == Approx(1.0 / static_cast<double>(arms)).margin(1e-14));
  }
}

TEST_CASE("probabilities of 32 scores sum to one before they are normalised", "[policies]") {
  Rng rng(3, "scores");
  std::vector<double> p(32);
  for (int i = 0; i < 200; ++i) REQUIRE(argmax_probabilities(random_normals(32, i % 9, rng), p) == Approx(1).margin(1e-9));
  for (int i = 0; i < 20; ++i) REQUIRE(argmax_probabilities(random_betas(32, 1 + i % 5, rng), p) == Approx(1).margin(1e-9));
}

TEST_CASE("a common shift and a common factor of normal scores change nothing", "[policies]") {
  Rng rng(4, "normals");
  const auto s = random_normals(6, 1, rng);
  std::vector<double> p(6), q(6);
  argmax_probabilities(s, p);
  for (const auto& [shift, factor] : {std::pair{1e6, 1.0}, std::pair{0.0, 1e-9}, std::pair{-5.0, 1e9}}) {
    auto moved = s;
    for (auto& m : moved) m = {shift + factor * m.mean, factor * m.deviation};
    argmax_probabilities(moved, q);
    for (std::size_t a = 0; a < 6; ++a) REQUIRE(q[a] == Approx(p[a]).margin(1e-9));
  }
}

// F = x^a for Beta(a, 1): each wins in proportion to its a.
TEST_CASE("powers of uniform scores win in proportion to their exponents", "[policies]") {
  const std::vector<double> exponents = {0.1, 0.5, 1, 2, 3, 40, 1000};
  std::vector<Beta> s;
  for (const double a : exponents) s.push_back({a, 1});
  std::vector<double> p(s.size());
  REQUIRE(argmax_probabilities(s, p) == Approx(1).margin(1e-9));
  const double total = std::accumulate(exponents.begin(), exponents.end(), 0.0);
  for (std::size_t a = 0; a < s.size(); ++a) REQUIRE(p[a] == Approx(exponents[a] / total).margin(1e-9));
}

// For whole a of the second: P(first < second) = sum_{i < a2} B(a1 + i, b1 + b2) / ((b2 + i) B(1 + i, b2) B(a1, b1)).
TEST_CASE("the greater of two Beta scores is known in closed form", "[policies]") {
  Rng rng(5, "betas");
  for (int i = 0; i < 100; ++i) {
    const auto whole = [&] { return 1 + static_cast<double>(rng.below(40)); };
    const Beta first = {whole(), whole()}, second = {whole(), whole()};
    double expected = 0;
    for (double j = 0; j < second.a; ++j)
      expected += boost::math::beta(first.a + j, first.b + second.b) /
                  ((second.b + j) * boost::math::beta(1 + j, second.b) * boost::math::beta(first.a, first.b));
    std::vector<double> p(2);
    argmax_probabilities(std::vector<Beta>{first, second}, p);
    REQUIRE(p[1] == Approx(expected).margin(1e-10));
  }
}

TEST_CASE("scores that are drawn are the greatest as often as integration says", "[policies]") {
  Rng rng(6, "scores");
  for (std::uint64_t i = 0; i < 4; ++i) {
    check_frequencies(random_normals(8, 1, rng), i);
    check_frequencies(random_betas(8, 1.5, rng), i);
  }
}

TEST_CASE("an answer that is kept is the answer to what is asked", "[policies]") {
  Argmax<Normal> which(2);
  std::vector<double> p(2);
  which.scores = {{0, 1}, {0, 1}};
  which.probabilities(p);
  REQUIRE(p[0] == Approx(0.5));
  which.scores[0].mean = 1;
  which.probabilities(p);
  REQUIRE(p[0] == Approx(below(1 / std::sqrt(2.0))).margin(1e-10));
  which.probabilities(p);
  REQUIRE(p[0] == Approx(below(1 / std::sqrt(2.0))).margin(1e-10));
}

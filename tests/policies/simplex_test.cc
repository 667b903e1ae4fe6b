#include "policies/simplex.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/rng.h"

using namespace fader;

namespace {

std::vector<double> random_point(std::size_t k, Rng& rng) {
  std::vector<double> w(k);
  for (double& x : w) x = rng.gamma(0.3);  // often close to a vertex
  w[rng.below(k)] += 1e-3;
  simplex::normalise(w);
  return w;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double d = 0;
  for (std::size_t i = 0; i < a.size(); ++i) d += (a[i] - b[i]) * (a[i] - b[i]);
  return d;
}

}  // namespace

TEST_CASE("is_on accepts the simplex and nothing else") {
  using V = std::vector<double>;
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  REQUIRE(simplex::is_on(V{1}));
  REQUIRE(simplex::is_on(V{0, 1, 0}));
  REQUIRE(simplex::is_on(V{0.1, 0.2, 0.7}));
  REQUIRE(simplex::is_on(V{0.5, 0.5 + 1e-9}, 1e-8));
  for (const V& w : {V{}, V{0.5}, V{0.5, 0.5 + 1e-9}, V{-0.5, 1.5}, V{nan, 1}, V{infinity, 0}, V{infinity, -infinity}})
    REQUIRE_FALSE(simplex::is_on(w));
}

TEST_CASE("normalise keeps ratios and refuses what has none") {
  std::vector<double> w = {1, 3, 0};
  simplex::normalise(w);
  REQUIRE(w == std::vector<double>{0.25, 0.75, 0});
  for (std::vector<double> bad : {std::vector<double>{0, 0}, {-1, 2}, {std::nan(""), 1}, {1e308, 1e308}})
    REQUIRE_THROWS_AS(simplex::normalise(bad), Defect);
}

TEST_CASE("project finds the nearest point") {
  Rng rng(1, "project");
  for (int i = 0; i < 2000; ++i) {
    const std::size_t k = 1 + rng.below(11);
    const double scale = std::pow(10.0, 6 * rng.uniform() - 2), offset = rng.normal() * scale;
    std::vector<double> v(k);
    for (double& x : v) x = offset + scale * rng.normal();
    auto w = v;
    simplex::project(w);
    REQUIRE(simplex::is_on(w, 1e-14));
    auto again = w;
    simplex::project(again);
    REQUIRE(distance(w, again) < 1e-28);
    // The nearest point is the only one from which no other point of the simplex lies at a sharp angle.
    for (std::size_t vertex = 0; vertex < k; ++vertex) {
      double angle = 0;
      for (std::size_t j = 0; j < k; ++j) angle += (v[j] - w[j]) * ((j == vertex ? 1.0 : 0.0) - w[j]);
      REQUIRE(angle <= 1e-12 * (1 + std::abs(offset) + scale) * static_cast<double>(k));
    }
  }
  std::vector<double> w = {0.9, 0.3, -5};
  simplex::project(w);
  REQUIRE(w[0] == Approx(0.8));
  REQUIRE(w[1] == Approx(0.2));
  REQUIRE(w[2] == 0);
  std::vector<double> bad = {1, std::nan("")};
  REQUIRE_THROWS_AS(simplex::project(bad), Defect);
}

TEST_CASE("mix moves towards the centre") {
  std::vector<double> w = {1, 0, 0, 0};
  simplex::mix(w, 0.4);
  REQUIRE(w == std::vector<double>{0.7, 0.1, 0.1, 0.1});
  simplex::mix(w, 1);
  REQUIRE(w == std::vector<double>(4, 0.25));
  REQUIRE_THROWS_AS(simplex::mix(w, 1.5), Defect);
}

TEST_CASE("floor leaves every component at least so much, exactly") {
  Rng rng(2, "floor");
  for (int i = 0; i < 20000; ++i) {
    const std::size_t k = 1 + rng.below(32);
    auto before = random_point(k, rng);
    if (i % 2 == 0) std::fill(before.begin(), before.end(), 0.0), before[rng.below(k)] = 1;  // zeros leave no slack
    const double least = rng.uniform() / (i % 4 < 2 ? 32 : static_cast<double>(k));  // K least / K is not always least
    auto w = before;
    simplex::floor(w, least);
    REQUIRE(*std::min_element(w.begin(), w.end()) >= least);
    REQUIRE(simplex::is_on(w, 4e-16));
    for (std::size_t j = 0; j < k; ++j)  // it is the mix with uniform, nothing else
      REQUIRE(w[j] == Approx(least + (1 - least * static_cast<double>(k)) * before[j]).epsilon(1e-12));
  }
  std::vector<double> w = {1, 0, 0};
  simplex::floor(w, 1.0 / 3);
  REQUIRE(simplex::is_on(w, 4e-16));
  REQUIRE(w[1] == Approx(1.0 / 3));
  REQUIRE_THROWS_AS(simplex::floor(w, 0.4), Defect);
}

TEST_CASE("entropy in nats") {
  REQUIRE(simplex::entropy(std::vector<double>{0, 1, 0}) == 0);
  REQUIRE(simplex::entropy(std::vector<double>(8, 0.125)) == Approx(std::log(8.0)));
  REQUIRE(simplex::entropy(std::vector<double>{0.25, 0.75}) == Approx(0.5623351446188083));
}

#include "policies/simplex.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
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

namespace {

namespace ln = simplex::logistic_normal;
namespace dir = simplex::dirichlet;
using V = std::vector<double>;

/// Integral over the simplex of K = 2 or 3 by the midpoint rule; `f` of a point.
template <class F>
double integral(std::size_t k, F f) {
  constexpr int kCells = 1200;
  const double h = 1.0 / kCells;
  double total = 0;
  for (int i = 0; i < kCells; ++i) {
    const double x = (i + 0.5) * h;
    if (k == 2) {
      total += h * f(V{x, 1 - x});
      continue;
    }
    // the cells of a row that lie below the hypotenuse, scaled to fill it exactly
    for (int j = 0; j < kCells; ++j) {
      const double y = (1 - x) * (j + 0.5) * h;
      total += h * (1 - x) * h * f(V{x, y, 1 - x - y});
    }
  }
  return total;
}

V raised(const V& a, double least) {
  V w = a;
  simplex::mix(w, least * static_cast<double>(a.size()));
  return w;
}
V lowered(const V& w, double least) {  // the inverse
  V a = w;
  for (double& x : a) x = (x - least) / (1 - static_cast<double>(w.size()) * least);
  return a;
}

struct Densities {
  V mean, log_sigma, concentration;
};
Densities densities(std::size_t k) {
  if (k == 2) return {{0.4}, {-0.3}, {2.5, 1.4}};
  return {{0.3, -0.5}, {-0.2, 0.1}, {2.2, 1.6, 3.1}};
}

double difference(const std::function<double(const V&)>& f, V at, std::size_t i) {
  constexpr double kStep = 1e-5;
  at[i] += kStep;
  const double up = f(at);
  at[i] -= 2 * kStep;
  return (up - f(at)) / (2 * kStep);
}

}  // namespace

TEST_CASE("squash and unsquash undo each other, at any size") {
  for (const V& u : {V{}, V{0.3}, V{-2, 5, 0.1}, V{30, -30}}) {
    V a(u.size() + 1), back(u.size());
    simplex::squash(u, a);
    REQUIRE(simplex::is_on(a));
    simplex::unsquash(a, back);
    for (std::size_t k = 0; k < u.size(); ++k) REQUIRE(back[k] == Approx(u[k]));
  }
  V a(3);
  simplex::squash(V{-1e5, 1e300}, a);
  REQUIRE(a == V{0, 1, 0});
}

TEST_CASE("densities on the simplex integrate to one, with a floor as well") {
  const std::size_t k = GENERATE(2, 3);
  const double least = GENERATE(0.0, 0.08);
  const Densities d = densities(k);
  const double lift = simplex::floor_log_density(k, least);
  const auto inside = [&](const V& w) { return std::ranges::all_of(w, [&](double x) { return x > least + 1e-12; }); };
  CHECK(integral(k, [&](const V& w) { return inside(w) ? std::exp(dir::log_density(d.concentration, lowered(w, least)) + lift) : 0; }) ==
        Approx(1).epsilon(5e-3));
  CHECK(integral(k, [&](const V& w) {
          if (!inside(w)) return 0.0;
          V u(k - 1);
          simplex::unsquash(lowered(w, least), u);
          return std::exp(ln::log_density({d.mean, d.log_sigma}, u) + lift);
        }) == Approx(1).epsilon(5e-3));
  const V a = {0.2, 0.3, 0.5};
  REQUIRE(lowered(raised(a, 0.1), 0.1)[1] == Approx(0.3));
}

TEST_CASE("entropies and divergences are the integrals that they stand for") {
  const std::size_t k = GENERATE(2, 3);
  const Densities d = densities(k);
  V other = d.concentration;
  other[0] += 1;
  CHECK(dir::entropy(d.concentration) == Approx(integral(k, [&](const V& a) {
          const double p = dir::log_density(d.concentration, a);
          return -std::exp(p) * p;
        })).margin(2e-3));
  CHECK(dir::divergence(d.concentration, other) == Approx(integral(k, [&](const V& a) {
          const double p = dir::log_density(d.concentration, a);
          return std::exp(p) * (p - dir::log_density(other, a));
        })).margin(2e-3));
  CHECK(dir::divergence(other, other) == Approx(0).margin(1e-12));
  V mean = d.mean, log_sigma = d.log_sigma;
  mean[0] += 0.5;
  log_sigma[0] += 0.2;
  const ln::Parameters p = {d.mean, d.log_sigma}, q = {mean, log_sigma};
  const auto over_u = [&](const auto& f) {
    return integral(k, [&](const V& a) {
      V u(k - 1);
      simplex::unsquash(a, u);
      const double density = ln::log_density(p, u);
      return std::exp(density) * f(u, a, density);
    });
  };
  CHECK(ln::divergence(p, q) == Approx(over_u([&](const V& u, const V&, double density) { return density - ln::log_density(q, u); })).margin(2e-3));
  // Of u: that of a, less the mean of the logarithms of |da/du| = prod a.
  CHECK(ln::entropy(p) == Approx(over_u([&](const V&, const V& a, double density) {
          double log_product = 0;
          for (const double x : a) log_product += std::log(x);
          return -density - log_product;
        })).margin(5e-3));
  CHECK(simplex::greatest_entropy(k) == Approx(dir::entropy(V(k, 1.0))).margin(1e-12));
  CHECK(dir::entropy(d.concentration) < simplex::greatest_entropy(k));
}

TEST_CASE("gradients of log-densities and entropies agree with differences") {
  Rng rng(8, "gradients");
  for (const std::size_t k : {2u, 3u, 6u}) {
    V mean(k - 1), log_sigma(k - 1), u(k - 1), c(k), a(k);
    for (double& x : mean) x = rng.normal();
    for (double& x : log_sigma) x = 0.5 * rng.normal();
    for (double& x : u) x = rng.normal();
    for (double& x : c) x = 0.3 + 3 * rng.uniform();
    simplex::squash(u, a);
    V by_mean(k - 1, 1.0), by_log_sigma(k - 1, 1.0), by_c(k, 1.0), by_c_entropy(k), by_a(k), by_u(k - 1);  // 1: it is added to
    ln::log_density_slope({mean, log_sigma}, u, 2, {by_mean, by_log_sigma});
    ln::entropy_slope(3, {by_mean, by_log_sigma});
    dir::log_density_slope(c, a, 2, by_c);
    dir::entropy_slope(c, 1, by_c_entropy);
    for (double& x : by_a) x = rng.normal();
    simplex::squash_slope(a, by_a, by_u);
    for (std::size_t i = 0; i < k; ++i) {
      CHECK(by_c[i] == Approx(1 + 2 * difference([&](const V& v) { return dir::log_density(v, a); }, c, i)).margin(1e-6));
      CHECK(by_c_entropy[i] == Approx(difference([&](const V& v) { return dir::entropy(v); }, c, i)).margin(1e-6));
    }
    for (std::size_t i = 0; i + 1 < k; ++i) {
      CHECK(by_mean[i] == Approx(1 + 2 * difference([&](const V& v) { return ln::log_density({v, log_sigma}, u); }, mean, i)).margin(1e-6));
      CHECK(by_log_sigma[i] == Approx(1 + difference([&](const V& v) { return 2 * ln::log_density({mean, v}, u) + 3 * ln::entropy({mean, v}); },
                                                     log_sigma, i)).margin(1e-6));
      CHECK(by_u[i] == Approx(difference([&](const V& v) {
              V at(k);
              simplex::squash(v, at);
              return std::inner_product(at.begin(), at.end(), by_a.begin(), 0.0);
            }, u, i)).margin(1e-6));
    }
  }
}

TEST_CASE("what is drawn has the moments of its density") {
  constexpr int kDraws = 200'000;
  Rng rng(9, "moments");
  const V c = {0.4, 2, 5}, mean = {0.5, -1}, log_sigma = {-0.5, 0.3};
  const double total = 7.4;
  V first(3, 0.0), second(3, 0.0), a(3), u(2), sum(2, 0.0), squares(2, 0.0);
  double neg_log = 0;
  for (int i = 0; i < kDraws; ++i) {
    dir::sample(c, rng, a);
    REQUIRE(simplex::is_on(a));
    for (std::size_t k = 0; k < 3; ++k) first[k] += a[k] / kDraws, second[k] += a[k] * a[k] / kDraws;
    neg_log -= dir::log_density(c, a) / kDraws;
    ln::sample({mean, log_sigma}, rng, u);
    for (std::size_t k = 0; k < 2; ++k) sum[k] += u[k] / kDraws, squares[k] += (u[k] - mean[k]) * (u[k] - mean[k]) / kDraws;
  }
  for (std::size_t k = 0; k < 3; ++k) {  // within five standard errors, about
    CHECK(first[k] == Approx(c[k] / total).margin(2e-3));
    CHECK(second[k] == Approx(c[k] * (c[k] + 1) / (total * (total + 1))).margin(2e-3));
  }
  CHECK(neg_log == Approx(dir::entropy(c)).margin(2e-2));
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(sum[k] == Approx(mean[k]).margin(1.5e-2));
    CHECK(squares[k] == Approx(std::exp(2 * log_sigma[k])).epsilon(2e-2));
  }
}

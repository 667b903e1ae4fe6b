// CMA-ES against numbers of another program, and on functions whose optimum is known.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "policies/cma.h"
#include "tests/oracle/episodes.h"

using namespace fader;
using namespace fader::testing;

namespace {

using Function = std::function<double(std::span<const double>)>;

// Evaluations until `f` is above `target`, at most `limit`; the distribution starts at zero.
int evaluations(const Function& f, std::size_t n, double target, int limit, std::uint64_t seed) {
  Cma cma(n, Cma::default_population(n), 1);
  Rng rng(seed, "candidates");
  Grid<double> x(cma.population(), n);
  std::vector<double> z(n), value(cma.population());
  for (int spent = 0; spent < limit;) {
    for (std::size_t i = 0; i < cma.population(); ++i) {
      for (double& v : z) v = rng.normal();
      cma.candidate(z, x[i]);
      value[i] = f(x[i]);
      ++spent;
      if (value[i] > target) return spent;
    }
    cma.update(std::as_const(x).view(), value);
  }
  return limit;
}

int median(const Function& f, std::size_t n, double target) {
  std::vector<int> all;
  for (std::uint64_t seed = 0; seed < 21; ++seed) all.push_back(evaluations(f, n, target, 20000, seed));
  std::sort(all.begin(), all.end());
  REQUIRE(all.back() < 20000);
  return all[10];
}

// A concave function on the simplex and its greatest point, away from the middle.
const std::vector<double> kTarget = {0.5, 0.3, 0.15, 0.05};
double concave(std::span<const double> w, const std::vector<double>& target) {
  double out = 0;
  for (std::size_t k = 0; k < w.size(); ++k) out -= (1 + static_cast<double>(k)) * (w[k] - target[k]) * (w[k] - target[k]);
  return out;
}
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double out = 0;
  for (std::size_t k = 0; k < a.size(); ++k) out += std::abs(a[k] - b[k]) / 2;
  return out;
}

}  // namespace

// Numbers by tests/oracle/reference/cma_es.py: NumPy, another eigendecomposition.
TEST_CASE("CMA-ES agrees with another program step by step", "[oracle]") {
  struct Expected {
    double sigma;
    std::vector<double> mean, lower;
  };
  const std::vector<Expected> expected = {
      {0.87492281419693,
       {-0.503864157142484, 0.517402119056108, 1.1633993611902},
       {0.945409714357781, -0.0911534698164354, 0.947338306776559, -0.207599306673097, 0.212759340311866, 1.33099423084712}},
      {1.41954092625513,  // the path is too long: hs = 0
       {2.46399031861826, 0.976625947488164, -1.16729252918234},
       {1.48892874394185, -0.00422634161155463, 0.910988888499229, -0.693156908498062, 0.155366647235132, 1.67878620672194}},
      {1.33709779266845,
       {0.357941477943855, -0.803837947806459, -0.770253008955513},
       {1.83438456339394, 0.408840211871663, 1.08004514050184, -0.769606868769708, 0.00308829885887966, 1.4910244543286}},
      {1.33918533670177,
       {0.692723374586334, 1.26239009899766, 0.616577514274231},
       {1.60970370298089, 0.285573962780793, 1.23530871114459, -0.745381820059506, 0.320589120852077, 1.61532599832786}}};
  Cma cma(3, 7, 0.8);
  for (int g = 0; g < 4; ++g) {
    Grid<double> x(7, 3);
    std::vector<double> value(7, 0.0), z(3);
    for (std::size_t i = 0; i < 7; ++i) {
      for (std::size_t k = 0; k < 3; ++k) {
        const double a = static_cast<double>(i), b = static_cast<double>(k);
        z[k] = (g == 1 ? 4.0 : 1.5) * std::sin(1 + 7 * g + 3 * a + 5 * b + 0.1 * a * b);
      }
      cma.candidate(z, x[i]);
      for (std::size_t k = 0; k < 3; ++k) {
        const double b = static_cast<double>(k);
        value[i] -= (b + 1) * (b + 1) * (x[i][k] - 0.3 * b) * (x[i][k] - 0.3 * b);
      }
    }
    cma.update(std::as_const(x).view(), value);
    const auto& e = expected[static_cast<std::size_t>(g)];
    REQUIRE(cma.sigma() == Approx(e.sigma).epsilon(1e-12));
    std::size_t at = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      REQUIRE(cma.mean()[a] == Approx(e.mean[a]).epsilon(1e-12));
      for (std::size_t b = 0; b <= a; ++b) REQUIRE(cma.covariance()[a][b] == Approx(e.lower[at++]).epsilon(1e-11));
    }
  }
}

// The package cma 4.5.0 with positive weights needs 784 (680 to 928) and 2080 (1824 to 2424) evaluations, medians of 51 runs.
TEST_CASE("CMA-ES needs as many evaluations as the reference implementation", "[oracle]") {
  const int sphere = median([](std::span<const double> x) {
    double out = 0;
    for (const double v : x) out -= (v - 1) * (v - 1);
    return out;
  }, 5, -1e-10);
  const int ellipsoid = median([](std::span<const double> x) {
    double out = 0;
    for (std::size_t i = 0; i < x.size(); ++i) out -= std::pow(10, 6 * static_cast<double>(i) / 4) * (x[i] - 1) * (x[i] - 1);
    return out;
  }, 5, -1e-10);
  INFO("sphere " << sphere << ", ellipsoid " << ellipsoid);
  REQUIRE((sphere > 0.85 * 784 && sphere < 1.15 * 784));
  REQUIRE((ellipsoid > 0.85 * 2080 && ellipsoid < 1.15 * 2080));
}

TEST_CASE("cma_es finds the best mix", "[oracle]") {
  const int slots = GENERATE(1, 4);
  const auto context = context_of(4, slots);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Episodes episodes("cma_es", context, seed);
    for (int round = 0; round < 400 / slots; ++round)
      episodes.round(3, [](const Moment& m) { return concave(m.weights, kTarget); });
    CAPTURE(seed, slots);
    REQUIRE(distance(best_weights(episodes.policy(), context), kTarget) < 1e-3);
  }
}

TEST_CASE("cma_es finds the best mix under noise", "[oracle]") {
  const auto context = context_of(4, 4);
  double found = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Episodes episodes("cma_es", context, seed, [](Options& o) {
      set_option<std::int64_t>(o, "population", 24);
      set_option<std::int64_t>(o, "repeats", 2);
    });
    Rng noise(seed, "noise");
    for (int round = 0; round < 600; ++round)
      episodes.round(1, [&](const Moment& m) { return concave(m.weights, kTarget) + 0.05 * noise.normal(); });
    found += distance(best_weights(episodes.policy(), context), kTarget) / 10;
  }
  REQUIRE(found < 0.06);  // uniform weights: 0.3
}

// Agent 0 is right in the first half, agent 1 in the second: the best fixed mix earns far less than the best schedule.
TEST_CASE("cma_es finds a schedule", "[oracle]") {
  const auto context = context_of(3);
  const std::vector<double> early = {0.8, 0.1, 0.1}, late = {0.1, 0.8, 0.1};
  const auto world = [&](const Moment& m) { return concave(m.weights, m.progress < 0.5 ? early : late); };
  double schedules = 0, fixed = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (const std::int64_t knots : {1, 2}) {
      Episodes episodes("cma_es", context, seed, [&](Options& o) {
        set_option(o, "knots", knots);
        set_option<std::string>(o, "curve", "constant");
      });
      for (int round = 0; round < 600; ++round) episodes.round(4, world);
      episodes.policy().explore(false);
      (knots == 1 ? fixed : schedules) += episodes.round(4, world)[0] / 10;
      if (knots == 1) continue;
      REQUIRE(distance(best_weights(episodes.policy(), context, 0.2), early) < 0.01);
      REQUIRE(distance(best_weights(episodes.policy(), context, 0.8), late) < 0.01);
    }
  }
  REQUIRE(fixed < -1);
  REQUIRE(schedules > -1e-3);
}

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "policies/linear_algebra.h"

using namespace fader;

namespace {

Grid<double> random_symmetric(std::size_t n, Rng& rng, bool definite) {
  Grid<double> half(n, n), out(n, n, 0.0);
  for (double& x : half.view().flat()) x = rng.normal();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      if (!definite) out[i][j] = half[i][j] + half[j][i];
      else
        for (std::size_t k = 0; k < n; ++k) out[i][j] += half[i][k] * half[j][k];
    }
  return out;
}

}  // namespace

TEST_CASE("a Cholesky factor gives its matrix back and solves", "[policies]") {
  Rng rng(1, "test");
  for (const std::size_t n : {1, 2, 5, 20}) {
    const auto a = random_symmetric(n, rng, true);
    auto l = a;
    REQUIRE(cholesky(l));
    std::vector<double> x(n), b(n, 0.0);
    for (double& v : x) v = rng.normal();
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        double product = 0;
        for (std::size_t k = 0; k <= std::min(i, j); ++k) product += l[i][k] * l[j][k];
        REQUIRE(product == Approx(a[i][j]).margin(1e-10));
        b[i] += a[i][j] * x[j];
      }
    solve_lower(l, b);
    solve_upper(l, b);
    for (std::size_t i = 0; i < n; ++i) REQUIRE(b[i] == Approx(x[i]).epsilon(1e-4).margin(1e-6));
  }
  Grid<double> two(2, 2);
  two[0][0] = 4, two[1][0] = 2, two[1][1] = 10;
  REQUIRE(cholesky(two));
  REQUIRE((two[0][0] == 2 && two[1][0] == 1 && two[1][1] == 3));
}

TEST_CASE("a matrix that is not positive definite has no Cholesky factor", "[policies]") {
  Grid<double> a(2, 2, 1.0);
  a[1][0] = 2;
  REQUIRE_FALSE(cholesky(a));
  Grid<double> odd(1, 1, std::nan(""));
  REQUIRE_FALSE(cholesky(odd));
}

TEST_CASE("eigenvectors are orthonormal and give the matrix back", "[policies]") {
  Rng rng(2, "test");
  for (const std::size_t n : {1, 2, 3, 10, 30}) {
    const auto a = random_symmetric(n, rng, false);
    const auto [values, vectors] = symmetric_eigen(a);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        double back = 0, dot = 0;
        for (std::size_t k = 0; k < n; ++k) {
          back += vectors[i][k] * values[k] * vectors[j][k];
          dot += vectors[k][i] * vectors[k][j];
        }
        REQUIRE(back == Approx(a[i][j]).margin(1e-10));
        REQUIRE(dot == Approx(i == j ? 1 : 0).margin(1e-12));
      }
  }
}

TEST_CASE("eigenvalues of the chain are known", "[policies]") {
  constexpr std::size_t kN = 12;
  Grid<double> a(kN, kN, 0.0);
  for (std::size_t i = 0; i < kN; ++i) {
    a[i][i] = 2;
    if (i + 1 < kN) a[i][i + 1] = a[i + 1][i] = -1;
  }
  auto values = symmetric_eigen(a).values;
  std::sort(values.begin(), values.end());
  for (std::size_t i = 0; i < kN; ++i)
    REQUIRE(values[i] == Approx(2 - 2 * std::cos(3.141592653589793 * static_cast<double>(i + 1) / (kN + 1))).epsilon(1e-12));
}

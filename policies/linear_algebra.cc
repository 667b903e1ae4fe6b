#include "policies/linear_algebra.h"

#include <cmath>

#include "core/error.h"

namespace fader {
namespace {

constexpr int kSweeps = 60;          // some six do
constexpr double kNegligible = 1e-32;  // of the squares: what is left off the diagonal against all

void rotate(Grid<double>& a, Grid<double>& v, std::size_t p, std::size_t q) {
  const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::hypot(theta, 1.0));
  const double c = 1 / std::hypot(t, 1.0), s = t * c;
  const std::size_t n = a.rows();
  const auto turn = [c, s](double& x, double& y) {
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  for (std::size_t k = 0; k < n; ++k) turn(a[k][p], a[k][q]);
  for (std::size_t k = 0; k < n; ++k) turn(a[p][k], a[q][k]);
  for (std::size_t k = 0; k < n; ++k) turn(v[k][p], v[k][q]);
}

}  // namespace

bool cholesky(Grid<double>& a) {
  FADER_CHECK_EQ(a.rows(), a.cols());
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double x = a[i][j];
      for (std::size_t k = 0; k < j; ++k) x -= a[i][k] * a[j][k];
      if (i == j && !(x > 0 && std::isfinite(x))) return false;
      a[i][j] = i == j ? std::sqrt(x) : x / a[j][j];
    }
  return true;
}

void solve_lower(const Grid<double>& l, std::span<double> x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= l[i][k] * x[k];
    x[i] /= l[i][i];
  }
}

void solve_upper(const Grid<double>& l, std::span<double> x) {
  for (std::size_t i = x.size(); i-- > 0;) {
    for (std::size_t k = i + 1; k < x.size(); ++k) x[i] -= l[k][i] * x[k];
    x[i] /= l[i][i];
  }
}

Eigen symmetric_eigen(Grid<double> a) {
  FADER_CHECK_EQ(a.rows(), a.cols());
  const std::size_t n = a.rows();
  Eigen out{std::vector<double>(n), Grid<double>(n, n, 0.0)};
  double all = 0;
  for (const double x : a.view().flat()) all += x * x;
  FADER_CHECK(std::isfinite(all), "squares add up to {}", all);
  for (std::size_t i = 0; i < n; ++i) out.vectors[i][i] = 1;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) off += a[p][q] * a[p][q];
    if (off <= kNegligible * all) break;
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q)
        if (a[p][q] != 0) rotate(a, out.vectors, p, q);
  }
  for (std::size_t i = 0; i < n; ++i) out.values[i] = a[i][i];
  return out;
}

}  // namespace fader

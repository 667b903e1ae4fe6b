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

/// L and its transpose, solved with x in place; `row(i)`: at least the i + 1 numbers of L's row i.
template <class Row>
void forward(std::span<double> x, Row row) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto l = row(i);
    for (std::size_t j = 0; j < i; ++j) x[i] -= l[j] * x[j];
    x[i] /= l[i];
  }
}
template <class Row>
void backward(std::span<double> x, Row row) {
  for (std::size_t i = x.size(); i-- > 0;) {
    const auto l = row(i);
    x[i] /= l[i];
    for (std::size_t j = 0; j < i; ++j) x[j] -= l[j] * x[i];
  }
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
  forward(x, [&](std::size_t i) { return l[i]; });
}

void solve_upper(const Grid<double>& l, std::span<double> x) {
  backward(x, [&](std::size_t i) { return l[i]; });
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

namespace fader::packed {
namespace {

std::size_t row(std::size_t i) { return size(i); }

}  // namespace

void add_outer(std::span<double> a, double s, std::span<const double> x) {
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j) a[row(i) + j] = s * a[row(i) + j] + x[i] * x[j];
}

double quadratic(std::span<const double> a, std::span<const double> x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double left = 0;
    for (std::size_t j = 0; j < i; ++j) left += a[row(i) + j] * x[j];
    sum += x[i] * (2 * left + a[row(i) + i] * x[i]);
  }
  return sum;
}

bool factor(std::span<const double> a, double ridge, std::span<double> l, std::size_t d) {
  bool right = true;
  for (std::size_t i = 0; i < d; ++i) {
    const std::span<double> mine = l.subspan(row(i), i + 1);
    for (std::size_t j = 0; j <= i; ++j) {
      double rest = a[row(i) + j];
      for (std::size_t k = 0; k < j; ++k) rest -= mine[k] * l[row(j) + k];
      if (j < i) {
        mine[j] = rest / l[row(j) + j];
        continue;
      }
      right = right && std::isfinite(rest) && rest >= -(0.5 * ridge + 1e-9 * std::abs(a[row(i) + i]));
      mine[i] = std::sqrt(ridge + (rest > 0 ? rest : 0));
    }
  }
  return right;
}

// Gill, Golub, Murray and Saunders (1974), Mathematics of Computation 28, method C1, by rotations: column by column one turns the
// pair (L_kk, x_k) into (sqrt(L_kk^2 + x_k^2), 0).
void update(std::span<double> l, std::span<double> x) {
  for (std::size_t k = 0; k < x.size(); ++k) {
    double& pivot = l[row(k) + k];
    const double length = std::hypot(pivot, x[k]), c = pivot / length, s = x[k] / length;
    pivot = length;
    for (std::size_t i = k + 1; i < x.size(); ++i) {
      double& below = l[row(i) + k];
      const double old = below;
      below = c * old + s * x[i];
      x[i] = c * x[i] - s * old;
    }
  }
}

void solve_lower(std::span<const double> l, std::span<double> x) {
  forward(x, [&](std::size_t i) { return l.subspan(row(i), i + 1); });
}

void solve_upper(std::span<const double> l, std::span<double> x) {
  backward(x, [&](std::size_t i) { return l.subspan(row(i), i + 1); });
}

}  // namespace fader::packed

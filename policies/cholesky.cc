#include "policies/cholesky.h"

#include <cmath>

namespace fader::cholesky {
namespace {

std::size_t row(std::size_t i) { return packed_size(i); }

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
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) x[i] -= l[row(i) + j] * x[j];
    x[i] /= l[row(i) + i];
  }
}

void solve_upper(std::span<const double> l, std::span<double> x) {
  for (std::size_t i = x.size(); i-- > 0;) {
    x[i] /= l[row(i) + i];
    for (std::size_t j = 0; j < i; ++j) x[j] -= l[row(i) + j] * x[i];
  }
}

}  // namespace fader::cholesky

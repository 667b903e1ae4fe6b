// Linear equations by Gauss's elimination, to check cleverer ways against.
#pragma once
#include <cmath>
#include <utility>
#include <vector>

namespace fader::testing {

using Matrix = std::vector<std::vector<double>>;

inline Matrix diagonal(std::size_t d, double value) {
  Matrix out(d, std::vector<double>(d, 0.0));
  for (std::size_t i = 0; i < d; ++i) out[i][i] = value;
  return out;
}

inline void add_outer(Matrix& a, double factor, const std::vector<double>& x) {
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < x.size(); ++j) a[i][j] += factor * x[i] * x[j];
}

inline double dot(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

inline std::vector<double> times(const Matrix& a, const std::vector<double>& x) {
  std::vector<double> out;
  for (const auto& row : a) out.push_back(dot(row, x));
  return out;
}

/// a^-1 b.
inline std::vector<double> eliminate(Matrix a, std::vector<double> b) {
  const std::size_t d = b.size();
  for (std::size_t k = 0; k < d; ++k) {
    std::size_t best = k;
    for (std::size_t i = k; i < d; ++i)
      if (std::abs(a[i][k]) > std::abs(a[best][k])) best = i;
    std::swap(a[k], a[best]);
    std::swap(b[k], b[best]);
    for (std::size_t i = k + 1; i < d; ++i) {
      const double f = a[i][k] / a[k][k];
      for (std::size_t j = k; j < d; ++j) a[i][j] -= f * a[k][j];
      b[i] -= f * b[k];
    }
  }
  for (std::size_t k = d; k-- > 0;) {
    for (std::size_t j = k + 1; j < d; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

}  // namespace fader::testing

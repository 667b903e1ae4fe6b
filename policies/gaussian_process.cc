#include "policies/gaussian_process.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "policies/linear_algebra.h"

namespace fader {
namespace {

constexpr double kLeastNoise = 1e-6, kGreatestNoise = 100;  // against the signal
constexpr double kLeastSignal = 1e-9;                       // values that are all the same have none
constexpr double kFinestStep = 0.05;                        // of ln length and ln noise

double correlation(std::span<const double> x, std::span<const double> y, const std::vector<double>& length) {
  double square = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double z = (x[i] - y[i]) / length[i];
    square += z * z;
  }
  const double r = std::sqrt(5 * square);
  return (1 + r + r * r / 3) * std::exp(-r);
}

/// Lower triangle of the correlations plus `noise` on the diagonal.
Grid<double> correlations(const Grid<double>& x, const std::vector<double>& length, double noise) {
  Grid<double> out(x.rows(), x.rows(), 0.0);
  for (std::size_t i = 0; i < x.rows(); ++i) {
    for (std::size_t j = 0; j < i; ++j) out[i][j] = correlation(x[i], x[j], length);
    out[i][i] = 1 + noise;
  }
  return out;
}

double log_determinant(const Grid<double>& factor) {
  double out = 0;
  for (std::size_t i = 0; i < factor.rows(); ++i) out += 2 * std::log(factor[i][i]);
  return out;
}

/// What is searched: logarithms of the lengths (one, or one a coordinate) and of noise over signal, the last.
struct Likelihood {
  const Grid<double>& x;
  std::span<const double> y;

  std::vector<double> lengths(const std::vector<double>& at) const {
    std::vector<double> out(x.cols());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::exp(at[at.size() == 2 ? 0 : i]);
    return out;
  }
  /// The best signal for given correlations is known: y^T R^-1 y / N.
  double signal(const Grid<double>& factor) const {
    std::vector<double> z(y.begin(), y.end());
    solve_lower(factor, z);
    return std::max(kLeastSignal, std::inner_product(z.begin(), z.end(), z.begin(), 0.0) / static_cast<double>(y.size()));
  }
  double log_posterior(const std::vector<double>& at) const {
    const double ratio = std::exp(at.back());
    if (ratio < kLeastNoise || ratio > kGreatestNoise) return -std::numeric_limits<double>::infinity();
    Grid<double> factor = correlations(x, lengths(at), ratio);
    if (!cholesky(factor)) return -std::numeric_limits<double>::infinity();
    double out = -0.5 * (static_cast<double>(y.size()) * std::log(signal(factor)) + log_determinant(factor));
    const double centre = 0.5 * std::log(static_cast<double>(x.cols()));
    for (std::size_t i = 0; i + 1 < at.size(); ++i) out -= 0.5 * (at[i] - centre) * (at[i] - centre);
    return out;
  }
};

}  // namespace

GaussianProcess::GaussianProcess(Grid<double> x, std::vector<double> y, Kernel kernel)
    : x_(std::move(x)), kernel_(std::move(kernel)), solved_(std::move(y)) {
  FADER_CHECK(x_.rows() > 0 && x_.rows() == solved_.size() && kernel_.length.size() == x_.cols());
  for (;; kernel_.noise = std::max(10 * kernel_.noise, 1e-10 * kernel_.signal)) {
    factor_ = correlations(x_, kernel_.length, kernel_.noise / kernel_.signal);
    if (cholesky(factor_)) break;
  }
  for (double& l : factor_.view().flat()) l *= std::sqrt(kernel_.signal);
  solve_lower(factor_, solved_);
  const double fit = std::inner_product(solved_.begin(), solved_.end(), solved_.begin(), 0.0);
  solve_upper(factor_, solved_);
  log_likelihood_ =
      -0.5 * (fit + log_determinant(factor_) + static_cast<double>(solved_.size()) * std::log(2 * std::numbers::pi));
}

Posterior GaussianProcess::at(std::span<const double> x) const {
  std::vector<double> k(solved_.size());
  for (std::size_t i = 0; i < k.size(); ++i) k[i] = kernel_.signal * correlation(x_[i], x, kernel_.length);
  Posterior out;
  out.mean = std::inner_product(k.begin(), k.end(), solved_.begin(), 0.0);
  solve_lower(factor_, k);
  out.variance = std::max(0.0, kernel_.signal - std::inner_product(k.begin(), k.end(), k.begin(), 0.0));
  return out;
}

Kernel likely_kernel(const Grid<double>& x, std::span<const double> y, bool each) {
  const Likelihood likelihood{x, y};
  const double centre = 0.5 * std::log(static_cast<double>(x.cols()));
  std::vector<double> best;
  double greatest = -std::numeric_limits<double>::infinity();
  for (const double length : {-1.5, -0.5, 0.5, 1.5})
    for (const double noise : {-9.0, -6.0, -3.0, -1.0, 1.0}) {
      std::vector<double> at(each ? x.cols() + 1 : 2, centre + length);
      at.back() = noise;
      if (const double value = likelihood.log_posterior(at); best.empty() || value > greatest) {
        greatest = value;
        best = at;
      }
    }
  for (double step = 0.8; step > kFinestStep;) {
    bool better = false;
    for (std::size_t i = 0; i < best.size(); ++i)
      for (const double by : {step, -step}) {
        std::vector<double> at = best;
        at[i] += i + 1 == at.size() ? 2 * by : by;  // noise is known less well
        if (const double value = likelihood.log_posterior(at); value > greatest) {
          greatest = value;
          best = at;
          better = true;
        }
      }
    if (!better) step /= 2;
  }
  Kernel out{likelihood.lengths(best), kLeastSignal, 0};
  Grid<double> factor = correlations(x, out.length, std::exp(best.back()));
  if (cholesky(factor)) out.signal = likelihood.signal(factor);
  out.noise = std::exp(best.back()) * out.signal;
  return out;
}

}  // namespace fader

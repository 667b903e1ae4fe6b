#include "env/linear_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace fader {
namespace {

/// In place, of a positive definite matrix [d, d]; false where a pivot is not positive.
bool factor(std::vector<double>& a, std::size_t d) {
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * d + j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * d + k] * a[j * d + k];
      if (i == j && !(sum > 0)) return false;
      a[i * d + j] = i == j ? std::sqrt(sum) : sum / a[j * d + j];
    }
  return true;
}

}  // namespace

LinearFit::LinearFit(Grid<double> x, std::span<const double> y, std::span<const double> weight, double ridge)
    : x_(std::move(x)), y_(y.begin(), y.end()), share_(weight.begin(), weight.end()) {
  const std::size_t n = x_.rows(), d = x_.cols();
  FADER_CHECK(n == y_.size() && n == share_.size());
  const double total = std::accumulate(share_.begin(), share_.end(), 0.0);
  for (double& share : share_) share /= total;
  mean_.assign(d, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < d; ++k) mean_[k] += share_[i] * x_[i][k];
  std::vector<double> a(d * d, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < d; ++k) x_[i][k] -= mean_[k];
    for (std::size_t k = 0; k < d; ++k)
      for (std::size_t l = 0; l < d; ++l) a[k * d + l] += share_[i] * x_[i][k] * x_[i][l];
  }
  double trace = 0;
  for (std::size_t k = 0; k < d; ++k) trace += a[k * d + k];
  for (std::size_t k = 0; k < d; ++k) a[k * d + k] += ridge * trace / static_cast<double>(d);
  if (n < 2 || !(trace > 1e-24) || !factor(a, d)) return;
  factor_ = std::move(a);
  const double level = std::inner_product(y_.begin(), y_.end(), share_.begin(), 0.0);
  std::vector<double> moment(d, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < d; ++k) moment[k] += share_[i] * x_[i][k] * y_[i];
  const std::vector<double> slope = solved(moment);
  for (std::size_t i = 0; i < n; ++i) residual_.push_back(y_[i] - level - std::inner_product(slope.begin(), slope.end(), x_[i].begin(), 0.0));
}

std::vector<double> LinearFit::solved(std::span<const double> direction) const {
  const std::size_t d = mean_.size();
  std::vector<double> z(direction.begin(), direction.end());
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t k = 0; k < i; ++k) z[i] -= factor_[i * d + k] * z[k];
    z[i] /= factor_[i * d + i];
  }
  for (std::size_t i = d; i-- > 0;) {
    for (std::size_t k = i + 1; k < d; ++k) z[i] -= factor_[k * d + i] * z[k];
    z[i] /= factor_[i * d + i];
  }
  return z;
}

Estimate LinearFit::estimate(std::span<const double> direction, bool intercept) const {
  if (!sound()) return {};
  const std::vector<double> z = solved(direction);
  Estimate out{0, 0};
  for (std::size_t i = 0; i < y_.size(); ++i) {
    const double h = share_[i] * ((intercept ? 1 : 0) + std::inner_product(z.begin(), z.end(), x_[i].begin(), 0.0));
    out.value += h * y_[i];
    out.standard_error += std::pow(h * residual_[i], 2);
  }
  const double n = static_cast<double>(y_.size()), spare = n - 1 - static_cast<double>(mean_.size());
  out.standard_error = spare > 0 ? std::sqrt(n / spare * out.standard_error) : std::nan("");
  return out;
}

Estimate LinearFit::at(std::span<const double> x) const {
  std::vector<double> direction(x.begin(), x.end());
  for (std::size_t k = 0; k < direction.size(); ++k) direction[k] -= mean_[k];
  return estimate(direction, true);
}

Estimate LinearFit::along(std::span<const double> direction) const { return estimate(direction, false); }

}  // namespace fader

// Weighted ridge regression with an intercept, for a handful of features: what it predicts, with an error that supposes nothing of
// the noise. The intercept is not shrunk. Not for large problems: the features' matrix is factored once, in cubic time.
#pragma once
#include <span>
#include <vector>

#include "core/table.h"
#include "env/reward.h"

namespace fader {

class LinearFit {
 public:
  /// Rows of x [n, d] with y [n], each counted weight [n] > 0 times. `ridge` is a share of the mean variance of the features,
  /// S = sum_i w_i (x_i - m)(x_i - m)^T / W,   A = S + ridge tr(S) / d I,   slope = A^-1 sum_i w_i (x_i - m) y_i / W.
  LinearFit(Grid<double> x, std::span<const double> y, std::span<const double> weight, double ridge);

  /// Whether there is anything to tell from: two rows and more, not all alike.
  bool sound() const { return !factor_.empty(); }
  /// The value predicted at x [d], or the slope along a direction [d]: both are sums h_i y_i, and with the residuals e_i
  ///   var = n / (n - 1 - d) sum_i h_i^2 e_i^2
  /// (a sandwich: White 1980, "A heteroskedasticity-consistent covariance matrix estimator", Econometrica), NaN without rows to spare.
  /// NaN where not sound.
  Estimate at(std::span<const double> x) const;
  Estimate along(std::span<const double> direction) const;

 private:
  std::vector<double> solved(std::span<const double> direction) const;  // A^-1 direction
  Estimate estimate(std::span<const double> direction, bool intercept) const;

  Grid<double> x_;                       // centred
  std::vector<double> y_, share_, mean_; // share_: weight over W
  std::vector<double> residual_;
  std::vector<double> factor_;           // lower triangle of A's Cholesky factor, by rows
};

}  // namespace fader

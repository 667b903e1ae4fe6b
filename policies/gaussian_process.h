// A Gaussian process of mean zero with a Matern-5/2 kernel: what is known of a function from a few noisy values.
//   k(x, y) = signal (1 + sqrt(5) r + 5 r^2 / 3) exp(-sqrt(5) r),  r^2 = sum_i ((x_i - y_i) / length_i)^2
// Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, equations 4.17, 2.25, 2.26, 2.30.
// Thread-safe once made.
#pragma once
#include <span>
#include <vector>

#include "core/table.h"

namespace fader {

struct Kernel {
  std::vector<double> length;  ///< [d], positive
  double signal = 1;           ///< variance of the function
  double noise = 0;            ///< variance of a value about it
};

struct Posterior {
  double mean = 0, variance = 0;  ///< of the function, noise apart
};

class GaussianProcess {
 public:
  /// Values y [N] at x [N, d], N > 0. Where they lie so close that the kernel is singular to rounding, noise is added.
  GaussianProcess(Grid<double> x, std::vector<double> y, Kernel kernel);

  Posterior at(std::span<const double> x) const;
  double log_likelihood() const { return log_likelihood_; }
  const Kernel& kernel() const { return kernel_; }

 private:
  Grid<double> x_;
  Kernel kernel_;
  Grid<double> factor_;            // L of K + noise I
  std::vector<double> solved_;     // (K + noise I)^-1 y
  double log_likelihood_ = 0;
};

/// The kernel of the greatest likelihood times a prior on lengths, ln length ~ N(ln sqrt(d), 1): with few values likelihood alone
/// calls everything noise, or nothing. Coordinate search by halved steps from a small grid: deterministic. One length for all
/// coordinates unless `each`. y has a mean of zero and a variance of one, about.
Kernel likely_kernel(const Grid<double>& x, std::span<const double> y, bool each);

}  // namespace fader

// The distribution of CMA-ES and its update; what is searched, and how returns come about, is the caller's.
#pragma once
#include <span>
#include <vector>

#include "core/archive.h"
#include "core/table.h"

namespace fader {

class Cma {
 public:
  /// n > 0 numbers a candidate, population > 1 candidates a generation, mean at zero.
  Cma(std::size_t n, std::size_t population, double sigma);

  /// 4 + floor(3 ln n).
  static std::size_t default_population(std::size_t n);

  /// m + sigma C^(1/2) z; z is standard normal.
  void candidate(std::span<const double> z, std::span<double> out) const;
  /// One generation: candidates [population, n], what each returned (greater is better; of equals the earlier one is better).
  void update(Table<const double> candidates, std::span<const double> value);

  std::size_t population() const { return population_; }
  std::span<const double> mean() const { return mean_; }
  const Grid<double>& covariance() const { return covariance_; }
  double sigma() const { return sigma_; }
  std::int64_t generation() const { return generation_; }
  /// Longest over shortest axis of the distribution.
  double axis_ratio() const { return axis_ratio_; }

  void state(Archive& archive);

 private:
  void move_mean(std::span<const double> step);
  void adapt(Table<const double> y, std::span<const double> step);
  void decompose();

  const std::size_t n_, population_;
  std::vector<double> weights_;        // of the better half, sum one
  double mu_eff_ = 0, c_sigma_, d_sigma_, c_c_, c_1_, c_mu_, expected_norm_;

  std::vector<double> mean_, path_sigma_, path_c_;
  Grid<double> covariance_;            // [n, n]
  double sigma_;
  std::int64_t generation_ = 0;

  Grid<double> root_, inverse_root_;   // of the covariance: follow from it
  double axis_ratio_ = 1;
};

}  // namespace fader

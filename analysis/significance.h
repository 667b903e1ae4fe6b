// Tests of paired differences (one a seed) against "no difference", and the correction for asking many times.
//
//   paired t      t = mean / (sd / sqrt n), n - 1 degrees of freedom (Student 1908).
//   signed rank   Wilcoxon 1945, "Individual comparisons by ranking methods": zeros are dropped, the others ranked by size, equal
//                 sizes by their mean rank; the statistic is the smaller of the rank sums of either sign. p is exact, with ties
//                 too: under no difference each rank has either sign with probability 1/2, and the distribution of the sum is built
//                 rank by rank. The least p is 2^(1-n): five pairs cannot have p < 0.0625, six can have 0.03125. Above
//                 kExactWilcoxon pairs: normal approximation with the variance of tied ranks, without continuity correction.
//   Holm          1979, "A simple sequentially rejective multiple test procedure": the k-th smallest of m is multiplied by
//                 m - k + 1, is at least what the one before it became, and at most 1.
//
// Two-sided. Thread-safe.
// Status: equal to SciPy's and statsmodels' to 1e-9, ties to an enumeration of all signs (tests/analysis/significance_test.cc).
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "analysis/stats.h"

namespace fader::stats {

inline constexpr std::size_t kExactWilcoxon = 200;

/// NaN for fewer than two. Equal differences: 0, but 1 if they are zero; their interval is one point, which holds zero or not.
double paired_t_p(std::span<const double> differences);

struct Wilcoxon {
  double statistic = 0;
  double p = kNaN;        ///< NaN of no pairs; 1 when all differences are zero
  std::size_t used = 0;   ///< pairs whose difference is not zero
  bool exact = true;
};
Wilcoxon wilcoxon(std::span<const double> differences);

/// p adjusted for all of them, in the order given: below the level wherever Holm's procedure rejects at it. NaN stay NaN and do
/// not count as asked.
std::vector<double> holm(std::span<const double> p);

}  // namespace fader::stats

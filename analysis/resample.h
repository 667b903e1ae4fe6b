// Intervals by the bootstrap: what a statistic does when the runs at hand are drawn again, with replacement.
//
//   percentile     [q(a/2), q(1 - a/2)] of the statistic over the draws, a = 1 - confidence, quantiles between two draws
//                  linear (Efron 1979). For any statistic; too narrow for few runs, see below.
//   studentised    "bootstrap-t" (Efron 1981; Hall 1988, "Theoretical comparison of bootstrap confidence intervals"): of the
//                  mean. With m, s of the n numbers and m*, s* of a draw, t* = (m* - m) / (s* / sqrt n);
//                  [m - q(1 - a/2) s / sqrt n, m - q(a/2) s / sqrt n] with q of t*: equal tails.
//   stratified     percentile; runs are drawn anew within each task (Agarwal et al. 2021, "Deep RL at the edge of the
//                  statistical precipice", section 4.2).
//
// A draw without spread (all equal: one number n times, or ties) has no t*: unless its mean is m it counts as infinitely far
// on its side, since leaving it out would claim more than is known. Where a quantile falls on such draws the interval is not
// known. Without ties this happens below n = 4, at 95% and n = 4 rarely; with ties at n = 5 as well (scores of a few steps).
//
// Which to believe: analysis/README.md has the coverage of each at n = 5, 8 and 20, on known-answer environments and for
// normal and skewed numbers. In short, at 95% and 4,000 replications: of normal differences paired t holds the truth in 95%
// by construction, studentised in 95.8, 94.7, 94.4% at n = 5, 8, 20, percentile in 85.1, 88.3, 92.0%. Of skewed ones
// (gamma 4, exponential) studentised holds it in 94.0, 95.0, 95.4 and 92.1, 93.5, 94.5%, paired t in 93.1, 93.5, 94.4 and
// 88.1, 89.7, 91.5%. The symmetric bootstrap-t (quantile of |t*|) held 98.0% of normal ones at n = 5 and its width has a
// longer tail (99th percentile 54 standard errors against 34): equal tails are what stays within 93 to 97%.
//
// Every draw comes from the stream passed in: equal streams give equal intervals, to the bit. A stream is passed by value:
// the caller's is not moved. No numbers, or one where two are needed: an interval that is not known. Thread-safe.
#pragma once
#include <functional>

#include "analysis/aggregate.h"
#include "analysis/stats.h"
#include "core/rng.h"

namespace fader::stats {

struct Bootstrap {
  double confidence = 0.95;    ///< 0 < confidence < 1
  std::size_t draws = 10'000;  ///< positive; Monte-Carlo error of a bound falls as 1 / sqrt(draws)
};

using Statistic = std::function<double(std::span<const double>)>;

Interval percentile_bootstrap(std::span<const double> x, const Statistic& statistic, const Bootstrap& options, Rng stream);
/// Of the mean; the primary interval beside paired t. Equal numbers: the interval is their value.
Interval studentised_bootstrap(std::span<const double> x, const Bootstrap& options, Rng stream);

Interval stratified_bootstrap(const Scores& scores, const std::function<double(const Scores&)>& statistic,
                              const Bootstrap& options, Rng stream);
/// `x` and `y` are drawn independently of one another: for probability_of_improvement.
Interval stratified_bootstrap(const Scores& x, const Scores& y,
                              const std::function<double(const Scores&, const Scores&)>& statistic, const Bootstrap& options,
                              Rng stream);

/// The middle `confidence` of `values`, whose order is lost: quantiles (1 -+ confidence) / 2 between neighbours linear, as
/// numpy.quantile has them. Infinite values have their place at an end; not known where a quantile touches one, where there
/// is a NaN, or for no values.
Interval middle(std::vector<double>& values, double confidence);

}  // namespace fader::stats

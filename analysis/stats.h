// Statistics of few numbers: means over seeds, paired and unpaired differences, Student's t intervals.
//
// Nothing here draws random numbers or knows what the numbers are. NaN means "not defined for so few numbers": the SD and the
// interval of one number, the correlation with a constant. Inputs are finite. Thread-safe.
#pragma once
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace fader::stats {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Interval {
  double low = kNaN, high = kNaN;
  double width() const { return high - low; }
  bool known() const { return low <= high; }
  bool holds(double x) const { return low <= x && x <= high; }
};

double mean(std::span<const double> x);    ///< NaN of nothing
double sd(std::span<const double> x);      ///< of a sample (n - 1)
double median(std::span<const double> x);
/// Mean without the lowest and the highest floor(n / 4) numbers (Agarwal et al. 2021, "Deep RL at the edge of the
/// statistical precipice", section 4.3).
double interquartile_mean(std::span<const double> x);
/// Pearson's, of equally long lists.
double correlation(std::span<const double> x, std::span<const double> y);

/// Two-sided: P(|T| <= result) = confidence for Student's t; `freedom` > 0 need not be whole, 0 < confidence < 1.
double t_quantile(double confidence, double freedom);
/// Of the mean: mean +- t sd / sqrt(n), n - 1 degrees of freedom.
Interval t_interval(std::span<const double> x, double confidence);
/// Of mean(x) - mean(y) with unequal variances: degrees of freedom of Welch (1947) and Satterthwaite.
Interval welch_interval(std::span<const double> x, std::span<const double> y, double confidence);

/// x_i against y_i where i is what they share (a seed).
struct Paired {
  std::size_t n = 0;
  double difference = kNaN;   ///< mean of x_i - y_i
  double sd = kNaN;           ///< of the differences
  Interval interval;          ///< of `difference`, paired t
  double correlation = kNaN;  ///< of x and y: what pairing can live on
  Interval unpaired;          ///< Welch's, as if the pairs were not known
  double gain = kNaN;         ///< width of `unpaired` / width of `interval`; above 1: pairing helped
  std::size_t lower = 0, higher = 0;  ///< pairs with x_i < y_i, x_i > y_i
};
Paired paired(std::span<const double> x, std::span<const double> y, double confidence);

/// The share of `confidence` in words: "95%", "99.5%".
std::string percent(double confidence);

}  // namespace fader::stats

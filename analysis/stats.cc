#include "analysis/stats.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "core/error.h"

namespace fader::stats {
namespace {

/// Around the first number: equal numbers have exactly their mean and no spread.
double spread(std::span<const double> x, double center) {
  double sum = 0;
  for (const double v : x) sum += (v - center) * (v - center);
  return sum;
}

}  // namespace

double mean(std::span<const double> x) {
  if (x.empty()) return kNaN;
  double sum = 0;
  for (const double v : x) sum += v - x[0];
  return x[0] + sum / static_cast<double>(x.size());
}

double sd(std::span<const double> x) {
  if (x.size() < 2) return kNaN;
  return std::sqrt(spread(x, mean(x)) / static_cast<double>(x.size() - 1));
}

double median(std::span<const double> x) {
  if (x.empty()) return kNaN;
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
}

double interquartile_mean(std::span<const double> x) {
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t cut = sorted.size() / 4;
  return mean(std::span<const double>(sorted).subspan(cut, sorted.size() - 2 * cut));
}

double correlation(std::span<const double> x, std::span<const double> y) {
  FADER_CHECK_EQ(x.size(), y.size());
  if (x.size() < 2) return kNaN;
  const double mx = mean(x), my = mean(y);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += (x[i] - mx) * (y[i] - my);
  const double scale = std::sqrt(spread(x, mx)) * std::sqrt(spread(y, my));
  return scale > 0 ? std::clamp(sum / scale, -1.0, 1.0) : kNaN;
}

double t_quantile(double confidence, double freedom) {
  FADER_CHECK(confidence > 0 && confidence < 1 && freedom > 0, "confidence {}, {} degrees of freedom", confidence, freedom);
  return boost::math::quantile(boost::math::complement(boost::math::students_t(freedom), 0.5 * (1 - confidence)));
}

Interval t_interval(std::span<const double> x, double confidence) {
  if (x.size() < 2) return {};
  const double n = static_cast<double>(x.size()), m = mean(x);
  const double half = t_quantile(confidence, n - 1) * sd(x) / std::sqrt(n);
  return {m - half, m + half};
}

Interval welch_interval(std::span<const double> x, std::span<const double> y, double confidence) {
  if (x.size() < 2 || y.size() < 2) return {};
  const double nx = static_cast<double>(x.size()), ny = static_cast<double>(y.size());
  const double vx = sd(x) * sd(x) / nx, vy = sd(y) * sd(y) / ny;  // squared standard errors of the two means
  const double m = mean(x) - mean(y);
  if (vx + vy == 0) return {m, m};
  const double freedom = (vx + vy) * (vx + vy) / (vx * vx / (nx - 1) + vy * vy / (ny - 1));
  const double half = t_quantile(confidence, freedom) * std::sqrt(vx + vy);
  return {m - half, m + half};
}

Paired paired(std::span<const double> x, std::span<const double> y, double confidence) {
  FADER_CHECK_EQ(x.size(), y.size());
  std::vector<double> difference(x.size());
  Paired out;
  out.n = x.size();
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference[i] = x[i] - y[i];
    out.lower += difference[i] < 0;
    out.higher += difference[i] > 0;
  }
  out.difference = mean(difference);
  out.sd = sd(difference);
  out.interval = t_interval(difference, confidence);
  out.correlation = correlation(x, y);
  out.unpaired = welch_interval(x, y, confidence);
  if (out.interval.width() > 0) out.gain = out.unpaired.width() / out.interval.width();
  return out;
}

std::string percent(double confidence) { return fmt::format("{:.6g}%", 100 * confidence); }

}  // namespace fader::stats

#include "env/forecast.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace fader {
namespace {

constexpr std::size_t kLeastPoints = 4, kFalls = 3;

/// Least squares in e and b, neither negative.
LearningCurve curve_of(double a, std::span<const double> tokens, std::span<const double> loss) {
  const auto n = static_cast<double>(loss.size());
  LearningCurve curve{.last = tokens.back(), .a = a};
  std::vector<double> x;
  for (const double t : tokens) x.push_back(std::pow(t / curve.last, -a));
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(loss.begin(), loss.end(), 0.0) / n;
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (loss[i] - mean_y);
  }
  curve.b = xx > 0 ? std::max(0.0, xy / xx) : 0;
  curve.e = mean_y - curve.b * mean_x;
  if (curve.e < 0) {
    curve.e = 0;
    const double xy_alone = std::inner_product(x.begin(), x.end(), loss.begin(), 0.0);
    curve.b = std::max(0.0, xy_alone / std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
  }
  for (std::size_t i = 0; i < x.size(); ++i) curve.squares += std::pow(loss[i] - curve.e - curve.b * x[i], 2);
  return curve;
}

LearningCurve fit(std::span<const double> tokens, std::span<const double> loss) {
  constexpr int kGrid = 61, kSections = 80;
  const double low = std::log(0.01), step = (std::log(10.0) - low) / (kGrid - 1), golden = (std::sqrt(5.0) - 1) / 2;
  const auto at = [&](double log_a) { return curve_of(std::exp(log_a), tokens, loss); };
  int best = 0;
  double least = at(low).squares;
  for (int i = 1; i < kGrid; ++i)
    if (const double squares = at(low + step * i).squares; squares < least) best = i, least = squares;
  double left = low + step * std::max(best - 1, 0), right = low + step * std::min(best + 1, kGrid - 1);
  for (int i = 0; i < kSections; ++i) {
    const double x = right - golden * (right - left), y = left + golden * (right - left);
    if (at(x).squares < at(y).squares) right = y;
    else left = x;
  }
  return at((left + right) / 2);
}

}  // namespace

double LearningCurve::fall(double tokens) const { return b - b * std::pow(tokens / last, -a); }

std::optional<LearningCurve> Forecast::curve() const {
  if (loss_.size() < kLeastPoints) return std::nullopt;
  return fit(tokens_, loss_);
}

std::optional<double> Forecast::fall(double tokens) const {
  if (falls_.empty()) return std::nullopt;
  if (const auto fitted = curve()) return fitted->fall(tokens);
  return std::accumulate(falls_.begin(), falls_.end(), 0.0) / static_cast<double>(falls_.size());
}

void Forecast::add(double tokens, double loss, double fall) {
  if (falls_.size() == kFalls) falls_.erase(falls_.begin());
  falls_.push_back(fall);
  tokens_.push_back(tokens);
  loss_.push_back(loss);
}

void Forecast::state(Archive& archive) {
  archive.field("tokens", tokens_);
  archive.field("loss", loss_);
  archive.field("falls", falls_);
  const auto finite = [](double x) { return std::isfinite(x); };
  archive.expect(tokens_.size() == loss_.size() && falls_.size() == std::min(kFalls, loss_.size()) && std::ranges::all_of(loss_, finite) &&
                     std::ranges::all_of(falls_, finite) &&
                     std::ranges::all_of(tokens_, [](double n) { return n > 0 && std::isfinite(n); }) && std::ranges::is_sorted(tokens_),
                 "a learning curve");
}

}  // namespace fader

#include "policies/power_law.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/error.h"
#include "policies/linear_algebra.h"

namespace fader {
namespace {

constexpr std::size_t kLeastPoints = 4, kStarts = 2;
constexpr double kDelta = 1e-3, kPenalty = 1;
constexpr int kSteps = 60;
constexpr double kSettled = 1e-7;  // relative change of the cost

using Point = std::array<double, 3>;  // ln b, ln e, a

double huber(double r) { return std::abs(r) > kDelta ? kDelta * (std::abs(r) - 0.5 * kDelta) : 0.5 * r * r; }

struct Fit {
  std::vector<double> log_n, log_loss;
  Point low, high;

  /// ln law at moment i, and the part of it that falls: d/d(ln b).
  std::pair<double, double> law(const Point& p, std::size_t i) const {
    const double falling = std::exp(p[0] - p[2] * log_n[i]), rest = std::exp(p[1]);
    return {std::log(falling + rest), falling / (falling + rest)};
  }
  double beyond(const Point& p, std::size_t j) const { return p[j] - std::clamp(p[j], low[j], high[j]); }
  double cost(const Point& p) const {
    double out = 0;
    for (std::size_t i = 0; i < log_n.size(); ++i) out += huber(law(p, i).first - log_loss[i]);
    for (std::size_t j = 0; j < p.size(); ++j) out += 0.5 * kPenalty * beyond(p, j) * beyond(p, j);
    return out;
  }
  /// Gauss-Newton: slope [3] and curvature [3, 3] of the cost.
  void slopes(const Point& p, Point& slope, Grid<double>& curvature) const {
    slope = {};
    curvature.resize(3, 3, 0);
    for (std::size_t i = 0; i < log_n.size(); ++i) {
      const auto [log_law, share] = law(p, i);
      const double r = log_law - log_loss[i], weight = std::abs(r) > kDelta ? kDelta / std::abs(r) : 1;
      const Point d = {share, 1 - share, -share * log_n[i]};
      for (std::size_t j = 0; j < 3; ++j) {
        slope[j] += weight * r * d[j];
        for (std::size_t k = 0; k <= j; ++k) curvature[j][k] += weight * d[j] * d[k];
      }
    }
    for (std::size_t j = 0; j < 3; ++j)
      if (const double out = beyond(p, j); out != 0) {
        slope[j] += kPenalty * out;
        curvature[j][j] += kPenalty;
      }
  }
};

/// The e and b that fit best for a given exponent, by least squares of law / loss - 1.
Point start(const Fit& fit, double a) {
  double xx = 0, x1 = 0, one = 0, sx = 0, s1 = 0;
  for (std::size_t i = 0; i < fit.log_n.size(); ++i) {
    const double w = std::exp(-fit.log_loss[i]), x = std::exp(-a * fit.log_n[i]) * w;
    xx += x * x;
    x1 += x * w;
    one += w * w;
    sx += x;
    s1 += w;
  }
  const double least_b = std::exp(fit.low[0]), least_e = std::exp(fit.low[1]);
  const double determinant = xx * one - x1 * x1;
  double b = determinant > 0 ? (sx * one - s1 * x1) / determinant : 0;
  double e = (s1 - b * x1) / one;
  if (!(e >= least_e)) {
    e = least_e;
    b = (sx - e * x1) / xx;
  }
  if (!(b >= least_b)) {
    b = least_b;
    e = std::max(least_e, (s1 - b * x1) / one);
  }
  return {std::log(b), std::log(e), a};
}

Point refined(const Fit& fit, Point p) {
  double cost = fit.cost(p), damping = 1e-3;
  Point slope;
  Grid<double> curvature;
  for (int step = 0; step < kSteps && damping < 1e12; ++step) {
    fit.slopes(p, slope, curvature);
    for (std::size_t j = 0; j < 3; ++j) curvature[j][j] += damping * (curvature[j][j] + 1e-9);
    Point by = slope;
    if (cholesky(curvature)) {
      solve_lower(curvature, by);
      solve_upper(curvature, by);
      const Point next = {p[0] - by[0], p[1] - by[1], p[2] - by[2]};
      if (const double found = fit.cost(next); found < cost) {
        const bool settled = cost - found < kSettled * cost;
        p = next;
        cost = found;
        damping *= 0.2;
        if (settled) break;
        continue;
      }
    }
    damping *= 6;
  }
  return p;
}

}  // namespace

std::optional<PowerLaw> fit_power_law(std::span<const double> n, std::span<const double> loss) {
  FADER_CHECK_EQ(n.size(), loss.size());
  if (n.size() < kLeastPoints) return {};
  Fit fit;
  for (std::size_t i = 0; i < n.size(); ++i) {
    FADER_CHECK(n[i] > 0 && loss[i] > 0 && std::isfinite(n[i]) && std::isfinite(loss[i]), "loss {} at {}", loss[i], n[i]);
    fit.log_n.push_back(std::log(n[i]));
    fit.log_loss.push_back(std::log(loss[i]));
  }
  const auto [least, greatest] = std::minmax_element(fit.log_loss.begin(), fit.log_loss.end());
  fit.low = {*least - 12, *least + std::log(0.01), 0.001};
  fit.high = {*greatest + 0.8 * fit.log_n.front() + 1, *greatest + 1, 0.8};
  std::vector<std::pair<double, Point>> tried;
  for (const double a : {0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8}) {
    const Point p = start(fit, a);
    tried.emplace_back(fit.cost(p), p);
  }
  std::stable_sort(tried.begin(), tried.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  tried.resize(kStarts);
  for (auto& [cost, p] : tried) {
    p = refined(fit, p);
    cost = fit.cost(p);
  }
  const Point& best = tried[0].first <= tried[1].first ? tried[0].second : tried[1].second;
  if (!std::isfinite(best[0] + best[1] + best[2])) return {};
  return PowerLaw{std::exp(best[1]), std::exp(best[0]), best[2]};
}

}  // namespace fader

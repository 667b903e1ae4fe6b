#include "env/convex.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace fader {
namespace {

constexpr int kMostSteps = 100000, kHalvings = 100;

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void mix_points(const Grid<double>& points, std::span<const double> share, std::vector<double>& at) {
  std::fill(at.begin(), at.end(), 0.0);
  for (std::size_t i = 0; i < share.size(); ++i)
    for (std::size_t j = 0; j < at.size(); ++j) at[j] += share[i] * points[i][j];
}

// How far along `direction`, at most `longest`, the function falls: the zero of its slope, which grows.
double step_length(const Convex& f, std::span<const double> from, std::span<const double> direction, double longest) {
  std::vector<double> at(from.size()), gradient(from.size());
  const auto falls = [&](double step) {
    for (std::size_t j = 0; j < at.size(); ++j) at[j] = from[j] + step * direction[j];
    f(at, gradient);
    return dot(gradient, direction) < 0;
  };
  if (falls(longest)) return longest;
  double low = 0, high = longest;
  for (int i = 0; i < kHalvings && high - low > 1e-16 * longest; ++i) {
    const double middle = 0.5 * (low + high);
    (falls(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace

HullMinimum least_in_hull(const Convex& f, const Grid<double>& points, std::vector<double> share, double gap) {
  const std::size_t n = points.rows(), d = points.cols();
  FADER_CHECK(n > 0 && share.size() == n, "{} shares of {} points", share.size(), n);
  HullMinimum out{std::move(share), std::vector<double>(d), std::vector<double>(d), 0, 0};
  std::vector<double> liked(n), direction(d);
  for (int step = 0; step < kMostSteps; ++step) {
    mix_points(points, out.share, out.at);
    out.value = f(out.at, out.gradient);
    std::size_t best = 0, worst = n;
    for (std::size_t i = 0; i < n; ++i) {
      liked[i] = dot(out.gradient, points[i]);
      if (liked[i] < liked[best]) best = i;
      if (out.share[i] > 0 && (worst == n || liked[i] > liked[worst])) worst = i;
    }
    out.gap = dot(out.share, liked) - liked[best];
    if (out.gap <= gap) return out;
    for (std::size_t j = 0; j < d; ++j) direction[j] = points[best][j] - points[worst][j];
    const double moved = step_length(f, out.at, direction, out.share[worst]);
    out.share[best] += moved;
    out.share[worst] = moved == out.share[worst] ? 0 : out.share[worst] - moved;
  }
  throw RunError(
      fmt::format("the optimum is not found to {} after {} steps: {} are left to gain; expected a smooth convex function", gap,
                  kMostSteps, out.gap));
}

}  // namespace fader

#include "policies/simplex.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "core/error.h"

namespace fader::simplex {
namespace {

double sum(std::span<const double> w) { return std::accumulate(w.begin(), w.end(), 0.0); }

}  // namespace

bool is_on(std::span<const double> w, double tolerance) {
  for (const double x : w)
    if (!(x >= 0) || !std::isfinite(x)) return false;
  return !w.empty() && std::abs(sum(w) - 1) <= tolerance;
}

void normalise(std::span<double> w) {
  for (const double x : w) FADER_CHECK(x >= 0 && std::isfinite(x), "component {}", x);
  const double total = sum(w);
  FADER_CHECK(total > 0 && std::isfinite(total), "sum {}", total);
  for (double& x : w) x /= total;
}

void project(std::span<double> w) {
  FADER_CHECK(!w.empty());
  const double top = *std::max_element(w.begin(), w.end());
  std::vector<double> sorted(w.begin(), w.end());
  for (double& x : sorted) {
    FADER_CHECK(std::isfinite(x), "component {}", x);
    x -= top;  // a common shift changes nothing, and keeps large inputs exact where it matters
  }
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double total = 0, shift = 0;
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    total += sorted[k];
    const double candidate = (total - 1) / static_cast<double>(k + 1);
    if (sorted[k] <= candidate) break;  // the k + 1 largest cannot all stay above zero
    shift = candidate;
  }
  for (double& x : w) x = std::max(x - top - shift, 0.0);
  normalise(w);
}

void mix(std::span<double> w, double share) {
  FADER_CHECK(share >= 0 && share <= 1, "share {}", share);
  const double each = share / static_cast<double>(w.size());
  for (double& x : w) x = (1 - share) * x + each;
}

void floor(std::span<double> w, double least) {
  FADER_CHECK(least >= 0 && !w.empty());
  const double share = least * static_cast<double>(w.size());
  FADER_CHECK(share <= 1 + 1e-12, "{} components of at least {}", w.size(), least);
  mix(w, std::min(share, 1.0));
  for (double& x : w) x = std::max(x, least);
  double& largest = *std::max_element(w.begin(), w.end());
  largest = std::max(least, largest + (1 - sum(w)));  // rounding goes where there is room
}

double entropy(std::span<const double> w) {
  double total = 0;
  for (const double x : w)
    if (x > 0) total -= x * std::log(x);
  return total;
}

}  // namespace fader::simplex

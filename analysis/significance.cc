#include "analysis/significance.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

namespace fader::stats {
namespace {

/// Twice the ranks of |x|, so that the mean ranks of ties are whole; in ascending order, with the sign of x.
std::vector<long> signed_double_ranks(std::vector<double> x) {
  std::sort(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  std::vector<long> ranks(x.size());
  for (std::size_t first = 0, last; first < x.size(); first = last) {
    for (last = first; last < x.size() && std::abs(x[last]) == std::abs(x[first]); ++last) {
    }
    for (std::size_t i = first; i < last; ++i) ranks[i] = (x[i] < 0 ? -1 : 1) * static_cast<long>(first + 1 + last);
  }
  return ranks;
}

/// P(sum of the ranks that drew a plus <= `most`), each with probability 1/2.
double share_of_sums(std::span<const long> ranks, long most) {
  long total = 0;
  for (const long r : ranks) total += std::abs(r);
  std::vector<double> share(static_cast<std::size_t>(total) + 1, 0.0);
  share[0] = 1;
  long reached = 0;
  for (const long r : ranks) {
    const long rank = std::abs(r);
    reached += rank;
    for (long sum = reached; sum >= 0; --sum) {
      const auto s = static_cast<std::size_t>(sum);
      share[s] = 0.5 * (share[s] + (sum >= rank ? share[s - static_cast<std::size_t>(rank)] : 0.0));
    }
  }
  return std::accumulate(share.begin(), share.begin() + most + 1, 0.0);
}

/// Of the smaller rank sum, by the normal distribution.
double share_of_sums_normal(std::span<const long> ranks, long smaller) {
  double total = 0, squares = 0;
  for (const long r : ranks) {
    total += static_cast<double>(std::abs(r));
    squares += static_cast<double>(r) * static_cast<double>(r);
  }
  const double z = (static_cast<double>(smaller) - 0.5 * total) / (0.5 * std::sqrt(squares));
  return boost::math::cdf(boost::math::normal(), z);
}

}  // namespace

double paired_t_p(std::span<const double> differences) {
  if (differences.size() < 2) return kNaN;
  const double n = static_cast<double>(differences.size()), m = mean(differences), error = sd(differences) / std::sqrt(n);
  if (error == 0) return m == 0 ? 1 : 0;
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(n - 1), std::abs(m / error)));
}

Wilcoxon wilcoxon(std::span<const double> differences) {
  if (differences.empty()) return {};
  std::vector<double> x;
  std::copy_if(differences.begin(), differences.end(), std::back_inserter(x), [](double d) { return d != 0; });
  Wilcoxon out{0, 1, x.size(), x.size() <= kExactWilcoxon};
  if (x.empty()) return out;
  const std::vector<long> ranks = signed_double_ranks(x);
  long plus = 0, minus = 0;
  for (const long r : ranks) (r > 0 ? plus : minus) += std::abs(r);
  const long smaller = std::min(plus, minus);
  out.statistic = 0.5 * static_cast<double>(smaller);
  out.p = std::min(1.0, 2 * (out.exact ? share_of_sums(ranks, smaller) : share_of_sums_normal(ranks, smaller)));
  return out;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size(), kNaN);
  double least = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    least = std::max(least, std::min(1.0, static_cast<double>(order.size() - k) * p[order[k]]));
    adjusted[order[k]] = least;
  }
  return adjusted;
}

}  // namespace fader::stats

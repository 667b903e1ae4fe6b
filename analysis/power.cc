#include "analysis/power.h"

#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/tools/roots.hpp>
#include <cmath>

#include "analysis/stats.h"
#include "core/error.h"

namespace fader::stats {
namespace {

/// `shift`: the noncentrality, not negative.
double power_at(std::size_t n, double shift, double confidence) {
  const double freedom = static_cast<double>(n - 1), bound = t_quantile(confidence, freedom);
  // The distribution's series fail far out. There |T| <= bound needs a normal number 9 below 0 or a chi / sqrt(freedom) above 9.
  if (shift > 9 * (1 + bound)) return 1;
  const boost::math::non_central_t t(freedom, shift);
  return boost::math::cdf(boost::math::complement(t, bound)) + boost::math::cdf(t, -bound);
}

}  // namespace

double power_paired(std::size_t n, double sd, double effect, double confidence) {
  FADER_CHECK(!(sd < 0), "a standard deviation of {}", sd);
  if (n < 2 || std::isnan(sd) || std::isnan(effect) || (sd == 0 && effect == 0)) return kNaN;
  if (sd == 0) return 1;
  return power_at(n, std::abs(effect) / sd * std::sqrt(static_cast<double>(n)), confidence);
}

std::size_t seeds_needed(double sd, double effect, double confidence, double power) {
  FADER_CHECK(power > 0 && power < 1, "power {}", power);
  const auto enough = [&](std::size_t n) { return power_paired(n, sd, effect, confidence) >= power; };
  if (enough(2)) return 2;
  if (!enough(kMostSeeds)) return 0;
  std::size_t few = 2, many = kMostSeeds;  // power rises with n
  while (many - few > 1) {
    const std::size_t half = few + (many - few) / 2;
    (enough(half) ? many : few) = half;
  }
  return many;
}

double smallest_effect(std::size_t n, double sd, double confidence, double power) {
  FADER_CHECK(power > 0 && power < 1, "power {}", power);
  FADER_CHECK(!(sd < 0), "a standard deviation of {}", sd);
  if (n < 2 || std::isnan(sd)) return kNaN;
  if (power <= 1 - confidence) return 0;
  const auto lacking = [&](double shift) { return power_at(n, shift, confidence) - power; };
  double high = 1;
  while (lacking(high) < 0) high *= 2;
  std::uintmax_t steps = 200;
  const auto [low, found] = boost::math::tools::toms748_solve(lacking, 0.0, high, boost::math::tools::eps_tolerance<double>(48), steps);
  return 0.5 * (low + found) * sd / std::sqrt(static_cast<double>(n));
}

}  // namespace fader::stats

// The densities of policies/simplex.h: logistic-normal and Dirichlet. Formulas: Aitchison and Shen (1980) for the first; the second's
// are those of the exponential family with sufficient statistics ln a_k.
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "policies/simplex.h"

namespace fader::simplex {
namespace {

constexpr double kLeastDrawn = 1e-12;

double sum(std::span<const double> w) { return std::accumulate(w.begin(), w.end(), 0.0); }
double digamma(double x) { return boost::math::digamma(x); }
double trigamma(double x) { return boost::math::trigamma(x); }

/// ln(1 + sum_k exp(u_k)), minus which is the logarithm of the last component of squash(u).
double log_total(std::span<const double> u) {
  double top = 0, total = 0;
  for (const double x : u) top = std::max(top, x);
  for (const double x : u) total += std::exp(x - top);
  return top + std::log(total + std::exp(-top));
}

}  // namespace

double floor_log_density(std::size_t k, double least) {
  return -static_cast<double>(k - 1) * std::log1p(-static_cast<double>(k) * least);
}

double greatest_entropy(std::size_t k) { return -std::lgamma(static_cast<double>(k)); }

void squash(std::span<const double> u, std::span<double> a) {
  FADER_CHECK_EQ(u.size() + 1, a.size());
  double top = 0;
  for (const double x : u) top = std::max(top, x);
  for (std::size_t k = 0; k < u.size(); ++k) a[k] = std::exp(u[k] - top);
  a.back() = std::exp(-top);
  normalise(a);
}

void unsquash(std::span<const double> a, std::span<double> u) {
  for (std::size_t k = 0; k < u.size(); ++k) u[k] = std::log(a[k] / a.back());
}

void squash_slope(std::span<const double> a, std::span<const double> by_a, std::span<double> by_u) {
  const double mean = std::inner_product(a.begin(), a.end(), by_a.begin(), 0.0);
  for (std::size_t k = 0; k < by_u.size(); ++k) by_u[k] = a[k] * (by_a[k] - mean);
}

namespace logistic_normal {

void sample(Parameters p, Rng& rng, std::span<double> u) {
  for (std::size_t k = 0; k < u.size(); ++k) u[k] = p.mean[k] + std::exp(p.log_sigma[k]) * rng.normal();
}

double log_density(Parameters p, std::span<const double> u) {
  double total = static_cast<double>(u.size() + 1) * log_total(u);  // minus the sum of ln a_k, with the u_k below
  for (std::size_t k = 0; k < u.size(); ++k) {
    const double z = (u[k] - p.mean[k]) * std::exp(-p.log_sigma[k]);
    total -= u[k] + 0.5 * z * z + p.log_sigma[k] + 0.5 * std::log(2 * std::numbers::pi);
  }
  return total;
}

void log_density_slope(Parameters p, std::span<const double> u, double scale, Slope out) {
  for (std::size_t k = 0; k < u.size(); ++k) {
    const double precision = std::exp(-p.log_sigma[k]), z = (u[k] - p.mean[k]) * precision;
    out.mean[k] += scale * z * precision;
    out.log_sigma[k] += scale * (z * z - 1);
  }
}

double entropy(Parameters p) {
  return sum(p.log_sigma) + 0.5 * static_cast<double>(p.mean.size()) * (1 + std::log(2 * std::numbers::pi));
}

void entropy_slope(double scale, Slope out) {
  for (double& x : out.log_sigma) x += scale;
}

double divergence(Parameters p, Parameters q) {
  double total = 0;
  for (std::size_t k = 0; k < p.mean.size(); ++k) {
    const double z = (p.mean[k] - q.mean[k]) * std::exp(-q.log_sigma[k]), ratio = p.log_sigma[k] - q.log_sigma[k];
    total += 0.5 * (z * z + std::expm1(2 * ratio)) - ratio;
  }
  return total;
}

}  // namespace logistic_normal

namespace dirichlet {

void sample(std::span<const double> c, Rng& rng, std::span<double> a) {
  for (std::size_t k = 0; k < a.size(); ++k) a[k] = rng.gamma(c[k]);
  double total = sum(a);
  if (total == 0) std::ranges::fill(a, total = 1);  // tiny concentrations
  for (double& x : a) x = std::max(x / total, kLeastDrawn);
  normalise(a);
}

double log_density(std::span<const double> c, std::span<const double> a) {
  double total = std::lgamma(sum(c));
  for (std::size_t k = 0; k < c.size(); ++k) total += (c[k] - 1) * std::log(a[k]) - std::lgamma(c[k]);
  return total;
}

void log_density_slope(std::span<const double> c, std::span<const double> a, double scale, std::span<double> out) {
  const double all = digamma(sum(c));
  for (std::size_t k = 0; k < c.size(); ++k) out[k] += scale * (all - digamma(c[k]) + std::log(a[k]));
}

double entropy(std::span<const double> c) {
  const double all = sum(c);
  double total = (all - static_cast<double>(c.size())) * digamma(all) - std::lgamma(all);
  for (const double x : c) total += std::lgamma(x) - (x - 1) * digamma(x);
  return total;
}

void entropy_slope(std::span<const double> c, double scale, std::span<double> out) {
  const double all = sum(c), common = (all - static_cast<double>(c.size())) * trigamma(all);
  for (std::size_t k = 0; k < c.size(); ++k) out[k] += scale * (common - (c[k] - 1) * trigamma(c[k]));
}

double divergence(std::span<const double> c, std::span<const double> q) {
  const double all = digamma(sum(c));
  double total = std::lgamma(sum(c)) - std::lgamma(sum(q));
  for (std::size_t k = 0; k < c.size(); ++k) total += std::lgamma(q[k]) - std::lgamma(c[k]) + (c[k] - q[k]) * (digamma(c[k]) - all);
  return total;
}

}  // namespace dirichlet
}  // namespace fader::simplex

// Arithmetic on the probability simplex, over spans, in place.
//
// Inputs that break a stated condition are defects of the caller: what people wrote is checked where it is read.
// Thread-safe: no state. densities.cc holds what simplex.cc does not.
#pragma once
#include <span>

#include "core/rng.h"

namespace fader::simplex {

/// Non-negative, finite, sum within `tolerance` of one.
bool is_on(std::span<const double> w, double tolerance = 1e-12);

/// Divides by the sum; components are non-negative and finite, not all zero.
void normalise(std::span<double> w);

/// Nearest point of the simplex in Euclidean distance; any finite input.
/// Held, Wolfe and Crowder (1974), Mathematical Programming 6, section 3: shift all by one number, cut at zero.
void project(std::span<double> w);

/// (1 - share) w + share / K; share in [0, 1].
void mix(std::span<double> w, double share);

/// Mixes with the uniform point until every component is at least `least`, exactly, and the sum is one to rounding.
/// `w` is on the simplex and K least <= 1.
void floor(std::span<double> w, double least);

/// In nats; 0 ln 0 = 0. `w` is on the simplex.
double entropy(std::span<const double> w);

// Densities, all with respect to the first K - 1 components (the last follows), in nats. `slope` adds, times `scale`, the gradient by
// the parameters; it may not overlap them.

/// What `floor` adds to the log-density of w: it shrinks the simplex by 1 - K least in each of K - 1 directions.
double floor_log_density(std::size_t k, double least);

/// The greatest entropy that a density can have here, the uniform one's: -lgamma(K).
double greatest_entropy(std::size_t k);

/// softmax([u, 0]): u [K - 1] any finite numbers, a [K]. `squash_slope`: gradients by a become gradients by u.
/// `unsquash`: u of an a without zeros.
void squash(std::span<const double> u, std::span<double> a);
void unsquash(std::span<const double> a, std::span<double> u);
void squash_slope(std::span<const double> a, std::span<const double> by_a, std::span<double> by_u);

/// a = squash(u), u normal with independent components. Aitchison and Shen (1980), Biometrika 67, section 2. All [K - 1].
namespace logistic_normal {
struct Parameters {
  std::span<const double> mean, log_sigma;
};
struct Slope {
  std::span<double> mean, log_sigma;
};
void sample(Parameters p, Rng& rng, std::span<double> u);
/// Of a = squash(u), for the u that it came from.
double log_density(Parameters p, std::span<const double> u);
void log_density_slope(Parameters p, std::span<const double> u, double scale, Slope out);
/// Of u: that of a has no closed form.
double entropy(Parameters p);
void entropy_slope(double scale, Slope out);
/// Sum of p ln(p / q): the same for u and a.
double divergence(Parameters p, Parameters q);
}  // namespace logistic_normal

/// Parameters: the concentrations, [K], above zero and finite.
namespace dirichlet {
/// No component below 1e-12, so that the logarithms of all are numbers.
void sample(std::span<const double> c, Rng& rng, std::span<double> a);
double log_density(std::span<const double> c, std::span<const double> a);
void log_density_slope(std::span<const double> c, std::span<const double> a, double scale, std::span<double> out);
double entropy(std::span<const double> c);
void entropy_slope(std::span<const double> c, double scale, std::span<double> out);
double divergence(std::span<const double> c, std::span<const double> q);
}  // namespace dirichlet

}  // namespace fader::simplex

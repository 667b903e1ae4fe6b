// Arithmetic on the probability simplex, over spans, in place.
//
// Inputs that break a stated condition are defects of the caller: what people wrote is checked where it is read.
// Thread-safe: no state.
#pragma once
#include <span>

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

}  // namespace fader::simplex

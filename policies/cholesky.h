// Symmetric positive definite matrices by their Cholesky factors, A = L L^T, for the few dozen numbers that a console sees.
//
// A and L are packed: the lower triangle by rows, d (d + 1) / 2 numbers, so that what is stored is symmetric whatever happens.
// Thread-safe: no state.
#pragma once
#include <cstddef>
#include <span>

namespace fader::cholesky {

constexpr std::size_t packed_size(std::size_t d) { return d * (d + 1) / 2; }

/// A becomes s A + x x^T.
void add_outer(std::span<double> a, double s, std::span<const double> x);

/// x^T A x.
double quadratic(std::span<const double> a, std::span<const double> x);

/// L of A + ridge I. True if A is non-negative definite to rounding, all finite. A pivot is at least the ridge, which is what it
/// would be but for rounding: L is a factor of something positive definite whatever is returned, if A is finite.
bool factor(std::span<const double> a, double ridge, std::span<double> l, std::size_t d);

/// L becomes the factor of L L^T + x x^T; x is used up. Never loses definiteness: pivots only grow.
void update(std::span<double> l, std::span<double> x);

/// x becomes L^-1 x, or L^-T x.
void solve_lower(std::span<const double> l, std::span<double> x);
void solve_upper(std::span<const double> l, std::span<double> x);

}  // namespace fader::cholesky

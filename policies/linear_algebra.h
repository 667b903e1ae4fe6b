// Symmetric matrices, some hundred rows at most: whole ones, and packed ones that grow by a row of observations at a time.
// Thread-safe: no state.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "core/table.h"

namespace fader {

/// a = L L^T: L takes the place of the lower triangle of `a` [n, n] (the upper one is neither read nor written). False, and
/// a half-done `a`, where it is not positive definite to rounding.
bool cholesky(Grid<double>& a);
/// x <- L^-1 x.
void solve_lower(const Grid<double>& l, std::span<double> x);
/// x <- L^-T x.
void solve_upper(const Grid<double>& l, std::span<double> x);

struct Eigen {
  std::vector<double> values;  ///< [n], in no order
  Grid<double> vectors;        ///< [n, n]: column j belongs to values[j]
};
/// Of a symmetric matrix of finite numbers whose squares have a finite sum. Cyclic Jacobi rotations: Golub and Van Loan, Matrix
/// Computations, section 8.5.
Eigen symmetric_eigen(Grid<double> a);

}  // namespace fader

/// Symmetric positive definite matrices by their Cholesky factors, A = L L^T, for the few dozen numbers that a console sees. A and L are
/// packed: the lower triangle by rows, d (d + 1) / 2 numbers, so that what is stored is symmetric whatever happens.
namespace fader::packed {

constexpr std::size_t size(std::size_t d) { return d * (d + 1) / 2; }

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

}  // namespace fader::packed

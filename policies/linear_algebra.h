// Small dense symmetric matrices, some hundred rows at most. Thread-safe: no state.
#pragma once
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

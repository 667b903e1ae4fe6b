// Products of small row-major matrices and a few sums beside them, for the networks of learned consoles.
//
// Every number is one sum in one order, whatever the other rows, the instruction set and the machine: a row of a batch gets
// bitwise what it gets alone, and equal seeds give equal bits everywhere. No threads, nothing global. At 64 x 64 x 64 this is
// about as fast as the BLAS that LibTorch brings, which promises none of this and starts threads of its own.
#pragma once
#include <span>

#include "core/table.h"

namespace fader {

/// What becomes of what c holds.
enum class Into { replace, add };

/// c = a b. a [m, k], b [k, n], c [m, n], which overlaps neither. Any of the sizes may be zero.
void multiply(Table<const float> a, Table<const float> b, Table<float> c, Into into);
/// c = a^T b. a [k, m].
void multiply_tn(Table<const float> a, Table<const float> b, Table<float> c, Into into);
/// c = a b^T. b [n, k].
void multiply_nt(Table<const float> a, Table<const float> b, Table<float> c, Into into);

/// c[j] += sum over rows of a[i][j].
void add_columns(Table<const float> a, std::span<float> c);

double sum_of_squares(std::span<const float> x);

/// first = keep first + (1 - keep) g, second alike of g^2, out = theta - rate first / (unbias sqrt(second) + epsilon).
struct Adam {
  float keep_first, keep_second, rate, unbias, epsilon;
};
void moving_step(const Adam& how, std::span<const float> gradient, std::span<float> first, std::span<float> second,
                 std::span<const float> theta, std::span<float> out);

/// Within 2e-7 of the hyperbolic tangent; infinities give one. In place.
void hyperbolic_tangent(std::span<float> x);

}  // namespace fader

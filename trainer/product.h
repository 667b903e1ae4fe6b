// Products of matrices, row-major, on the calling thread. Sums of bfloat16 products are float32 inside, and rounded once.
#pragma once
#include <cstdint>

#include "trainer/half.h"

namespace fader {

/// A matrix somewhere in memory, perhaps to be read transposed. T: float, double or Half.
template <class T>
struct Matrix {
  const T* data;
  std::int64_t rows, cols;  ///< as stored
  bool transposed = false;
};

/// c = a b, or c += a b when `add`. c: row-major [rows of a, columns of b], not overlapping a or b. Out: T or Wide<T>. Half is not
/// added to.
template <class T, class Out>
void product(const Matrix<T>& a, const Matrix<T>& b, Out* c, bool add = false);

/// LibTorch's products stay on the thread that calls them, from now on: sums in one order, and one model per core. For the calling
/// thread only: every thread that multiplies says it for itself.
void keep_to_one_thread();

}  // namespace fader

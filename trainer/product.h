// Products of float32 matrices, row-major, by LibTorch's BLAS on one thread.
#pragma once
#include <cstdint>

namespace fader {

/// A matrix somewhere in memory, perhaps to be read transposed.
struct Operand {
  const float* data;
  std::int64_t rows, cols;  ///< as stored
  bool transposed = false;
};

/// c = a b, or c += a b when `add`. c: row-major [rows of a, columns of b], not overlapping a or b.
void product(const Operand& a, const Operand& b, float* c, bool add = false);

/// Products and all else of LibTorch's in this process stay on the calling thread: sums in one order, and one model per core.
void keep_to_one_thread();

}  // namespace fader

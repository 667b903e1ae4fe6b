// float32 and float64: the BLAS that LibTorch brings, called as it is, since a tensor for every operand would be made anew in
// every step. bfloat16: our own where the processor has AVX512-BF16 and no AMX (product_avx512.h), else LibTorch's, which is oneDNN's.
#include "trainer/product.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "trainer/buffer.h"
#include "trainer/kernels.h"
#include "trainer/product_avx512.h"

extern "C" {
void sgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const float* alpha, const float* a,
            const int* lda, const float* b, const int* ldb, const float* beta, float* c, const int* ldc);
void dgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const double* alpha, const double* a,
            const int* lda, const double* b, const int* ldb, const double* beta, double* c, const int* ldc);
}

namespace fader {
namespace {

int size_of(std::int64_t n) {
  FADER_CHECK(n <= std::numeric_limits<int>::max(), "a matrix of {} rows or columns", n);
  return static_cast<int>(n);
}

// BLAS counts by columns: a row-major c = a b is its c^T = b^T a^T.
template <class T, class Gemm>
void blas(const Gemm& gemm, const Matrix<T>& a, const Matrix<T>& b, T* c, bool add) {
  const int rows = size_of(a.transposed ? a.cols : a.rows), inner = size_of(a.transposed ? a.rows : a.cols);
  const int columns = size_of(b.transposed ? b.rows : b.cols), a_row = size_of(a.cols), b_row = size_of(b.cols);
  const T one = 1, old = add ? T(1) : T(0);
  gemm(b.transposed ? "T" : "N", a.transposed ? "T" : "N", &columns, &rows, &inner, &one, b.data, &b_row, a.data, &a_row, &old, c, &columns);
}

at::Tensor view(const Matrix<Half>& m) {
  Half* data = const_cast<Half*>(m.data);  // LibTorch knows no tensors of const numbers; operands are only read
  if (m.transposed) return at::from_blob(data, {m.cols, m.rows}, {1, m.cols}, at::kBFloat16);
  return at::from_blob(data, {m.rows, m.cols}, {m.cols, 1}, at::kBFloat16);
}

}  // namespace

template <>
void product(const Matrix<float>& a, const Matrix<float>& b, float* c, bool add) {
  blas(sgemm_, a, b, c, add);
}

template <>
void product(const Matrix<double>& a, const Matrix<double>& b, double* c, bool add) {
  blas(dgemm_, a, b, c, add);
}

template <>
void product(const Matrix<Half>& a, const Matrix<Half>& b, Half* c, bool add) {
  FADER_CHECK(!add, "sums in bfloat16");
  if (avx512::here()) return avx512::product(a, b, c);
  const c10::InferenceMode no_autograd;
  const at::Tensor left = view(a), right = view(b);
  at::Tensor out = at::from_blob(c, {left.size(0), right.size(1)}, at::kBFloat16);
  at::mm_out(out, left, right);
}

template <>
void product(const Matrix<Half>& a, const Matrix<Half>& b, float* c, bool add) {
  if (avx512::here()) return avx512::product(a, b, c, add);
  const std::int64_t n = (a.transposed ? a.cols : a.rows) * (b.transposed ? b.rows : b.cols);
  thread_local Buffer<Half> rounded;
  Half* out = at_least(rounded, n);
  product(a, b, out);
  if (!add) std::fill_n(c, n, 0.0f);
  kernels::add(out, n, c);
}

void keep_to_one_thread() { at::set_num_threads(1); }

}  // namespace fader

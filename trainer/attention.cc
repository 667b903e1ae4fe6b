// Causal attention for short segments: everything that a head needs of one segment fits the first-level cache, so the
// products are small loops over blocks of four rows by sixteen columns that stop at the diagonal.
//
// Forward, per head:  S = Q K^T / sqrt(head), P = softmax of each row up to the diagonal, O = P V.
// Backward:           dV = P^T dO,  dP = dO V^T,  dS = P (dP - rowsum(P dP)),  dQ = dS K / sqrt(head),  dK = dS^T Q / sqrt(head).
#include <algorithm>
#include <cmath>

#include "trainer/kernels.h"
#include "trainer/lanes.h"

namespace fader::kernels {
namespace {

constexpr std::int64_t kBlock = 4;  // rows of a product done at once

std::int64_t padded(std::int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Eight numbers that the compiler keeps in one register, or in two.
template <class Real>
struct Vector {
  typedef Real Eight __attribute__((vector_size(8 * sizeof(Real)), aligned(sizeof(Real)), may_alias));
};

// C[kBlock, columns] = sum over k in [k0, k1) of A(:, k) B[k, columns]; A(i, k) = a[i row + k col]; columns: multiple of kLanes.
template <class Real>
FADER_INLINE void product_block(const Real* a, std::int64_t row, std::int64_t col, const Real* b, std::int64_t ldb, Real* c,
                                std::int64_t ldc, std::int64_t k0, std::int64_t k1, std::int64_t columns) {
  using Eight = typename Vector<Real>::Eight;
  for (std::int64_t j = 0; j < columns; j += kLanes) {
    Eight sums[kBlock][2] = {};
    for (std::int64_t k = k0; k < k1; ++k) {
      const Eight low = *reinterpret_cast<const Eight*>(b + k * ldb + j);
      const Eight high = *reinterpret_cast<const Eight*>(b + k * ldb + j + 8);
      for (std::int64_t i = 0; i < kBlock; ++i) {
        const Real x = a[i * row + k * col];
        sums[i][0] += x * low;
        sums[i][1] += x * high;
      }
    }
    for (std::int64_t i = 0; i < kBlock; ++i) {
      *reinterpret_cast<Eight*>(c + i * ldc + j) = sums[i][0];
      *reinterpret_cast<Eight*>(c + i * ldc + j + 8) = sums[i][1];
    }
  }
}

// Columns of row block i that hold anything at or below the diagonal.
FADER_INLINE std::int64_t reach(std::int64_t i) { return (i + kBlock + kLanes - 1) / kLanes * kLanes; }

// out[rows padded, head padded] = scale x[rows, head], zeros around it.
template <class T>
FADER_INLINE void gather(const T* x, std::int64_t stride, std::int64_t rows, std::int64_t head, std::int64_t rows_p,
                         std::int64_t head_p, Wide<T> scale, Wide<T>* out) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t c = 0; c < head; ++c) out[i * head_p + c] = scale * wide(x[i * stride + c]);
    for (std::int64_t c = head; c < head_p; ++c) out[i * head_p + c] = 0;
  }
  std::fill(out + rows * head_p, out + rows_p * head_p, Wide<T>(0));
}
// out[head, rows padded] = x^T.
template <class T>
FADER_INLINE void gather_transposed(const T* x, std::int64_t stride, std::int64_t rows, std::int64_t head,
                                    std::int64_t rows_p, Wide<T>* out) {
  for (std::int64_t c = 0; c < head; ++c) std::fill(out + c * rows_p + rows, out + (c + 1) * rows_p, Wide<T>(0));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t c = 0; c < head; ++c) out[c * rows_p + i] = wide(x[i * stride + c]);
}
template <class T>
FADER_INLINE void scatter(const Wide<T>* x, std::int64_t head_p, std::int64_t rows, std::int64_t head, Wide<T> scale, T* out,
                          std::int64_t stride) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t c = 0; c < head; ++c) out[i * stride + c] = narrow<T>(scale * x[i * head_p + c]);
}

// Row i of the scores becomes its softmax over columns 0..i and zero in the rest of its `columns`, a multiple of kLanes.
template <class Real>
FADER_INLINE void causal_softmax(Real* row, std::int64_t i, std::int64_t columns) {
  for (std::int64_t j = i + 1; j < columns; ++j) row[j] = row[0];
  const Real top = largest(row, columns);
  for (std::int64_t j = 0; j < columns; j += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) row[j + l] = exponential(row[j + l] - top);
  for (std::int64_t j = i + 1; j < columns; ++j) row[j] = 0;
  const Real share = Real(1) / sum(columns, [row](std::int64_t j) { return row[j]; });
  for (std::int64_t j = 0; j < columns; j += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) row[j + l] *= share;
}

struct Shape {
  std::int64_t rows, head, rows_p, head_p, blocks, stride;
  double scale;
};

template <class T>
FADER_KERNEL void forward_head(const Shape& s, const T* qkv, std::int64_t width, T* out, Wide<T>* p, Wide<T>* scratch) {
  Wide<T>* q = scratch;
  Wide<T>* kt = q + s.rows_p * s.head_p;
  Wide<T>* v = kt + s.rows_p * s.head_p;
  Wide<T>* o = v + s.rows_p * s.head_p;
  gather(qkv, s.stride, s.rows, s.head, s.rows_p, s.head_p, static_cast<Wide<T>>(s.scale), q);
  gather_transposed(qkv + width, s.stride, s.rows, s.head, s.rows_p, kt);
  gather(qkv + 2 * width, s.stride, s.rows, s.head, s.rows_p, s.head_p, Wide<T>(1), v);
  for (std::int64_t i = 0; i < s.blocks; i += kBlock) {
    Wide<T>* block = p + i * s.rows_p;
    product_block(q + i * s.head_p, s.head_p, 1, kt, s.rows_p, block, s.rows_p, 0, s.head, reach(i));
    for (std::int64_t r = 0; r < kBlock; ++r) causal_softmax(block + r * s.rows_p, i + r, reach(i));
    product_block(block, s.rows_p, 1, v, s.head_p, o + i * s.head_p, s.head_p, 0, i + kBlock, s.head_p);
  }
  scatter(o, s.head_p, s.rows, s.head, Wide<T>(1), out, width);
}

template <class T>
FADER_KERNEL void backward_head(const Shape& s, const T* qkv, std::int64_t width, const Wide<T>* p, const T* dout, T* dqkv,
                                Wide<T>* scratch) {
  const std::int64_t part = s.rows_p * s.head_p;
  Wide<T> *q = scratch, *k = q + part, *vt = k + part, *d_o = vt + part, *result = d_o + part, *ds = result + part;
  gather(qkv, s.stride, s.rows, s.head, s.rows_p, s.head_p, static_cast<Wide<T>>(s.scale), q);
  gather(qkv + width, s.stride, s.rows, s.head, s.rows_p, s.head_p, Wide<T>(1), k);
  gather_transposed(qkv + 2 * width, s.stride, s.rows, s.head, s.rows_p, vt);
  gather(dout, width, s.rows, s.head, s.rows_p, s.head_p, Wide<T>(1), d_o);
  for (std::int64_t i = 0; i < s.blocks; i += kBlock) {
    Wide<T>* block = ds + i * s.rows_p;
    product_block(d_o + i * s.head_p, s.head_p, 1, vt, s.rows_p, block, s.rows_p, 0, s.head, reach(i));
    for (std::int64_t r = 0; r < kBlock; ++r) {
      Wide<T>* row = block + r * s.rows_p;
      const Wide<T>* pr = p + (i + r) * s.rows_p;
      const Wide<T> mean = sum(reach(i), [=](std::int64_t j) { return pr[j] * row[j]; });
      for (std::int64_t j = 0; j < reach(i); ++j) row[j] = pr[j] * (row[j] - mean);
    }
    product_block(block, s.rows_p, 1, k, s.head_p, result + i * s.head_p, s.head_p, 0, i + kBlock, s.head_p);
  }
  scatter(result, s.head_p, s.rows, s.head, static_cast<Wide<T>>(s.scale), dqkv, s.stride);
  for (std::int64_t j = 0; j < s.blocks; j += kBlock)  // rows j of dS^T: queries j and later; q carries the scale
    product_block(ds + j, 1, s.rows_p, q, s.head_p, result + j * s.head_p, s.head_p, j, s.rows, s.head_p);
  scatter(result, s.head_p, s.rows, s.head, Wide<T>(1), dqkv + width, s.stride);
  for (std::int64_t j = 0; j < s.blocks; j += kBlock)
    product_block(p + j, 1, s.rows_p, d_o, s.head_p, result + j * s.head_p, s.head_p, j, s.rows, s.head_p);
  scatter(result, s.head_p, s.rows, s.head, Wide<T>(1), dqkv + 2 * width, s.stride);
}

Shape shape_of(const Attention& a) {
  const std::int64_t blocks = (a.rows + kBlock - 1) / kBlock * kBlock;
  const double scale = 1.0 / std::sqrt(static_cast<double>(a.head));
  return {a.rows, a.head, padded(a.rows), padded(a.head), blocks, 3 * a.heads * a.head, scale};
}

}  // namespace

std::int64_t Attention::probabilities() const { return shape_of(*this).blocks * padded(rows); }
std::int64_t Attention::scratch() const { return padded(rows) * (5 * padded(head) + padded(rows)); }

template <class T>
void Attention::forward(const T* qkv, T* out, Wide<T>* kept, Wide<T>* scratch_memory) const {
  const Shape s = shape_of(*this);
  for (std::int64_t h = 0; h < heads; ++h)
    forward_head(s, qkv + h * head, heads * head, out + h * head, kept + h * probabilities(), scratch_memory);
}

template <class T>
void Attention::backward(const T* qkv, const Wide<T>* kept, const T* dout, T* dqkv, Wide<T>* scratch_memory) const {
  const Shape s = shape_of(*this);
  for (std::int64_t h = 0; h < heads; ++h)
    backward_head(s, qkv + h * head, heads * head, kept + h * probabilities(), dout + h * head, dqkv + h * head, scratch_memory);
}

#define FADER_FOR(T)                                                            \
  template void Attention::forward(const T*, T*, Wide<T>*, Wide<T>*) const;     \
  template void Attention::backward(const T*, const Wide<T>*, const T*, T*, Wide<T>*) const;
FADER_FOR(float)
FADER_FOR(Half)
FADER_FOR(double)
#undef FADER_FOR

}  // namespace fader::kernels

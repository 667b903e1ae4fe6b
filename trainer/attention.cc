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

// Eight floats that the compiler keeps in one register, or in two.
typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));

// C[kBlock, columns] = sum over k in [k0, k1) of A(:, k) B[k, columns]; A(i, k) = a[i row + k col]; columns: multiple of kLanes.
FADER_INLINE void product_block(const float* a, std::int64_t row, std::int64_t col, const float* b, std::int64_t ldb, float* c,
                                std::int64_t ldc, std::int64_t k0, std::int64_t k1, std::int64_t columns) {
  for (std::int64_t j = 0; j < columns; j += kLanes) {
    Eight sums[kBlock][2] = {};
    for (std::int64_t k = k0; k < k1; ++k) {
      const Eight low = *reinterpret_cast<const Eight*>(b + k * ldb + j);
      const Eight high = *reinterpret_cast<const Eight*>(b + k * ldb + j + 8);
      for (std::int64_t i = 0; i < kBlock; ++i) {
        const float x = a[i * row + k * col];
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
                         std::int64_t head_p, float scale, float* out) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t c = 0; c < head; ++c) out[i * head_p + c] = scale * wide(x[i * stride + c]);
    for (std::int64_t c = head; c < head_p; ++c) out[i * head_p + c] = 0;
  }
  std::fill(out + rows * head_p, out + rows_p * head_p, 0.0f);
}
// out[head, rows padded] = x^T.
template <class T>
FADER_INLINE void gather_transposed(const T* x, std::int64_t stride, std::int64_t rows, std::int64_t head,
                                    std::int64_t rows_p, float* out) {
  for (std::int64_t c = 0; c < head; ++c) std::fill(out + c * rows_p + rows, out + (c + 1) * rows_p, 0.0f);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t c = 0; c < head; ++c) out[c * rows_p + i] = wide(x[i * stride + c]);
}
template <class T>
FADER_INLINE void scatter(const float* x, std::int64_t head_p, std::int64_t rows, std::int64_t head, float scale, T* out,
                          std::int64_t stride) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t c = 0; c < head; ++c) out[i * stride + c] = narrow<T>(scale * x[i * head_p + c]);
}

// Row i of the scores becomes its softmax over columns 0..i and zero in the rest of its `columns`, a multiple of kLanes.
FADER_INLINE void causal_softmax(float* row, std::int64_t i, std::int64_t columns) {
  for (std::int64_t j = i + 1; j < columns; ++j) row[j] = row[0];
  const float top = largest(row, columns);
  for (std::int64_t j = 0; j < columns; j += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) row[j + l] = exponential(row[j + l] - top);
  for (std::int64_t j = i + 1; j < columns; ++j) row[j] = 0;
  const float share = 1.0f / sum(columns, [row](std::int64_t j) { return row[j]; });
  for (std::int64_t j = 0; j < columns; j += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) row[j + l] *= share;
}

struct Shape {
  std::int64_t rows, head, rows_p, head_p, blocks, stride;
  float scale;
};

template <class T>
FADER_KERNEL void forward_head(const Shape& s, const T* qkv, std::int64_t width, T* out, float* p, float* scratch) {
  float* q = scratch;
  float* kt = q + s.rows_p * s.head_p;
  float* v = kt + s.rows_p * s.head_p;
  float* o = v + s.rows_p * s.head_p;
  gather(qkv, s.stride, s.rows, s.head, s.rows_p, s.head_p, s.scale, q);
  gather_transposed(qkv + width, s.stride, s.rows, s.head, s.rows_p, kt);
  gather(qkv + 2 * width, s.stride, s.rows, s.head, s.rows_p, s.head_p, 1.0f, v);
  for (std::int64_t i = 0; i < s.blocks; i += kBlock) {
    float* block = p + i * s.rows_p;
    product_block(q + i * s.head_p, s.head_p, 1, kt, s.rows_p, block, s.rows_p, 0, s.head, reach(i));
    for (std::int64_t r = 0; r < kBlock; ++r) causal_softmax(block + r * s.rows_p, i + r, reach(i));
    product_block(block, s.rows_p, 1, v, s.head_p, o + i * s.head_p, s.head_p, 0, i + kBlock, s.head_p);
  }
  scatter(o, s.head_p, s.rows, s.head, 1.0f, out, width);
}

template <class T>
FADER_KERNEL void backward_head(const Shape& s, const T* qkv, std::int64_t width, const float* p, const T* dout, T* dqkv,
                                float* scratch) {
  const std::int64_t part = s.rows_p * s.head_p;
  float *q = scratch, *k = q + part, *vt = k + part, *d_o = vt + part, *result = d_o + part, *ds = result + part;
  gather(qkv, s.stride, s.rows, s.head, s.rows_p, s.head_p, s.scale, q);
  gather(qkv + width, s.stride, s.rows, s.head, s.rows_p, s.head_p, 1.0f, k);
  gather_transposed(qkv + 2 * width, s.stride, s.rows, s.head, s.rows_p, vt);
  gather(dout, width, s.rows, s.head, s.rows_p, s.head_p, 1.0f, d_o);
  for (std::int64_t i = 0; i < s.blocks; i += kBlock) {
    float* block = ds + i * s.rows_p;
    product_block(d_o + i * s.head_p, s.head_p, 1, vt, s.rows_p, block, s.rows_p, 0, s.head, reach(i));
    for (std::int64_t r = 0; r < kBlock; ++r) {
      float* row = block + r * s.rows_p;
      const float* pr = p + (i + r) * s.rows_p;
      const float mean = sum(reach(i), [=](std::int64_t j) { return pr[j] * row[j]; });
      for (std::int64_t j = 0; j < reach(i); ++j) row[j] = pr[j] * (row[j] - mean);
    }
    product_block(block, s.rows_p, 1, k, s.head_p, result + i * s.head_p, s.head_p, 0, i + kBlock, s.head_p);
  }
  scatter(result, s.head_p, s.rows, s.head, s.scale, dqkv, s.stride);
  for (std::int64_t j = 0; j < s.blocks; j += kBlock)  // rows j of dS^T: queries j and later; q carries the scale
    product_block(ds + j, 1, s.rows_p, q, s.head_p, result + j * s.head_p, s.head_p, j, s.rows, s.head_p);
  scatter(result, s.head_p, s.rows, s.head, 1.0f, dqkv + width, s.stride);
  for (std::int64_t j = 0; j < s.blocks; j += kBlock)
    product_block(p + j, 1, s.rows_p, d_o, s.head_p, result + j * s.head_p, s.head_p, j, s.rows, s.head_p);
  scatter(result, s.head_p, s.rows, s.head, 1.0f, dqkv + 2 * width, s.stride);
}

Shape shape_of(const Attention& a) {
  const std::int64_t blocks = (a.rows + kBlock - 1) / kBlock * kBlock;
  const float scale = 1.0f / std::sqrt(static_cast<float>(a.head));
  return {a.rows, a.head, padded(a.rows), padded(a.head), blocks, 3 * a.heads * a.head, scale};
}

}  // namespace

std::int64_t Attention::probabilities() const { return padded(rows) * padded(rows); }
std::int64_t Attention::scratch() const { return padded(rows) * (5 * padded(head) + padded(rows)); }

template <class T>
void Attention::forward(const T* qkv, T* out, float* kept, float* scratch_memory) const {
  const Shape s = shape_of(*this);
  for (std::int64_t h = 0; h < heads; ++h)
    forward_head(s, qkv + h * head, heads * head, out + h * head, kept + h * probabilities(), scratch_memory);
}

template <class T>
void Attention::backward(const T* qkv, const float* kept, const T* dout, T* dqkv, float* scratch_memory) const {
  const Shape s = shape_of(*this);
  for (std::int64_t h = 0; h < heads; ++h)
    backward_head(s, qkv + h * head, heads * head, kept + h * probabilities(), dout + h * head, dqkv + h * head, scratch_memory);
}

template void Attention::forward(const float*, float*, float*, float*) const;
template void Attention::forward(const Half*, Half*, float*, float*) const;
template void Attention::backward(const float*, const float*, const float*, float*, float*) const;
template void Attention::backward(const Half*, const float*, const Half*, Half*, float*) const;

}  // namespace fader::kernels

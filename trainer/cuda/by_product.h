// Kernels for what a backward pass tells of each segment's own gradient: inner products with a direction, position by position. The
// formulas are those of trainer/by_product.h, whose CPU form is their oracle.
#pragma once
#include "trainer/cuda/block.h"
#include "trainer/cuda/kernels.h"
#include "trainer/cuda/tables.h"

namespace fader::cuda {

/// Inner products of rows, for a matrix: one row of each has been multiplied with the direction. Blocks: M x rows.
template <class T>
struct RowDots {
  static constexpr int kLanes = kWarp;
  const T *a, *b;             // [M, rows, width]
  Index a_stride, b_stride;   // from one member's to the next's
  Index positions, first, rows;
  int width;
  float* into;                // [M, P], added to

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const Index m = index / rows, i = index % rows;
    const T *left = a + m * a_stride + i * width, *right = b + m * b_stride + i * width;
    float sum = 0;
    share(block, width, [&](int c) { sum += wide(left[c]) * wide(right[c]); });
    sum = block.sum(sum);
    if (block.lane() == 0) into[m * positions + first + i] += sum;
  }
};

/// For a norm's gain. Blocks: M x P.
template <class T>
struct GainDots {
  static constexpr int kLanes = kWarp;
  const T* dout;         // [M, P, W]
  const float* x;
  const float* inverse;  // [M, P]
  const Member* members;
  Index gain, positions;
  int width;
  float* into;           // [M, P], added to

  template <class Block>
  FADER_LANES void operator()(Block& block, Index i) const {
    const float* direction = members[i / positions].direction + gain;
    const T* d = dout + i * width;
    const float* row = x + i * width;
    float sum = 0;
    share(block, width, [&](int c) { sum += wide(d[c]) * row[c] * direction[c]; });
    sum = block.sum(sum);
    if (block.lane() == 0) into[i] += sum * inverse[i];
  }
};

/// For the embedding as look-up table. Blocks: M x P.
struct EmbedDots {
  static constexpr int kLanes = kWarp;
  const std::uint32_t* input;
  const float* dx;  // [M, P, W]
  const Member* members;
  Index embedding, positions;
  int width;
  float* into;      // [M, P], added to

  template <class Block>
  FADER_LANES void operator()(Block& block, Index i) const {
    const float* direction = members[i / positions].direction + embedding + static_cast<Index>(input[i]) * width;
    const float* row = dx + i * width;
    float sum = 0;
    share(block, width, [&](int c) { sum += row[c] * direction[c]; });
    sum = block.sum(sum);
    if (block.lane() == 0) into[i] += sum;
  }
};

/// From positions to segments. Blocks: M.
struct SegmentSums {
  static constexpr int kLanes = kWide;
  const Member* members;
  const Segment* segments;
  const float* dots;  // [M, P]
  Index positions;
  float* out;         // [M, P], of which as many as the member has segments

  template <class Block>
  FADER_LANES void operator()(Block& block, Index m) const {
    const Member member = members[m];
    const Segment* own = segments + member.first_segment;
    share(block, member.segments, [&](int s) {
      const int last = s + 1 < member.segments ? own[s + 1].begin : member.positions;
      double sum = 0;
      for (int i = own[s].begin; i < last; ++i) sum += static_cast<double>(dots[m * positions + i]);
      out[m * positions + s] = static_cast<float>(sum);
    });
  }
};

}  // namespace fader::cuda

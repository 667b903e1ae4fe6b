// The kernels that work on whole flat buffers: sums over gradients, the verdict on a step, AdamW, what products take.
//
// Flat buffers are taken piece by piece (tables.h); sums over them are taken in two stages, in a fixed order, in double precision.
#pragma once
#include <cmath>

#include "trainer/cuda/kernels.h"

namespace fader::cuda {

constexpr int kPiece = 4096;

/// Sums over each piece of each gradient. Blocks: M x pieces.
struct PieceSums {
  static constexpr int kLanes = kWide;
  const Piece* pieces;
  Index count;                  // of pieces
  const float* gradient;        // [M, Layout::size]
  const float* const* reference;  // of each member, may be null; null: no member has one
  Index stride;
  Sums* out;                    // [M, pieces]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const Index m = index / count;
    const Piece piece = pieces[index % count];
    const float* g = gradient + m * stride + piece.offset;
    const float* r = reference == nullptr || reference[m] == nullptr ? nullptr : reference[m] + piece.offset;
    double gg = 0, gr = 0;
    share(block, piece.size, [&](int i) {
      const double x = g[i];
      gg += x * x;
      if (r != nullptr) gr += x * static_cast<double>(r[i]);
    });
    gg = block.sum(gg);
    gr = block.sum(gr);
    if (block.lane() == 0) out[index] = {gg, gr};
  }
};

/// Sums of the pieces. Blocks: M.
struct TotalSums {
  static constexpr int kLanes = kWide;
  const Sums* parts;  // [M, pieces]
  Index count;
  Sums* out;          // [M]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index m) const {
    double gg = 0, gr = 0;
    for (Index i = block.lane(); i < count; i += block.lanes()) {
      gg += parts[m * count + i].gg;
      gr += parts[m * count + i].gr;
    }
    gg = block.sum(gg);
    gr = block.sum(gr);
    if (block.lane() == 0) out[m] = {gg, gr};
  }
};

/// Mean loss, norm, and whether the step is taken. Blocks: M.
struct Judge {
  static constexpr int kLanes = kWide;
  const Member* members;
  const Update* updates;
  const Sums* sums;   // [M]
  const float* nats;  // [M, P]
  Index positions;
  Verdict* out;

  template <class Block>
  FADER_LANES void operator()(Block& block, Index m) const {
    const int n = members[m].positions;
    double total = 0;
    share(block, n, [&](int i) { total += static_cast<double>(nats[m * positions + i]); });
    total = block.sum(total);
    if (block.lane() != 0) return;
    const double loss = total / n, norm = std::sqrt(sums[m].gg), clip = updates[m].clip;
    const bool clipped = clip > 0 && norm > clip;
    const bool finite = loss - loss == 0 && norm - norm == 0;
    out[m] = {loss, norm, clipped ? static_cast<float>(clip / norm) : 1.0f, finite ? 1 : 0};
  }
};

/// AdamW, the mean of weights, and the weights as products take them, in one pass. Blocks: M x pieces.
template <class T>
struct AdamWUpdate {
  static constexpr int kLanes = kWide;
  const Piece* pieces;
  Index count;
  const Update* updates;
  const Verdict* verdicts;
  const float* gradient;  // [M, Layout::size]
  Index stride;

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const Index m = index / count;
    if (verdicts[m].taken == 0) return;
    const Piece piece = pieces[index % count];
    const Update u = updates[m];
    const float scale = verdicts[m].scale, keep = piece.matrix != 0 ? u.keep : 1.0f;
    const float* g = gradient + m * stride + piece.offset;
    float *p = u.parameters + piece.offset, *first = u.first + piece.offset, *second = u.second + piece.offset;
    float* mean = u.mean == nullptr ? nullptr : u.mean + piece.offset;
    T* operand = u.operands == nullptr ? nullptr : static_cast<T*>(u.operands) + piece.offset;
    share(block, piece.size, [&](int i) {
      const float x = g[i] * scale;
      const float a = u.beta1 * first[i] + (1.0f - u.beta1) * x;
      const float b = u.beta2 * second[i] + (1.0f - u.beta2) * x * x;
      const float now = keep * p[i] - u.rate * a / (std::sqrt(b * u.correct2) + u.epsilon);
      first[i] = a;
      second[i] = b;
      p[i] = now;
      if (operand != nullptr) operand[i] = narrow<T>(now);
      if (mean != nullptr) mean[i] += (now - mean[i]) * u.mean_share;
    });
  }
};

/// Copies each member's weights, or its direction, as products take them, one behind another. Blocks: M x blocks_of(n, kPiece).
template <class T>
struct GatherOperands {
  static constexpr int kLanes = kWide;
  const Member* members;
  bool directions;
  Index n;  // Layout::size
  T* out;   // [M, n]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const Index each = blocks_of(n, kPiece), m = index / each, first = index % each * kPiece;
    const float* from = (directions ? members[m].direction : members[m].weights) + first;
    T* to = out + m * n + first;
    share(block, static_cast<int>(n - first < kPiece ? n - first : kPiece), [&](int i) { to[i] = narrow<T>(from[i]); });
  }
};

}  // namespace fader::cuda

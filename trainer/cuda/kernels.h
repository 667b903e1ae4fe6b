// The kernels of a step that work position by position: tokens, embedding, normalisation, rotation, activation, loss. The formulas
// are those of trainer/kernels.cc and trainer/model.cc, which are their oracles.
//
// [M, P, n] is an array of M members of P positions each. T, what is stored of activations, is Half or float; gradients of
// parameters and the residual stream are float. Nothing is summed by atomic operations: equal calls give equal bits.
#pragma once
#include <cmath>
#include <cstdint>

#include "trainer/cuda/block.h"
#include "trainer/cuda/tables.h"

namespace fader::cuda {

using kernels::exponential;

constexpr int kWarp = 32;
constexpr int kWide = 256;

/// Writes out the segments: tokens, weight and borders of every position. A position beyond a member's batch is a segment of its
/// own, of token 0 and weight 0. Blocks: M x blocks_of(P, kWide).
struct Expand {
  static constexpr int kLanes = kWide;
  const Member* members;
  const Segment* segments;
  const std::uint32_t *corpus, *loose;
  std::uint32_t begin_mark;
  Index positions;
  std::uint32_t *input, *target;  // [M, P]
  std::int32_t *start, *stop;     // [M, P] first position of its segment, and one past the last
  float* weight;                  // [M, P]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const Index each = blocks_of(positions, kWide), m = index / each, first = index % each * kWide;
    const Member member = members[m];
    const Segment* own = segments + member.first_segment;
    const Index left = positions - first;
    share(block, left < kWide ? static_cast<int>(left) : kWide, [&](int lane) {
      const auto i = static_cast<std::int32_t>(first + lane);
      const Index at = m * positions + i;
      if (i >= member.positions) {
        input[at] = target[at] = 0;
        start[at] = i;
        stop[at] = i + 1;
        weight[at] = 0;
        return;
      }
      int low = 0, high = member.segments;  // the last segment that begins at i or before is in [low, high)
      while (high - low > 1) {
        const int middle = (low + high) / 2;
        (own[middle].begin <= i ? low : high) = middle;
      }
      const Segment s = own[low];
      const std::uint32_t* text = s.source >= 0 ? corpus + s.source : loose + (-1 - s.source);
      input[at] = i == s.begin ? begin_mark : text[i - s.begin - 1];
      target[at] = text[i - s.begin];
      start[at] = s.begin;
      stop[at] = low + 1 < member.segments ? own[low + 1].begin : member.positions;
      weight[at] = s.weight;
    });
  }
};

/// The stream's start: rows of the embedding. Blocks: M x P.
struct Embed {
  static constexpr int kLanes = kWarp;
  const Member* members;
  const std::uint32_t* input;
  Index embedding, positions;
  int width;
  float* x;  // [M, P, W]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index i) const {
    const float* row = members[i / positions].weights + embedding + static_cast<Index>(input[i]) * width;
    float* out = x + i * width;
    share(block, width, [&](int c) { out[c] = row[c]; });
  }
};

/// The gradient of the embedding as look-up table: row by row, each looks for the positions that it was taken at. Blocks: M x
/// vocabulary.
struct EmbedBackward {
  static constexpr int kLanes = kWarp;
  const std::uint32_t* input;
  const float* dx;       // [M, P, W]
  Index positions, vocabulary;
  int width;
  float* gradient;       // of the first member's embedding
  Index stride;          // from one member's to the next's

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const Index m = index / vocabulary;
    const auto token = static_cast<std::uint32_t>(index % vocabulary);
    const std::uint32_t* own = input + m * positions;
    const float* from = dx + m * positions * width;
    float* row = gradient + m * stride + static_cast<Index>(token) * width;
    for (Index first = 0; first < positions; first += block.lanes()) {
      const Index mine = first + block.lane();
      if (block.max(mine < positions && own[mine] == token ? 1.0f : 0.0f) == 0.0f) continue;
      const Index last = first + block.lanes() < positions ? first + block.lanes() : positions;
      for (Index i = first; i < last; ++i) {
        if (own[i] != token) continue;
        share(block, width, [&](int c) { row[c] += from[i * width + c]; });
      }
    }
  }
};

/// out = x inverse gain, inverse = 1 / sqrt(mean(x^2) + epsilon). Blocks: M x P.
template <class T>
struct RmsNorm {
  static constexpr int kLanes = kWarp;
  const float* x;  // [M, P, W]
  const Member* members;
  Index gain, positions;
  int width;
  float epsilon;
  T* out;
  float* inverse;  // [M, P]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index i) const {
    const float* row = x + i * width;
    const float* g = members[i / positions].weights + gain;
    T* to = out + i * width;
    float square = 0;
    share(block, width, [&](int c) { square += row[c] * row[c]; });
    const float scale = 1.0f / std::sqrt(block.sum(square) / static_cast<float>(width) + epsilon);
    share(block, width, [&](int c) { to[c] = narrow<T>(row[c] * scale * g[c]); });
    if (block.lane() == 0) inverse[i] = scale;
  }
};

/// From the gradient of RmsNorm's out to that of its x: added to dx, or put there when `fresh`; and rounded, as the next products
/// take it. Blocks: M x P.
template <class T>
struct RmsNormBackward {
  static constexpr int kLanes = kWarp;
  const T* dout;   // [M, P, W]
  const float* x;
  const float* inverse;
  const Member* members;
  Index gain, positions;
  int width;
  bool fresh;
  float* dx;
  T* rounded;      // null: not wanted

  template <class Block>
  FADER_LANES void operator()(Block& block, Index i) const {
    const T* d = dout + i * width;
    const float* row = x + i * width;
    const float* g = members[i / positions].weights + gain;
    float* to = dx + i * width;
    T* round = rounded == nullptr ? nullptr : rounded + i * width;
    const float scale = inverse[i];
    float along = 0;
    share(block, width, [&](int c) { along += wide(d[c]) * g[c] * row[c]; });
    const float pull = block.sum(along) * scale * scale * scale / static_cast<float>(width);
    share(block, width, [&](int c) {
      const float own = wide(d[c]) * g[c] * scale - row[c] * pull;
      const float sum = fresh ? own : to[c] + own;
      to[c] = sum;
      if (round != nullptr) round[c] = narrow<T>(sum);
    });
  }
};

constexpr int kGainRows = 64;  // positions that one partial sum of a gain's gradient is over

/// Partial sums of a gain's gradient. Blocks: M x blocks_of(P, kGainRows).
template <class T>
struct GainPartials {
  static constexpr int kLanes = kWide;
  const T* dout;
  const float* x;
  const float* inverse;
  Index positions;
  int width;
  float* partial;  // [M, blocks_of(P, kGainRows), W]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const Index each = blocks_of(positions, kGainRows), m = index / each, first = index % each * kGainRows;
    const Index left = positions - first, at = m * positions + first;
    const int rows = left < kGainRows ? static_cast<int>(left) : kGainRows;
    share(block, width, [&](int c) {
      float sum = 0;
      for (Index i = at; i < at + rows; ++i) sum += wide(dout[i * width + c]) * x[i * width + c] * inverse[i];
      partial[index * width + c] = sum;
    });
  }
};

/// Adds the partial sums to the gain's gradient. Blocks: M.
struct GainSum {
  static constexpr int kLanes = kWide;
  const float* partial;
  Index parts;
  int width;
  float* gradient;  // of the first member's gain
  Index stride;     // from one member's to the next's

  template <class Block>
  FADER_LANES void operator()(Block& block, Index m) const {
    const float* own = partial + m * parts * width;
    float* to = gradient + m * stride;
    share(block, width, [&](int c) {
      float sum = 0;
      for (Index k = 0; k < parts; ++k) sum += own[k * width + c];
      to[c] += sum;
    });
  }
};

/// Turns queries and keys by their positions, in place. Blocks: M x P.
template <class T>
struct Rotate {
  static constexpr int kLanes = kWarp;
  T* qkv;                        // [M, P, 3W]
  const std::int32_t* start;     // [M, P]
  const float *cosine, *sine;    // [context, head / 2]
  Index positions;
  int width, head;

  template <class Block>
  FADER_LANES void operator()(Block& block, Index i) const {
    const int half = head / 2;
    const Index at = (i % positions - start[i]) * half;
    T* row = qkv + i * 3 * width;
    share_grid(block, 2 * width / head, half, [&](int h, int c) {
      T *low = row + h * head + c, *high = low + half;
      const float a = wide(*low), b = wide(*high), cos = cosine[at + c], sin = sine[at + c];
      *low = narrow<T>(a * cos - b * sin);
      *high = narrow<T>(b * cos + a * sin);
    });
  }
};

/// out = silu(gate) up. Blocks: M x P.
template <class T>
struct SwiGlu {
  static constexpr int kLanes = kWarp;
  const T* gate_up;  // [M, P, 2H]
  int hidden;
  T* out;            // [M, P, H]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index i) const {
    const T *gate = gate_up + i * 2 * hidden, *up = gate + hidden;
    T* to = out + i * hidden;
    share(block, hidden, [&](int j) {
      const float g = wide(gate[j]);
      to[j] = narrow<T>(g / (1.0f + exponential(-g)) * wide(up[j]));
    });
  }
};

/// Replaces gate_up by its gradient. Blocks: M x P.
template <class T>
struct SwiGluBackward {
  static constexpr int kLanes = kWarp;
  const T* dout;  // [M, P, H]
  int hidden;
  T* gate_up;     // [M, P, 2H]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index i) const {
    T *gate = gate_up + i * 2 * hidden, *up = gate + hidden;
    const T* from = dout + i * hidden;
    share(block, hidden, [&](int j) {
      const float g = wide(gate[j]), d = wide(from[j]), s = 1.0f / (1.0f + exponential(-g));
      gate[j] = narrow<T>(d * wide(up[j]) * s * (1.0f + g * (1.0f - s)));
      up[j] = narrow<T>(d * g * s);
    });
  }
};

/// Loss of `rows` positions of each member, from position `first` on; and, when kBackward, puts the gradient of weight x nats in
/// place of the logits. Blocks: M x rows. Lanes: a warp, or more for a large vocabulary.
template <class T, int kBlock, bool kBackward>
struct CrossEntropy {
  static constexpr int kLanes = kBlock;
  T* logits;                    // [M, rows, stride]
  const std::uint32_t* target;  // [M, P]
  const float* weight;          // [M, P]
  Index positions, first, rows;
  int vocabulary, stride;
  float* nats;                  // [M, P]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const Index i = index / rows * positions + first + index % rows;
    T* row = logits + index * stride;
    const auto right = static_cast<int>(target[i]);
    const float right_logit = wide(row[right]);
    float top = wide(row[0]);
    share(block, vocabulary, [&](int j) {
      const float x = wide(row[j]);
      top = top < x ? x : top;
    });
    top = block.max(top);
    float all = 0;
    share(block, vocabulary, [&](int j) { all += exponential(wide(row[j]) - top); });
    all = block.sum(all);
    if (block.lane() == 0) nats[i] = std::log(all) + top - right_logit;
    if constexpr (kBackward) {
      block.sync();  // everyone has read the right logit before anyone overwrites it
      const float w = weight[i], scale = w / all;
      share(block, vocabulary, [&](int j) {
        const float own = exponential(wide(row[j]) - top) * scale;
        row[j] = narrow<T>(j == right ? own - w : own);
      });
    }
  }
};

}  // namespace fader::cuda

// Causal attention in tiles: no array of positions x positions is ever held, so that long contexts cost time and not memory.
//
// Forward, of a tile of queries:  S = Q K^T / sqrt(head) over tiles of keys;  O = sum exp(S - top) V, rescaled whenever a row's top
//                                 rises, divided by the row's total at the end;  logsum = top + log(total) is kept.
// Backward:  P = exp(S - logsum),  dP = dO V^T,  delta = rowsum(dO O),  dS = P (dP - delta)
//            of a tile of queries: dQ = dS K / sqrt(head);  of a tile of keys: dV = P^T dO,  dK = dS^T Q / sqrt(head).
//
// Dao et al. 2022, "FlashAttention" (arXiv 2205.14135), algorithms 1 and 4; here queries and keys have a backward kernel each, so
// that nothing is summed by atomic operations. A query sees the positions of its segment up to itself: tiles that no position of
// them sees are passed over. All is float within a tile. Gradients of queries and keys are turned back before they are stored.
// Status: checked against trainer/attention.cc through the model, and against plain loops.
#pragma once
#include <cmath>

#include "trainer/cuda/kernels.h"

namespace fader::cuda {

constexpr int kAttentionLanes = 64;
constexpr int kMicro = 4;  // a lane does kMicro x kMicro numbers of a product at once

/// What both passes know.
struct AttentionShape {
  const std::int32_t *start, *stop;  // [M, P]
  Index positions;
  int heads, head, tile;             // tile: positions of a tile, a multiple of kMicro
  float scale;                       // 1 / sqrt(head)

  FADER_INLINE int width() const { return heads * head; }
  FADER_INLINE int depth() const { return (head + kMicro - 1) / kMicro * kMicro; }  // of a tile's rows, padded with zeros
  FADER_INLINE int pitch() const { return depth() + 1; }                            // odd: no two rows meet in a bank
  FADER_INLINE int numbers() const { return tile * pitch(); }                       // of a tile
  FADER_INLINE int squares() const { return tile * (tile + 1); }                    // of a tile of scores
  FADER_INLINE Index tiles() const { return blocks_of(positions, tile); }
  int forward_scratch() const { return 4 * numbers() + squares() + 3 * tile; }      // floats
  int backward_scratch() const { return 6 * numbers() + 2 * squares() + 2 * tile; }
};

/// A matrix in scratch memory.
struct Strided {
  float* data;
  int row, col;
  FADER_INLINE float& operator()(int i, int j) const { return data[i * row + j * col]; }
  FADER_INLINE Strided transposed() const { return {data, col, row}; }
};

/// c (+)= a b; rows and columns of c are multiples of kMicro.
template <class Block>
FADER_LANES void multiply(const Block& block, Strided a, Strided b, Strided c, int rows, int depth, int cols, bool add) {
  const int down = rows / kMicro, across = cols / kMicro;  // rows i, i + down, ...: neighbouring lanes read neighbouring numbers
  share_grid(block, down, across, [&](int i, int j) {
    float sum[kMicro][kMicro] = {};
    for (int k = 0; k < depth; ++k) {
      float left[kMicro], right[kMicro];
      for (int t = 0; t < kMicro; ++t) left[t] = a(i + t * down, k);
      for (int t = 0; t < kMicro; ++t) right[t] = b(k, j + t * across);
      for (int s = 0; s < kMicro; ++s)
        for (int t = 0; t < kMicro; ++t) sum[s][t] += left[s] * right[t];
    }
    for (int s = 0; s < kMicro; ++s)
      for (int t = 0; t < kMicro; ++t) {
        float& to = c(i + s * down, j + t * across);
        to = add ? to + sum[s][t] : sum[s][t];
      }
  });
}

/// One block's place in the work: a tile of a head of a member. Blocks: M x tiles x heads.
struct TilePlace {
  Index first;  // of the tile's positions within its member
  Index row;    // of the member's first position among all
  int head, count;

  FADER_LANES TilePlace(const AttentionShape& s, Index index)
      : first(index / s.heads % s.tiles() * s.tile),
        row(index / s.heads / s.tiles() * s.positions),
        head(static_cast<int>(index % s.heads)),
        count(static_cast<int>(s.positions - first < s.tile ? s.positions - first : s.tile)) {}
};

/// A tile from memory; rows from `count` on and columns beyond the head are zeros. `from`: of the tile's first row and head.
template <class Block, class T>
FADER_LANES void load_tile(const Block& block, const AttentionShape& s, const T* from, int stride, int count, float scale,
                           float* tile) {
  const int depth = s.depth(), pitch = s.pitch();
  share_grid(block, s.tile, depth, [&](int r, int c) {
    tile[r * pitch + c] = r < count && c < s.head ? scale * wide(from[static_cast<Index>(r) * stride + c]) : 0.0f;
  });
}
template <class Block>
FADER_LANES void clear(const Block& block, float* x, int n) {
  share(block, n, [&](int e) { x[e] = 0; });
}

/// Stores a tile of gradients of queries or keys, turned back by their positions.
template <class Block, class T>
FADER_LANES void store_turned(const Block& block, const AttentionShape& s, const TilePlace& at, const float* tile, float scale,
                              const float* cosine, const float* sine, T* to, int stride) {
  const int half = s.head / 2, pitch = s.pitch();
  share_grid(block, at.count, half, [&](int r, int c) {
    const Index i = at.first + r, angle = (i - s.start[at.row + i]) * half + c;
    const float a = scale * tile[r * pitch + c], b = scale * tile[r * pitch + c + half];
    T* row = to + static_cast<Index>(r) * stride;
    row[c] = narrow<T>(a * cosine[angle] + b * sine[angle]);
    row[c + half] = narrow<T>(b * cosine[angle] - a * sine[angle]);
  });
}

/// Whether query i sees key j, both positions of one member.
FADER_INLINE bool sees(const AttentionShape& s, Index row, Index i, Index j) {
  return i < s.positions && j <= i && j >= s.start[row + i];
}

template <class T>
struct AttentionForward {
  static constexpr int kLanes = kAttentionLanes;
  AttentionShape s;
  const T* qkv;   // [M, P, 3W], turned
  T* out;         // [M, P, W]
  float* logsum;  // [M, P, heads]; null: not wanted

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const TilePlace at(s, index);
    const int w = s.width(), pitch = s.pitch(), depth = s.depth(), n = s.tile;
    float *q = block.scratch(), *k = q + s.numbers(), *v = k + s.numbers(), *o = v + s.numbers(), *p = o + s.numbers();
    float *top = p + s.squares(), *total = top + n, *fix = total + n;
    const T* base = qkv + at.row * 3 * w + at.head * s.head;
    load_tile(block, s, base + at.first * 3 * w, 3 * w, at.count, s.scale, q);
    clear(block, o, s.numbers());
    share(block, n, [&](int r) {
      top[r] = -1e30f;
      total[r] = 0;
    });
    const Index last = at.first + at.count;
    for (Index j = s.start[at.row + at.first]; j < last; j += n) {
      const int count = static_cast<int>(last - j < n ? last - j : n);
      block.sync();
      load_tile(block, s, base + j * 3 * w + w, 3 * w, count, 1.0f, k);
      load_tile(block, s, base + j * 3 * w + 2 * w, 3 * w, count, 1.0f, v);
      block.sync();
      multiply(block, {q, pitch, 1}, {k, 1, pitch}, {p, n + 1, 1}, n, depth, n, false);
      block.sync();
      softmax(block, at, j, p, top, total, fix);
      share_grid(block, n, depth, [&](int r, int c) { o[r * pitch + c] *= fix[r]; });
      block.sync();
      multiply(block, {p, n + 1, 1}, {v, pitch, 1}, {o, pitch, 1}, n, n, depth, true);
    }
    block.sync();
    T* to = out + (at.row + at.first) * w + at.head * s.head;
    share_grid(block, at.count, s.head, [&](int r, int c) {
      to[static_cast<Index>(r) * w + c] = narrow<T>(o[r * pitch + c] / total[r]);
    });
    if (logsum == nullptr) return;
    share(block, at.count, [&](int r) { logsum[(at.row + at.first + r) * s.heads + at.head] = top[r] + std::log(total[r]); });
  }

 private:
  // Scores become exp(score - top), or zero where a query does not see a key; `fix`: what earlier sums are worth under the new top.
  template <class Block>
  FADER_LANES void softmax(Block& block, const TilePlace& at, Index j, float* p, float* top, float* total, float* fix) const {
    const int n = s.tile, pitch = n + 1;
    share(block, n, [&](int r) {
      float high = top[r];
      for (int c = 0; c < n; ++c)
        if (sees(s, at.row, at.first + r, j + c)) high = high < p[r * pitch + c] ? p[r * pitch + c] : high;
      fix[r] = exponential(top[r] - high);
      top[r] = high;
    });
    block.sync();
    share_grid(block, n, n, [&](int r, int c) {
      float& x = p[r * pitch + c];
      x = sees(s, at.row, at.first + r, j + c) ? exponential(x - top[r]) : 0.0f;
    });
    block.sync();
    share(block, n, [&](int r) {
      float sum = 0;
      for (int c = 0; c < n; ++c) sum += p[r * pitch + c];
      total[r] = total[r] * fix[r] + sum;
    });
  }
};

/// What the two backward kernels share: P and dS of a tile of queries and a tile of keys.
struct AttentionBackward {
  AttentionShape s;
  const float* logsum;        // [M, P, heads]
  float* delta;               // [M, P, heads]: rowsum(dO O), from the kernel of queries to that of keys
  const float *cosine, *sine; // [context, head / 2]

  // p, ds: of queries from i on and keys from j on. q carries the scale.
  template <class Block>
  FADER_LANES void scores(Block& block, Index row, Index i, Index j, float* q, float* k, float* v, float* d_o, const float* logsums,
                          const float* deltas, float* p, float* ds) const {
    const int n = s.tile, pitch = s.pitch(), depth = s.depth();
    multiply(block, {q, pitch, 1}, {k, 1, pitch}, {p, n + 1, 1}, n, depth, n, false);
    multiply(block, {d_o, pitch, 1}, {v, 1, pitch}, {ds, n + 1, 1}, n, depth, n, false);
    block.sync();
    share_grid(block, n, n, [&](int r, int c) {
      const int at = r * (n + 1) + c;
      const float own = sees(s, row, i + r, j + c) ? exponential(p[at] - logsums[r]) : 0.0f;
      p[at] = own;
      ds[at] = own * (ds[at] - deltas[r]);
    });
    block.sync();
  }
};

/// dQ, and delta for the kernel of keys.
template <class T>
struct AttentionQueries {
  static constexpr int kLanes = kAttentionLanes;
  AttentionBackward b;
  const T *qkv, *out, *dout;  // [M, P, 3W], [M, P, W], [M, P, W]
  T* dqkv;                    // [M, P, 3W]

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const AttentionShape& s = b.s;
    const TilePlace at(s, index);
    const int w = s.width(), pitch = s.pitch(), depth = s.depth(), n = s.tile;
    float *q = block.scratch(), *k = q + s.numbers(), *v = k + s.numbers(), *d_o = v + s.numbers(), *dq = d_o + s.numbers();
    float *p = dq + 2 * s.numbers(), *ds = p + s.squares(), *logsums = ds + s.squares(), *deltas = logsums + n;
    const T* base = qkv + at.row * 3 * w + at.head * s.head;
    const Index own = (at.row + at.first) * w + at.head * s.head;
    load_tile(block, s, base + at.first * 3 * w, 3 * w, at.count, s.scale, q);
    load_tile(block, s, dout + own, w, at.count, 1.0f, d_o);
    load_tile(block, s, out + own, w, at.count, 1.0f, k);  // until its delta is known
    clear(block, dq, s.numbers());
    block.sync();
    share(block, n, [&](int r) {
      const Index kept = (at.row + at.first + r) * s.heads + at.head;
      float sum = 0;
      for (int c = 0; c < s.head; ++c) sum += d_o[r * pitch + c] * k[r * pitch + c];
      deltas[r] = sum;
      logsums[r] = r < at.count ? b.logsum[kept] : 0.0f;
      if (r < at.count) b.delta[kept] = sum;
    });
    const Index last = at.first + at.count;
    for (Index j = s.start[at.row + at.first]; j < last; j += n) {
      const int count = static_cast<int>(last - j < n ? last - j : n);
      block.sync();
      load_tile(block, s, base + j * 3 * w + w, 3 * w, count, 1.0f, k);
      load_tile(block, s, base + j * 3 * w + 2 * w, 3 * w, count, 1.0f, v);
      block.sync();
      b.scores(block, at.row, at.first, j, q, k, v, d_o, logsums, deltas, p, ds);
      multiply(block, {ds, n + 1, 1}, {k, pitch, 1}, {dq, pitch, 1}, n, n, depth, true);
    }
    block.sync();
    T* to = dqkv + (at.row + at.first) * 3 * w + at.head * s.head;
    store_turned(block, s, at, dq, s.scale, b.cosine, b.sine, to, 3 * w);
  }
};

/// dK and dV.
template <class T>
struct AttentionKeys {
  static constexpr int kLanes = kAttentionLanes;
  AttentionBackward b;
  const T *qkv, *dout;
  T* dqkv;

  template <class Block>
  FADER_LANES void operator()(Block& block, Index index) const {
    const AttentionShape& s = b.s;
    const TilePlace at(s, index);
    const int w = s.width(), pitch = s.pitch(), depth = s.depth(), n = s.tile;
    float *q = block.scratch(), *k = q + s.numbers(), *v = k + s.numbers(), *d_o = v + s.numbers(), *dk = d_o + s.numbers();
    float *dv = dk + s.numbers(), *p = dv + s.numbers(), *ds = p + s.squares(), *logsums = ds + s.squares(), *deltas = logsums + n;
    const T* base = qkv + at.row * 3 * w + at.head * s.head;
    load_tile(block, s, base + at.first * 3 * w + w, 3 * w, at.count, 1.0f, k);
    load_tile(block, s, base + at.first * 3 * w + 2 * w, 3 * w, at.count, 1.0f, v);
    clear(block, dk, s.numbers());
    clear(block, dv, s.numbers());
    const Index last = s.stop[at.row + at.first + at.count - 1];
    for (Index i = at.first; i < last; i += n) {
      const int count = static_cast<int>(last - i < n ? last - i : n);
      block.sync();
      load_tile(block, s, base + i * 3 * w, 3 * w, count, s.scale, q);
      load_tile(block, s, dout + (at.row + i) * w + at.head * s.head, w, count, 1.0f, d_o);
      share(block, n, [&](int r) {
        const Index kept = (at.row + i + r) * s.heads + at.head;
        logsums[r] = r < count ? b.logsum[kept] : 0.0f;
        deltas[r] = r < count ? b.delta[kept] : 0.0f;
      });
      block.sync();
      b.scores(block, at.row, i, at.first, q, k, v, d_o, logsums, deltas, p, ds);
      multiply(block, {p, 1, n + 1}, {d_o, pitch, 1}, {dv, pitch, 1}, n, n, depth, true);
      multiply(block, {ds, 1, n + 1}, {q, pitch, 1}, {dk, pitch, 1}, n, n, depth, true);
    }
    block.sync();
    T* to = dqkv + (at.row + at.first) * 3 * w + w + at.head * s.head;
    store_turned(block, s, at, dk, 1.0f, b.cosine, b.sine, to, 3 * w);
    share_grid(block, at.count, s.head, [&](int r, int c) {
      to[static_cast<Index>(r) * 3 * w + w + c] = narrow<T>(dv[r * pitch + c]);
    });
  }
};

}  // namespace fader::cuda

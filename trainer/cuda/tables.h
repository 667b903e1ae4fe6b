// What kernels are told of the members that take part in a call. One table entry a member, written by the processor, read by the
// GPU. A member is one (slot, batch) of a call; arrays of a call hold the members one after another, `positions` apart.
#pragma once
#include <cstdint>

namespace fader::cuda {

/// A segment of a member's batch. Its tokens: source >= 0: of the corpus, from there on; else: of the loose tokens, from
/// -1 - source on.
struct Segment {
  std::int64_t source;
  std::int32_t begin;  ///< first position, within the member
  float weight;        ///< of the nats of each of its positions in what is differentiated
};

struct Member {
  const float* weights;                  ///< [Layout::size]
  const float* direction;                ///< [Layout::size] that gradients of segments are compared with; null: none
  std::int32_t first_segment, segments;  ///< in the table of segments
  std::int32_t positions;                ///< of its batch; those beyond are padding and weigh nothing
};

/// What the update does to a member. `mean`: null where none is kept.
struct Update {
  float *parameters, *first, *second, *mean;
  void* operands;       ///< the parameters as products take them, [Layout::size]; null: they are taken as they are
  double clip;          ///< largest norm; 0: any
  float beta1, beta2, rate, correct2, epsilon, keep;  ///< as in optimizer.cc: corrected rate; keep: of a matrix, against decay
  float mean_share;     ///< of the new weights in the mean
};

/// What came of a member's step.
struct Verdict {
  double loss, norm;
  float scale;         ///< that clipping puts on the gradient
  std::int32_t taken;  ///< 0: loss or norm is not finite
};

/// A part of a flat buffer, within one tensor.
struct Piece {
  std::int64_t offset;
  std::int32_t size;
  std::int32_t matrix;  ///< its tensor decays
};

/// Sums over a gradient g and a reference r.
struct Sums {
  double gg, gr;
};

}  // namespace fader::cuda

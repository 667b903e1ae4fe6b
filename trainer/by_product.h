// What a backward pass tells, by the way, of each segment's own gradient.
//
// A linear layer y = x W^T with inputs x_t and output gradients d_t adds sum_t d_t^T x_t to the gradient of W. So the inner product
// of what segment s adds with a direction G, laid out as W, is
//
//   <dW_s, G> = sum_(t in s) (d_t G) . x_t = sum_(t in s) d_t . (x_t G^T)
//
// one more product a layer, whichever of the two is narrower, and no gradient of a segment is held. Gains of norms and the
// embedding's rows are sums over positions likewise. The square of a segment's gradient is, layer by layer (the ghost form),
//
//   |dW_s|^2 = sum_(t, t' in s) (x_t . x_t') (d_t . d_t')
//
// unless the segment is so long that dW_s itself, one matrix at a time, is less work, which then gives the inner product too.
// The embedding is used twice, E = output layer and look-up table: with h_t what goes into the output layer, d_t the logits'
// gradient, e_t that of the stream's start and i_t the token,
//
//   |dE_s|^2 = sum_(t, t') (h_t . h_t') (d_t . d_t') + [i_t = i_t'] e_t . e_t' + 2 d_t[i_t'] (h_t . e_t')
//
// Wang, Mittal, Song, Jia 2024, "Data Shapley in One Training Run" (arXiv 2406.11011), section 4.2, with sums over the tokens of a
// sequence, and for the norm Lee and Kifer 2020 (arXiv 2009.03106).
// Status: checked in float64 against one autograd pass for each segment, to ten digits, every tensor by itself.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "trainer/buffer.h"
#include "trainer/half.h"
#include "trainer/layout.h"

namespace fader {

/// What is wanted of each segment of a batch by itself. With g_s the gradient of weight[s] sum_(i in s) nats[i]:
template <class Real>
struct SegmentWish {
  std::span<const Real> direction = {};  ///< [Layout::size]; empty: nothing is wanted
  std::span<Real> dot = {};              ///< filled: <g_s, direction> of each segment
  std::span<Real> square = {};           ///< filled: |g_s|^2 of each segment; empty: not wanted
  /// Each segment by itself: then no bit of what it gets depends on the others, nor on the number of threads. Whether squares are
  /// wanted may change an inner product by rounding.
  bool apart = false;
};

/// Collects it for the segments of one group, while that group's backward pass goes on: linear, gain, output and input are to be
/// called once for each use of a parameter. T: what operands are stored as. Not thread-safe.
template <class T>
class ByProduct {
  using Real = Wide<T>;

 public:
  ByProduct(const ModelOptions& options, const Layout& layout) : layout_(layout), w_(options.width), v_(options.vocabulary) {}

  /// `borders`: of the group's segments, one more than there are, in positions of the batch. `operands`: the direction as products take it.
  void begin(std::span<const std::int32_t> borders, const Real* direction, const T* operands, bool squares);
  /// A matrix [outs, ins] at `weight`; dout and x: rows [first, first + rows) of the group. With squares: whole segments.
  void linear(const T* dout, const T* x, std::int64_t weight, std::int64_t outs, std::int64_t ins, std::int64_t first, std::int64_t rows);
  /// A norm's gain at `at`.
  void gain(const T* dout, const Real* x, const Real* inverse, std::int64_t at);
  /// The output layer: `linear`, and what the look-up will have to do with it. `input`: of all positions of the group.
  void output(const T* dlogits, const T* normed, const std::uint32_t* input, std::int64_t first, std::int64_t rows);
  /// The embedding as look-up table; last of all. `rounded`: dstream as products take it, looked at for squares only.
  void input(const std::uint32_t* input, const Real* dstream, const T* rounded, const T* normed);
  /// Of each segment of the group. `square`: null when not wanted.
  void finish(Real* dot, Real* square) const;

  bool squares() const { return squares_; }
  /// The first position after `first` that ends a segment, as many segments as fit `room` positions, one at least.
  std::int64_t end_of_segments(std::int64_t first, std::int64_t room) const;

 private:
  struct Segment {
    std::int64_t begin, rows, crossed;  // first of its numbers in crossed_
    double dot, square;  // dot: what is not in dots_
  };
  void add_dots(const T* dout, const T* x, std::int64_t weight, std::int64_t outs, std::int64_t ins, std::int64_t first, std::int64_t rows);
  void add_gram(const T* a, std::int64_t a_width, const T* b, std::int64_t b_width, Segment& segment);
  void add_whole(const T* dout, std::int64_t outs, const T* x, std::int64_t ins, std::int64_t weight, Segment& segment);

  const Layout& layout_;
  const std::int64_t w_, v_;
  const Real* direction_ = nullptr;
  const T* operands_ = nullptr;
  bool squares_ = false;
  std::vector<Segment> segments_;
  std::vector<double> dots_;     // of each position
  Buffer<T> moved_;              // x G^T or d G
  Buffer<Real> grams_[2], sum_;  // [n, n] of a segment; [W]
  Buffer<Real> whole_;           // a matrix's gradient
  Buffer<Real> crossed_;         // d_t[i_t'] of all segments
};

/// Bytes of it that a pass over `positions` positions takes, without squares.
double by_product_bytes(const ModelOptions& options, double stored, std::int64_t positions);

}  // namespace fader

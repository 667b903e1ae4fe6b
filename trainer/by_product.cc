#include "trainer/by_product.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "trainer/kernels.h"
#include "trainer/product.h"

namespace fader {

template <class T>
void ByProduct<T>::begin(std::span<const std::int32_t> borders, const Real* direction, const T* operands, bool squares) {
  direction_ = direction;
  operands_ = operands;
  squares_ = squares;
  segments_.clear();
  segments_.reserve(static_cast<std::size_t>(borders.back() - borders.front()));  // another batch has more of them, and shall find room
  std::int64_t crossed = 0;
  for (std::size_t s = 0; s + 1 < borders.size(); ++s) {
    const std::int64_t rows = borders[s + 1] - borders[s];
    segments_.push_back({borders[s] - borders.front(), rows, crossed, 0.0, 0.0});
    crossed += rows * rows;
  }
  dots_.assign(static_cast<std::size_t>(borders.back() - borders.front()), 0.0);
  if (squares) at_least(crossed_, crossed);
}

// A number of the whole gradient of a matrix, once a product has made it, is worth about so many operations of the product.
constexpr std::int64_t kPass = 16;

template <class T>
void ByProduct<T>::linear(const T* dout, const T* x, std::int64_t weight, std::int64_t outs, std::int64_t ins, std::int64_t first,
                          std::int64_t rows) {
  std::int64_t from = first;
  for (std::size_t i = 0; squares_ && i < segments_.size(); ++i) {
    Segment& s = segments_[i];
    if (s.begin < first || s.begin >= first + rows) continue;
    const T *d = dout + (s.begin - first) * outs, *in = x + (s.begin - first) * ins;
    if (2 * s.rows * s.rows * (outs + ins) < kPass * outs * ins) {
      add_gram(d, outs, in, ins, s);
      continue;
    }
    add_dots(dout + (from - first) * outs, x + (from - first) * ins, weight, outs, ins, from, s.begin - from);
    add_whole(d, outs, in, ins, weight, s);
    from = s.begin + s.rows;
  }
  add_dots(dout + (from - first) * outs, x + (from - first) * ins, weight, outs, ins, from, first + rows - from);
}

// dout, x: of `rows` positions from `first` on.
template <class T>
void ByProduct<T>::add_dots(const T* dout, const T* x, std::int64_t weight, std::int64_t outs, std::int64_t ins, std::int64_t first,
                            std::int64_t rows) {
  if (rows == 0) return;
  const T* g = operands_ + weight;
  const std::int64_t narrower = std::min(outs, ins);
  T* moved = at_least(moved_, rows * narrower);
  if (ins <= outs) product<T>({dout, rows, outs}, {g, outs, ins}, moved);
  else product<T>({x, rows, ins}, {g, outs, ins, true}, moved);
  kernels::row_dots(moved, ins <= outs ? x : dout, rows, narrower, dots_.data() + first);
}

// The square in the ghost form; a, b: the segment's rows.
template <class T>
void ByProduct<T>::add_gram(const T* a, std::int64_t a_width, const T* b, std::int64_t b_width, Segment& s) {
  Real *left = at_least(grams_[0], s.rows * s.rows), *right = at_least(grams_[1], s.rows * s.rows);
  product<T>({a, s.rows, a_width}, {a, s.rows, a_width, true}, left);
  product<T>({b, s.rows, b_width}, {b, s.rows, b_width, true}, right);
  s.square += kernels::inner(left, right, s.rows * s.rows);
}

// Square and inner product from the matrix's gradient, while it is in the cache: for segments so long that this is less work.
template <class T>
void ByProduct<T>::add_whole(const T* dout, std::int64_t outs, const T* x, std::int64_t ins, std::int64_t weight, Segment& s) {
  Real* whole = at_least(whole_, outs * ins);
  product<T>({dout, s.rows, outs, true}, {x, s.rows, ins}, whole);
  s.square += kernels::inner(whole, whole, outs * ins);
  s.dot += kernels::inner(whole, direction_ + weight, outs * ins);
}

template <class T>
void ByProduct<T>::gain(const T* dout, const Real* x, const Real* inverse, std::int64_t at) {
  kernels::gain_dots(dout, x, inverse, direction_ + at, static_cast<std::int64_t>(dots_.size()), w_, dots_.data());
  if (!squares_) return;
  for (Segment& s : segments_) {
    Real* sum = at_least(sum_, w_);
    kernels::gain_sum(dout + s.begin * w_, x + s.begin * w_, inverse + s.begin, s.rows, w_, sum);
    s.square += kernels::inner(sum, sum, w_);
  }
}

template <class T>
void ByProduct<T>::output(const T* dlogits, const T* normed, const std::uint32_t* input, std::int64_t first, std::int64_t rows) {
  linear(dlogits, normed + first * w_, layout_.embedding, v_, w_, first, rows);
  if (!squares_) return;
  for (const Segment& s : segments_) {
    if (s.begin < first || s.begin >= first + rows) continue;
    Real* to = crossed_.data() + s.crossed;
    for (std::int64_t t = 0; t < s.rows; ++t)
      for (std::int64_t u = 0; u < s.rows; ++u) *to++ = wide(dlogits[(s.begin - first + t) * v_ + input[s.begin + u]]);
  }
}

template <class T>
void ByProduct<T>::input(const std::uint32_t* input, const Real* dstream, const T* rounded, const T* normed) {
  for (std::size_t i = 0; i < dots_.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    kernels::row_dots(dstream + row * w_, direction_ + layout_.embedding + input[i] * w_, 1, w_, &dots_[i]);
  }
  if (!squares_) return;
  for (Segment& s : segments_) {
    const T *e = rounded + s.begin * w_, *h = normed + s.begin * w_;
    Real* gram = at_least(grams_[0], s.rows * s.rows);
    product<T>({h, s.rows, w_}, {e, s.rows, w_, true}, gram);
    s.square += 2 * kernels::inner(gram, crossed_.data() + s.crossed, s.rows * s.rows);
    product<T>({e, s.rows, w_}, {e, s.rows, w_, true}, gram);
    for (std::int64_t t = 0; t < s.rows; ++t)
      for (std::int64_t u = 0; u < s.rows; ++u)
        if (input[s.begin + t] == input[s.begin + u]) s.square += static_cast<double>(gram[t * s.rows + u]);
  }
}

template <class T>
void ByProduct<T>::finish(Real* dot, Real* square) const {
  for (const Segment& s : segments_) {
    const auto from = dots_.begin() + static_cast<std::ptrdiff_t>(s.begin);
    *dot++ = static_cast<Real>(std::accumulate(from, from + static_cast<std::ptrdiff_t>(s.rows), s.dot));
    if (square != nullptr) *square++ = static_cast<Real>(s.square < 0 ? 0.0 : s.square);
  }
}

template <class T>
std::int64_t ByProduct<T>::end_of_segments(std::int64_t first, std::int64_t room) const {
  std::int64_t end = first;
  for (const Segment& s : segments_) {
    const std::int64_t last = s.begin + s.rows;
    if (s.begin >= first && (end == first || last - first <= room)) end = last;
  }
  return end;
}

double by_product_bytes(const ModelOptions& o, double stored, std::int64_t positions) {
  return static_cast<double>(positions) * (static_cast<double>(o.width) * stored + 8);
}

template class ByProduct<float>;
template class ByProduct<Half>;
template class ByProduct<double>;

}  // namespace fader

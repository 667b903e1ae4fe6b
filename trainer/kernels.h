// The parts of a training step that are not matrix products: plain loops, each compiled for several
// instruction sets and chosen when the program starts. Sums are taken in a fixed order of lanes and no multiply-add is fused,
// so that every instruction set gives the same bits.
//
// All arrays are row-major. "Adds" means that the target is summed into. Not-a-number goes through to the results. Pure.
// T is what is stored: float, Half or double; computed is with Wide<T> (half.h).
#pragma once
#include <cstdint>

#include "trainer/half.h"

namespace fader::kernels {

/// out[i] = x[i] inverse[i] gain with inverse[i] = 1 / sqrt(mean(x[i]^2) + epsilon); x, out: [rows, width].
template <class T>
void rms_norm(const Wide<T>* x, const Wide<T>* gain, std::int64_t rows, std::int64_t width, Wide<T> epsilon, T* out, Wide<T>* inverse);
/// From dout, the gradient of rms_norm's `out`: adds to dx [rows, width] and to dgain [width].
template <class T>
void rms_norm_backward(const T* dout, const Wide<T>* x, const Wide<T>* gain, const Wide<T>* inverse, std::int64_t rows,
                       std::int64_t width, Wide<T>* dx, Wide<T>* dgain);

/// Rotates `heads` heads of `head` numbers in each of `rows` rows, `stride` numbers apart; row i is at position i. Pairs are
/// (c, c + head/2); cosine, sine: [positions, head/2]. `sign` -1 turns back, which is the gradient.
template <class T>
void rotate(T* x, std::int64_t rows, std::int64_t stride, std::int64_t heads, std::int64_t head, const Wide<T>* cosine,
            const Wide<T>* sine, Wide<T> sign);

/// out = silu(gate) * up; gate_up: [rows, 2 hidden], gates first; out: [rows, hidden].
template <class T>
void swiglu(const T* gate_up, std::int64_t rows, std::int64_t hidden, T* out);
/// Replaces gate_up by its gradient.
template <class T>
void swiglu_backward(const T* dout, std::int64_t rows, std::int64_t hidden, T* gate_up);

/// nats[i] = logsumexp(logits[i]) - logits[i][target[i]]; leaves the logits as they are.
template <class T>
void cross_entropy(const T* logits, const std::uint32_t* target, std::int64_t rows, std::int64_t vocabulary, Wide<T>* nats);
/// The same, and replaces the logits by the gradient of sum_i weight[i] nats[i].
/// `row`: room for [vocabulary].
template <class T>
void cross_entropy_backward(T* logits, const std::uint32_t* target, const Wide<T>* weight, std::int64_t rows, std::int64_t vocabulary,
                            Wide<T>* nats, Wide<T>* row);

/// Adds x [n] to `into`.
template <class T>
void add(const T* x, std::int64_t n, Wide<T>* into);
/// out = x, rounded.
void round(const float* x, std::int64_t n, Half* out);

/// into[i] += a[i] . b[i]; a, b: [rows, width].
template <class T>
void row_dots(const T* a, const T* b, std::int64_t rows, std::int64_t width, double* into);
/// What rms_norm_backward adds to dgain, row by row: into[i] += its inner product with `direction`.
template <class T>
void gain_dots(const T* dout, const Wide<T>* x, const Wide<T>* inverse, const Wide<T>* direction, std::int64_t rows, std::int64_t width,
               double* into);
/// The same, all rows together, into dgain [width], which is overwritten.
template <class T>
void gain_sum(const T* dout, const Wide<T>* x, const Wide<T>* inverse, std::int64_t rows, std::int64_t width, Wide<T>* dgain);
/// a . b of n numbers.
template <class T>
double inner(const T* a, const T* b, std::int64_t n);

/// Causal attention within one segment of `rows` positions, one head at a time.
struct Attention {
  std::int64_t rows, heads, head;
  /// Numbers that the probabilities of one head take, and that `scratch` must have.
  std::int64_t probabilities() const;
  std::int64_t scratch() const;
  /// qkv: [rows, 3 heads head], rotated; out: [rows, heads head]; kept: heads x probabilities().
  template <class T>
  void forward(const T* qkv, T* out, Wide<T>* kept, Wide<T>* scratch) const;
  /// From dout to dqkv (overwritten), with what forward kept.
  template <class T>
  void backward(const T* qkv, const Wide<T>* kept, const T* dout, T* dqkv, Wide<T>* scratch) const;
};

}  // namespace fader::kernels

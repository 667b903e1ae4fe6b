// The parts of a training step that are not matrix products: plain loops over float32 arrays, each compiled for several
// instruction sets and chosen when the program starts. Sums are taken in a fixed order of lanes and no multiply-add is fused,
// so that every instruction set gives the same bits.
//
// All arrays are row-major. "Adds" means that the target is summed into. Not-a-number goes through to the results. Pure.
#pragma once
#include <cstdint>

namespace fader::kernels {

/// out[i] = x[i] inverse[i] gain with inverse[i] = 1 / sqrt(mean(x[i]^2) + epsilon); x, out: [rows, width].
void rms_norm(const float* x, const float* gain, std::int64_t rows, std::int64_t width, float epsilon, float* out, float* inverse);
/// From dout, the gradient of rms_norm's `out`: adds to dx [rows, width] and to dgain [width].
void rms_norm_backward(const float* dout, const float* x, const float* gain, const float* inverse, std::int64_t rows,
                       std::int64_t width, float* dx, float* dgain);

/// Rotates `heads` heads of `head` numbers in each of `rows` rows, `stride` numbers apart; row i is at position i. Pairs are
/// (c, c + head/2); cosine, sine: [positions, head/2]. `sign` -1 turns back, which is the gradient.
void rotate(float* x, std::int64_t rows, std::int64_t stride, std::int64_t heads, std::int64_t head, const float* cosine,
            const float* sine, float sign);

/// out = silu(gate) * up; gate_up: [rows, 2 hidden], gates first; out: [rows, hidden].
void swiglu(const float* gate_up, std::int64_t rows, std::int64_t hidden, float* out);
/// Replaces gate_up by its gradient.
void swiglu_backward(const float* dout, std::int64_t rows, std::int64_t hidden, float* gate_up);

/// nats[i] = logsumexp(logits[i]) - logits[i][target[i]]; leaves the logits as they are.
void cross_entropy(const float* logits, const std::uint32_t* target, std::int64_t rows, std::int64_t vocabulary, float* nats);
/// The same, and replaces the logits by the gradient of sum_i weight[i] nats[i].
void cross_entropy_backward(float* logits, const std::uint32_t* target, const float* weight, std::int64_t rows,
                            std::int64_t vocabulary, float* nats);

/// Causal attention within one segment of `rows` positions, one head at a time.
struct Attention {
  std::int64_t rows, heads, head;
  /// Numbers that the probabilities of one head take, and that `scratch` must have.
  std::int64_t probabilities() const;
  std::int64_t scratch() const;
  /// qkv: [rows, 3 heads head], rotated; out: [rows, heads head]; kept: heads x probabilities().
  void forward(const float* qkv, float* out, float* kept, float* scratch) const;
  /// From dout to dqkv (overwritten), with what forward kept.
  void backward(const float* qkv, const float* kept, const float* dout, float* dqkv, float* scratch) const;
};

}  // namespace fader::kernels

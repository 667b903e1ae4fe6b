// A language model of the Llama family: losses and gradients of a batch as functions of flat parameters.
//
//   x = E[input];  per layer: x += O attention(rotate(Q h), rotate(K h), V h), h = rms_norm(x) gain
//                             x += D (silu(G h) * (U h)),                     h = rms_norm(x) gain
//   logits = E (rms_norm(x) gain);  nats = logsumexp(logits) - logits[target]
//
// Touvron et al. 2023, "LLaMA" (arXiv 2302.13971), section 2.2: RMSNorm before each part (Zhang and Sennrich 2019), SwiGLU
// (Shazeer 2020), rotary embedding of queries and keys (Su et al. 2021) in halves, as Hugging Face's checkpoints have it;
// multi-head attention, no biases, output layer tied to the embedding. Shapes and names: layout.h.
//
// There are two forms. make_model: forward and backward written out, the one that trains; in float32, in bfloat16 (Precision), and
// for tests in float64. make_autograd_model: the plain form recorded by LibTorch's autograd, slow, in float32 or float64, their oracle.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "trainer/by_product.h"
#include "trainer/laps.h"
#include "trainer/layout.h"
#include "trainer/packer.h"
#include "trainer/team.h"

namespace fader {

/// Holds no parameters, only working memory. Not thread-safe.
template <class Real>
class Model {
 public:
  virtual ~Model() = default;
  /// nats[i]: of position i. A segment's numbers depend on the others of the batch by rounding at most.
  virtual void losses(std::span<const Real> parameters, const Batch& batch, std::span<Real> nats) = 0;
  /// Adds the gradient of sum_s weight[s] sum_(i in segment s) nats[i] to `gradient`; fills `nats` as well.
  void gradient(std::span<const Real> parameters, const Batch& batch, std::span<const Real> weight, std::span<Real> nats,
                std::span<Real> gradient) {
    differentiate(parameters, batch, weight, nats, gradient, {});
  }
  /// The same, and what is wanted of the segments one by one: it changes no bit of `gradient`. That one may be empty then, and is not
  /// computed. Squares: only where `gradient` is empty.
  virtual void differentiate(std::span<const Real> parameters, const Batch& batch, std::span<const Real> weight, std::span<Real> nats,
                             std::span<Real> gradient, const SegmentWish<Real>& wish) = 0;
  /// Measures from now on, from zero; by part of the passes, the threads' times added.
  virtual void measure() = 0;
  virtual PartSeconds seconds() const = 0;
};

/// What activations and the operands of products are stored as. Master weights, the residual stream, gradients of parameters and sums
/// are float32 in either case.
enum class Precision : std::uint8_t { float32, bfloat16 };
Precision precision_of(const TrainOptions& options);

/// Equal calls give equal bits. The team's threads share the segments; another number may sum gradients in another order.
/// `recompute`: layers are computed anew for the backward pass, to the same bits, instead of being kept.
std::unique_ptr<Model<float>> make_model(const ModelOptions& options, std::shared_ptr<Team> team, Precision precision = Precision::float32,
                                         bool recompute = false);
inline std::unique_ptr<Model<float>> make_model(const ModelOptions& options, int threads, Precision precision = Precision::float32,
                                                bool recompute = false) {
  return make_model(options, std::make_shared<Team>(threads), precision, recompute);
}
/// Working memory of such a model, in bytes, for batches of `positions` positions in segments as long as the context; with a
/// direction's inner products, without squares.
double working_bytes(const ModelOptions& options, Precision precision, int threads, bool recompute, std::int64_t positions);

/// The same passes in float64: what they compute can be held against the oracle to many digits.
std::unique_ptr<Model<double>> make_double_model(const ModelOptions& options, int threads, bool recompute = false);

template <class Real>
std::unique_ptr<Model<Real>> make_autograd_model(const ModelOptions& options);

}  // namespace fader

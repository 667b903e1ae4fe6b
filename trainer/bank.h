// The models of a trainer's slots with their optimisers, wherever they live: in this machine's memory (cpu_bank.cc) or on a
// GPU (cuda/). A bank does arithmetic. Which passages make a batch, how often, and what is kept of it, is the trainer's.
//
// Every call takes jobs of any slots, and may do those of different slots at the same time: no slot's numbers depend on which
// others take part. Equal calls give equal bits. Parameters, moments, reference gradient and mean of each slot are flat
// buffers of Layout::size numbers, float32. Losses are in nats, in float32. Not thread-safe.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/archive.h"
#include "trainer/packer.h"
#include "trainer/trainer.h"

namespace fader {

/// One optimiser step on the mean loss of a batch. At most one job a slot.
struct StepJob {
  int slot = 0;
  const Batch* batch = nullptr;
  double rate = 0;
  std::int64_t step = 0;       ///< from 1
  std::int64_t averaged = 0;   ///< weights that the slot's mean consists of after this step; 1 starts it; 0: no mean is kept
  std::span<float> nats;       ///< filled: of each position
  std::span<float> dots;       ///< filled: of each segment, the inner product of what it adds to the gradient with the slot's
                               ///< reference gradient; empty: not wanted. It changes no bit of the step.
  double loss = 0;             ///< filled: their mean
  double gradient_norm = 0;    ///< filled: before clipping
  bool taken = false;          ///< filled: false when loss or norm is not finite; then nothing of the slot has changed
};

/// Batches looked at with the weights of one slot.
struct LookJob {
  int slot = 0;
  bool averaged = false;          ///< with the slot's mean of weights instead
  std::span<const Batch> batches;
  std::span<const float> weight;  ///< of each segment of all batches, one after another; unused by losses
  std::span<float> nats;          ///< filled: of each position of all batches
  double dot = 0;                 ///< filled by influence, and by reference: with the reference gradient that was there before
  double norm = 0;                ///< filled by influence
  std::span<float> dots, squares;  ///< filled by influence_of_each: of each segment; squares: empty where not wanted
};

class Bank {
 public:
  virtual ~Bank() = default;
  /// Fresh weights (layout.h, initialise), all else zero.
  virtual void reset(int slot, std::uint64_t seed) = 0;
  virtual void step(std::span<StepJob> jobs) = 0;
  /// Forward only.
  virtual void losses(std::span<LookJob> jobs) = 0;
  /// The gradient of sum_s weight[s] sum_(i in s) nats[i] becomes the slot's reference gradient. At most one job a slot.
  virtual void reference(std::span<LookJob> jobs) = 0;
  /// The norm of that gradient, and its inner product with the slot's reference gradient. Any number of jobs a slot.
  virtual void influence(std::span<LookJob> jobs) = 0;
  /// Of each segment s by itself: its gradient's inner product with the slot's reference gradient, and the square of its norm; the
  /// gradient being that of weight[s] sum_(i in s) nats[i]. A segment's numbers do not depend on the others, nor on the number of
  /// threads; on a GPU: but for rounding. Any number of jobs a slot.
  virtual void influence_of_each(std::span<LookJob> jobs) = 0;
  virtual double reference_norm(int slot) const = 0;
  /// Parameters and moments; the reference gradient and the mean of weights where the slot has one.
  virtual void state(Archive& archive, int slot, bool has_reference, bool has_mean) = 0;
};

/// The machine's threads share the segments of a batch where there is one slot, the jobs of a call where there are more.
/// LibTorch's own products are kept to one thread, process-wide.
std::unique_ptr<Bank> make_cpu_bank(const ModelOptions& model, const TrainOptions& train, int slots, const Machine& machine);

}  // namespace fader

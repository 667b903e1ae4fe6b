// Pretraining a language model: passages in, losses and influence out. Knows nothing of agents, consoles or rewards.
//
// A trainer has slots, each a place for one language model with its own weights, optimiser, schedule, data and streams.
// Every call serves any subset of them, at most one job a slot where it says so; one slot is the ordinary case.
//
// Positions. A row is `context` positions. Passages are laid one after another into the rows of an interval; a passage
// that crosses the end of a row continues in the next one as a new segment, one that crosses the end of the interval is
// carried over to the next call. Every segment starts with the begin mark as its first input, so a segment of n tokens
// takes n positions and every position is scored. Segments of one row do not see each other and their positions start
// at zero.
//
// Losses are in nats per token, in float32, NaN where nothing was scored. Not thread-safe.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/archive.h"
#include "core/options.h"
#include "core/table.h"
#include "trainer/corpus.h"

namespace fader {

struct ModelOptions final : Options {
  std::int64_t vocabulary = 512, width = 64, layers = 4, heads = 4, context = 64;
  std::int64_t hidden = 0;  ///< of the feed-forward part; 0: 8/3 of the width, rounded up to a multiple of 8
  double rope_base = 10000.0, norm_epsilon = 1e-5, init_std = 0.02;
  void fields(Fields& f) override;
  void validate() const override;
  std::int64_t hidden_width() const;
  std::int64_t parameters() const;  ///< the tied embedding counted once
};

struct TrainOptions final : Options {
  std::int64_t intervals = 20, steps_per_interval = 10, batch = 16;  ///< batch: rows a step
  std::string schedule = "wsd";
  double learning_rate = 3e-3, warmup = 0.05, decay = 0.3, final_share = 0.05;  ///< shares of all steps; of the peak rate
  std::string precision = "auto";  ///< resolved() knows no "auto"
  bool recompute = false;
  double weight_decay = 0.1, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, clip = 1.0;
  void fields(Fields& f) override;
  void validate() const override;
  std::int64_t steps() const { return intervals * steps_per_interval; }
  /// With the precision that "auto" is on this processor: bfloat16 where it multiplies matrices of them (AVX512-BF16, AMX).
  TrainOptions resolved() const;
};

/// What a call cost a slot: tokens scored, and FLOPs by the formula of flops.h. Forward = 2 x weights used in products x
/// positions, plus attention; training = 3 x forward.
struct Cost {
  std::int64_t tokens = 0;
  double flops = 0;
  Cost& operator+=(const Cost& o) {
    tokens += o.tokens;
    flops += o.flops;
    return *this;
  }
};

struct StepRow {
  std::int64_t step = 0;  ///< from 1
  double loss = 0, learning_rate = 0, gradient_norm = 0;  ///< before clipping
};

struct TrainJob {
  int slot = 0;
  std::span<const PassageId> passages;  ///< tokens at least demand(slot, steps), and no whole passage beyond it
  std::span<float> loss;                ///< of each, over those of its tokens trained on in this call; empty: not wanted
  /// Of each passage: the inner product of the gradient of its mean loss per token with the slot's reference gradient, a
  /// by-product of the backward pass that trains on it, with the weights that this step starts from. Positive: training on it
  /// lowers the reference loss. Over those of its tokens that were measured; NaN where none was. Empty: not wanted, and costs
  /// nothing. Wanted or not, training is the same, bit for bit. Needs set_reference.
  std::span<float> influence;
  std::int64_t influence_steps = 0;     ///< how many of the call's first steps measure it; 0: all of them
  std::vector<StepRow> steps;           ///< filled; a step that diverged is the last row, and was not taken
  Cost cost;                            ///< of training alone
  double influence_flops = 0;           ///< filled: what measuring influence cost beside it
  bool diverged = false;                ///< a loss or gradient was not finite; the slot stands still since
};
struct LossJob {
  int slot = 0;
  std::span<const PassageId> passages;
  std::span<float> loss;                ///< of each
  std::span<const float> weight;        ///< set_reference: of a token of each passage; empty: 1 / all tokens
  Cost cost;
};
/// The gradient of the mean loss per token over `passages`, compared with the slot's reference gradient. Several passages are one
/// pooled backward pass. Probes of one passage each, of one slot, share backward passes: ask for many in one call.
struct Probe {
  int slot = 0;
  std::span<const PassageId> passages;
  bool norm_wanted = true;  ///< without it a probe of one passage costs a sixth less; `norm` and `cosine` are NaN then
  float loss = 0;
  float dot = 0;   ///< inner product with the slot's reference gradient; positive: training on it lowers the reference loss
  float norm = 0;  ///< of its own gradient
  float cosine = 0;  ///< dot over both norms; 0 where one of them is
  Cost cost;
};

class Ranks;

class Trainer : public PerSlot {
 public:
  /// Starts fresh models. Equal seeds start equal models in any slot.
  virtual void reset(Slots slots, std::span<const std::uint64_t> seeds) = 0;
  /// Tokens of new passages that the next `steps` steps of a slot take.
  virtual std::int64_t demand(int slot, std::int64_t steps) const = 0;
  /// `steps` optimiser steps in every job's slot. `between` is called after each of them. State that is saved then and loaded
  /// into a fresh trainer belongs to the middle of this call: the same call, made again, does the steps that are left and fills
  /// the jobs as if it had done all. `between` may look (losses), and may throw to leave.
  virtual void train(std::span<TrainJob> jobs, std::int64_t steps, const std::function<void()>& between = {}) = 0;
  /// Forward only; nothing of a slot changes.
  virtual void losses(std::span<LossJob> jobs) = 0;
  /// Makes the gradient of sum_x weight_x sum_tokens(nats) the slot's reference gradient; fills the losses too.
  virtual void set_reference(std::span<LossJob> jobs) = 0;
  virtual double reference_norm(int slot) const = 0;  ///< NaN before set_reference
  /// Cosine of the slot's last two reference gradients: how steady the direction is that influence is measured along. 0 where one
  /// of them is zero; NaN before set_reference was called twice. Part of the slot's state.
  virtual double reference_cosine(int slot) const = 0;
  /// Leaves weights, optimiser and reference gradient as they are. Several probes may name one slot. What a probe finds does not
  /// depend on the other probes of the call; of a probe of one passage, nor on the number of threads. On a GPU: but for rounding.
  virtual void influence(std::span<Probe> probes) = 0;
  virtual double learning_rate(int slot) const = 0;   ///< of the next step
  virtual std::int64_t step(int slot) const = 0;      ///< steps taken
  virtual bool started(int slot) const = 0;           ///< it was reset, or a state of one that was is loaded
};

/// What a trainer may use of the machine.
struct Machine {
  int threads = 1;      ///< part of the configuration: another number may take sums in another order
  bool pinned = false;  ///< to cores of their own, where there are any left
  std::string device = "cpu";    ///< or "cuda": the first GPU
  std::shared_ptr<Ranks> ranks;  ///< processes that make the same calls and share every batch; null: this one alone
};

std::unique_ptr<Trainer> make_trainer(const ModelOptions& model, const TrainOptions& train, std::shared_ptr<const Corpus> corpus,
                                      int slots, const Machine& machine);

}  // namespace fader

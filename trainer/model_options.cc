// The options of the model and of its training: what they are called, what they mean, what they may be.
#include "core/error.h"
#include "trainer/layout.h"
#include "trainer/model.h"
#include "trainer/schedule.h"
#include "trainer/trainer.h"

namespace fader {

void ModelOptions::fields(Fields& f) {
  f("vocabulary", vocabulary, "tokens the model knows, marks included", 8, 1 << 20);
  f("width", width, "of the residual stream", 2, 1 << 14);
  f("layers", layers, "transformer blocks", 1, 256);
  f("heads", heads, "of attention; divides the width into even parts", 1, 256);
  f("context", context, "positions a row, and the longest passage", 2, 1 << 14);
  f("hidden", hidden, "width of the feed-forward part; 0: 8/3 of the width, rounded up to a multiple of 8", 0, 1 << 16);
  f("rope_base", rope_base, "base of the rotary embedding's frequencies", 1.0, 1e9);
  f("norm_epsilon", norm_epsilon, "added to the mean square before a norm divides by its root", 1e-12, 1e-1);
  f("init_std", init_std, "standard deviation of fresh weights; projections back into the stream: / sqrt(2 layers)", 1e-6, 10.0);
}

void ModelOptions::validate() const {
  if (width % heads != 0 || (width / heads) % 2 != 0)
    throw ConfigError(fmt::format("width {} cannot be cut into {} heads of equal and even width; try width = {}", width, heads,
                                  (width / (2 * heads) + 1) * 2 * heads));
  if (width / heads > 1024) throw ConfigError(fmt::format("{} heads of width {}: more than 1024; give the model more heads", heads, width / heads));
}

std::int64_t ModelOptions::hidden_width() const {
  if (hidden > 0) return hidden;
  return (8 * width + 23) / 24 * 8;
}

std::int64_t ModelOptions::parameters() const {
  std::int64_t n = 0;
  for (const Tensor& t : Layout(*this).tensors) n += t.size();
  return n;
}

void TrainOptions::fields(Fields& f) {
  f("intervals", intervals, "decisions an episode", 1, 1e9);
  f("steps_per_interval", steps_per_interval, "optimiser steps between two decisions", 1, 1e6);
  f("batch", batch, "rows a step", 1, 1e6);
  f("schedule", schedule, "of the learning rate").one_of(schedule_names());
  f("learning_rate", learning_rate, "its peak", 0.0, 1e3);
  f("warmup", warmup, "share of all steps in which the rate rises", 0.0, 1.0);
  f("decay", decay, "share of all steps, the last ones, in which the rate falls", 0.0, 1.0);
  f("final_share", final_share, "rate of the last step as a share of the peak", 0.0, 1.0);
  f("precision", precision, "of activations and products; auto: bfloat16 where the processor is fast at it, else float32")
      .one_of({"auto", "bfloat16", "float32"});
  f("recompute", recompute, "whether layers are computed anew for the backward pass rather than kept: less memory, a third more time");
  f("weight_decay", weight_decay, "decoupled, of matrices (the embedding included) and not of norms", 0.0, 1e3);
  f("beta1", beta1, "decay of the first moment", 0.0, 0.999999);
  f("beta2", beta2, "decay of the second moment", 0.0, 0.9999999);
  f("epsilon", epsilon, "added to the root of the second moment", 1e-30, 1.0);
  f("clip", clip, "largest norm of the gradient; 0: not clipped", 0.0, 1e9);
}

void TrainOptions::validate() const {
  if (warmup + decay > 1.0 + 1e-12)
    throw ConfigError(fmt::format("warmup is {} and decay is {}, together more than all steps; lower one of them", warmup, decay));
}

TrainOptions TrainOptions::resolved() const {
  TrainOptions out = *this;
#if defined(__x86_64__)
  const bool fast = __builtin_cpu_supports("avx512bf16") > 0;  // whatever has AMX has it too
#else
  const bool fast = false;
#endif
  if (precision == "auto") out.precision = fast ? "bfloat16" : "float32";
  return out;
}

Precision precision_of(const TrainOptions& options) {
  return options.resolved().precision == "bfloat16" ? Precision::bfloat16 : Precision::float32;
}

}  // namespace fader

// For agents that never ask the model.
#pragma once
#include <cmath>

#include "trainer/trainer.h"

namespace fader {

struct NoTrainer final : Trainer {
  void reset(Slots, std::span<const std::uint64_t>) override {}
  std::int64_t demand(int, std::int64_t) const override { return 0; }
  void train(std::span<TrainJob>, std::int64_t) override {}
  void losses(std::span<LossJob>) override {}
  void set_reference(std::span<LossJob>) override {}
  double reference_norm(int) const override { return std::nan(""); }
  void influence(std::span<Probe>) override {}
  double learning_rate(int) const override { return 0; }
  std::int64_t step(int) const override { return 0; }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}
};

}  // namespace fader

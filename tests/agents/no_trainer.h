// For agents that never ask the model.
#pragma once
#include <cmath>
#include <vector>

#include "agents/agent.h"
#include "trainer/trainer.h"

namespace fader {

struct NoTrainer final : Trainer {
  void reset(Slots, std::span<const std::uint64_t>) override {}
  std::int64_t demand(int, std::int64_t) const override { return 0; }
  void train(std::span<TrainJob>, std::int64_t, const std::function<void()>&) override {}
  void losses(std::span<LossJob>) override {}
  void set_reference(std::span<LossJob>) override {}
  double reference_norm(int) const override { return std::nan(""); }
  double reference_cosine(int) const override { return std::nan(""); }
  void influence(std::span<Probe>) override {}
  double learning_rate(int) const override { return 0; }
  std::int64_t step(int) const override { return 0; }
  bool started(int) const override { return true; }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}
};

/// What an agent gives these passages.
inline std::vector<float> scores(Agent& agent, std::span<const PassageId> ids, int slot = 0) {
  NoTrainer trainer;
  std::vector<float> out(ids.size());
  ScoreJob job{slot, ids, out, {}};
  agent.score({&job, 1}, trainer);
  return out;
}
inline std::vector<float> scores(Agent& agent, const std::vector<PassageId>& ids, int slot = 0) {
  return scores(agent, std::span<const PassageId>(ids), slot);
}

}  // namespace fader

// Agents that ask the model about candidates, within a budget of FLOPs.
//
// `budget` is the share of an interval's training FLOPs that scoring the next candidates may take, by the formula of
// trainer/flops.h. A random subset of the candidates is measured, as many as it pays for (all of them, where it does); the
// others get the mean of the measured scores, so that they rank in the middle. The subset is a function of (seed, kind of
// agent, optimiser step, passage): nothing is drawn, and two agents of one kind measure the same passages.
#pragma once
#include <string>
#include <vector>

#include "agents/agent.h"
#include "trainer/layout.h"

namespace fader {

/// What passages cost a model, by formula. Thread-safe.
class PassageCost {
 public:
  explicit PassageCost(const ModelOptions& model) : model_(model), layout_(model) {}
  double forward(std::int64_t tokens) const;   ///< FLOPs of a forward pass over one segment
  /// Training FLOPs of so many steps whose rows are filled by one segment each.
  double training(const TrainOptions& train, std::int64_t steps) const;

 private:
  ModelOptions model_;
  Layout layout_;
};

class Budgeted : public Agent {
 public:
  void begin(Slots slots, std::span<const std::uint64_t> seeds) override;
  void score(std::span<ScoreJob> jobs, Trainer& trainer) override;
  void state(Archive& archive) override { archive.field("key", std::span<std::uint64_t>(key_)); }
  void slot_state(Archive& archive, int slot) override { archive.field("key", key_[static_cast<std::size_t>(slot)]); }

 protected:
  /// The candidates of a slot that the budget pays for.
  struct Look {
    int slot = 0;
    std::vector<PassageId> passages;
    std::vector<float> score;   ///< to be filled
    Cost cost;                  ///< to be added to
  };
  /// `passes`: forward passes that measuring a passage costs (with a backward pass: 3). ConfigError when `budget` does not pay
  /// for two passages an interval. A budget of 0 is for those that never call `score` of this class.
  Budgeted(const AgentContext& context, const std::string& kind, double budget, double passes);

  virtual void measure(std::span<Look> looks, Trainer& trainer) = 0;
  virtual bool measurable(PassageId) const { return true; }   ///< the others always get the mean
  /// Sets the scores to the losses of this model.
  static void losses(std::span<Look> looks, Trainer& trainer);

 private:
  std::vector<std::size_t> affordable(int slot, std::span<const PassageId> candidates, std::int64_t step) const;

  const std::shared_ptr<const Corpus> corpus_;
  const std::string stream_;
  const PassageCost cost_;
  const double passes_, flops_;       // of a measurement; that an interval's scoring may take
  std::vector<std::uint64_t> key_;    // [slot]
};

/// The option that all of them have.
inline Fields& budget_field(Fields& f, double& budget) {
  return f("budget", budget, "share of an interval's training FLOPs that scoring may take; candidates beyond it, a random part of them, "
           "rank in the middle", 1e-6, 1e6);
}

}  // namespace fader

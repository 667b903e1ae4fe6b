// rollout and one_step (W14, A26): how far the reference loss falls when training goes on with an agent's own picks,
//
//   c_i = L_ref(theta) - L_ref(theta after h optimiser steps on them),
//
// from where the slot stands, with its optimiser, schedule and what the last interval carried over; then the slot is put back, bit
// for bit. one_step: h = 1, once. rollout: h = credit_rollout_steps, the mean of credit_rollout_repeats such falls, each on other
// picks of the agent's own in another order: the truth that the cheaper estimators are judged by. Picks are a random part of those
// that the agent alone would make in the whole interval. Losses are on the same passages before and after, and so is what is carried
// over, for all agents alike: differences between agents are steadier than the errors say.
//
// Standard error: of one fall, that of the reference passages (clustered_error, env/reward.h); of several, that of their mean, from
// their spread, which is of picks and their order and not of the reference passages. Costs h steps and a forward pass of the
// reference passages for every agent and repetition, and room for a copy of the slot's weights and moments.
// The one-step difference is that of MATES (Yu et al., arXiv 2406.06046), who store the level after the step instead.
// Status: checked against an oracle (tests/env/credits_test.cc).
#include <algorithm>
#include <cmath>

#include "env/credit.h"
#include "trainer/evaluation.h"

namespace fader {
namespace {

class Rollouts : public CreditEstimator {
 public:
  CreditNeeds needs() const override { return {}; }

  Cost estimate(const CreditScene& scene, Trainer& trainer, const Rng& rng, std::span<Estimate> credit) override {
    Cost cost;
    const std::vector<float> before = losses(scene, trainer, cost);
    Archive saved;
    trainer.slot_state(saved, scene.slot);
    for (std::size_t a = 0; a < credit.size(); ++a) {
      std::vector<Estimate> falls;
      for (std::int64_t r = 0; r < repeats_; ++r) {
        falls.push_back(fall(scene, trainer, a, stream_of(rng, a).child(fmt::format("repeat{}", r)), before, cost));
        Archive back(saved.bytes());
        trainer.slot_state(back, scene.slot);
        back.finish();
      }
      credit[a] = falls.front();
      if (repeats_ == 1) continue;
      std::vector<double> values;
      for (const Estimate& e : falls) values.push_back(e.value);
      credit[a] = weighted_mean(values, std::vector<double>(values.size(), 1.0));
    }
    return cost;
  }

 protected:
  Rollouts(const CreditContext& context, std::int64_t steps, std::int64_t repeats) : corpus_(context.corpus), steps_(steps), repeats_(repeats) {}

 private:
  std::vector<float> losses(const CreditScene& scene, Trainer& trainer, Cost& cost) const {
    std::vector<float> out(scene.reference.size());
    LossJob job{.slot = scene.slot, .passages = scene.reference, .loss = out};
    trainer.losses({&job, 1});
    cost += job.cost;
    return out;
  }

  /// Leaves the slot where the steps lead.
  Estimate fall(const CreditScene& scene, Trainer& trainer, std::size_t agent, Rng rng, const std::vector<float>& before, Cost& cost) const {
    const std::int64_t steps = std::min(steps_, scene.steps);
    std::vector<PassageId> passages = sample(scene, agent, scene.own[agent].size(), rng);
    std::int64_t left = trainer.demand(scene.slot, steps);
    std::size_t n = 0;
    for (; n < passages.size() && left > 0; ++n) left -= corpus_.passages()[passages[n]].tokens;
    if (left > 0) return {};  // all candidates together are too few
    TrainJob job{.slot = scene.slot, .passages = std::span(passages).first(n)};
    trainer.train({&job, 1}, steps);
    cost += job.cost;
    if (job.diverged) return {};
    const std::vector<float> after = losses(scene, trainer, cost);
    const auto level = [&](const std::vector<float>& loss) { return summarise(corpus_, scene.reference, loss).nats_per_token; };
    return {level(before) - level(after),
            clustered_error(corpus_, scene.reference, [&](std::size_t i) { return double{before[i]} - double{after[i]}; })};
  }

  const Corpus& corpus_;
  const std::int64_t steps_, repeats_;
};

struct OneStep final : Rollouts {
  OneStep(const NoOptions&, const CreditContext& context) : Rollouts(context, 1, 1) {}
};
struct Rollout final : Rollouts {
  Rollout(const NoOptions&, const CreditContext& context)
      : Rollouts(context, context.options.rollout_steps, context.options.rollout_repeats) {}
};

REGISTER_CREDIT("one_step", OneStep, NoOptions, "fall of the reference loss by one optimiser step on the agent's own picks (W14)", "checked against an oracle");
REGISTER_CREDIT("rollout", Rollout, NoOptions, "the same by several steps, repeated: the expensive truth", "checked against an oracle");

}  // namespace
}  // namespace fader

// cost_penalised (W29): another reward, less what selection cost,
//
//   r = r' - mu C_select / C_train,
//
// r' the reward named by reward_penalised, C_train the FLOPs of the interval's optimiser steps, C_select those of scoring its candidates
// and of the agents' probes since the interval before; static scores are spread evenly over the episode. mu
// (reward_mu) is in units of r' per overhead of one: a selection that costs as much as training. What is measured for people or
// for credit is not counted, so that looking stays free.
//
// Standard error: that of r'; costs are known. Costs nothing. Status: checked against an oracle (tests/env/rewards_test.cc).
#include "env/reward.h"

namespace fader {
namespace {

class CostPenalised final : public PenalisedReward {
 public:
  CostPenalised(const NoOptions&, const RewardContext& context) : PenalisedReward(context), mu_(context.options.mu) {}

 private:
  double penalty(const Interval& in) const override { return in.train_flops > 0 ? mu_ * in.selection_flops / in.train_flops : 0; }

  const double mu_;
};

REGISTER_REWARD("cost_penalised", CostPenalised, NoOptions, "another reward less the FLOPs of selection over those of training (W29; reward_mu)",
                "checked against an oracle");

}  // namespace
}  // namespace fader

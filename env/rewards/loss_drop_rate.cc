// loss_drop_rate (W4): the fall of the reference loss over the interval per unit of what the interval took,
//
//   r = (L_before - L_after) / tokens in millions            reward_rate = "token"
//   r = (L_before - L_after) / FLOPs in units of 10^15       reward_rate = "flop": training, scoring and probing
//
// By tokens it is W1 in other units, as all intervals take equally many; by FLOPs an agent whose scores cost much must be worth it.
// Units of a size at hand: a console's scaler need not know them.
//
// Standard error: that of the fall, over the same. Costs nothing beyond W1.
// Graves et al., arXiv 1704.03003, divide by time. Status: checked against an oracle (tests/env/rewards_test.cc).
#include <algorithm>

#include "env/reward.h"

namespace fader {
namespace {

class LossDropRate final : public StatelessReward {
 public:
  LossDropRate(const NoOptions&, const RewardContext& context) : StatelessReward(context), by_token_(context.options.rate == "token") {}

  Estimate measure(int, const Interval& in) override {
    const double spent = by_token_ ? static_cast<double>(in.interval_tokens) / 1e6 : (in.train_flops + in.selection_flops) / 1e15;
    const double unit = std::max(spent, 1e-12);  // an interval that took nothing brought nothing
    return {in.fall() / unit, clustered_error(corpus_, in) / unit};
  }

 private:
  const bool by_token_;
};

REGISTER_REWARD("loss_drop_rate", LossDropRate, NoOptions,
                "fall of the reference loss per million tokens or per 10^15 FLOPs (W4; reward_rate), nats per token", "checked against an oracle");

}  // namespace
}  // namespace fader

// baseline_relative (W5): how much further the reference loss fell than in a run to compare with, over the same interval,
//
//   r = (L^b_{t+1} - L_{t+1}) - (L^b_t - L_t) = (L_t - L_{t+1}) - (L^b_t - L^b_{t+1}),
//
// b a random or static run with the same schedule and reference set (reward_baseline), of the same seed where there is a folder of
// them. What comes of the learning rate and of the time is in both and goes out: the mean is zero when b is played again, and the sum
// over an episode is the final advantage over b. An interval worse than b's is below zero though the loss fell.
//
// Standard error: that of the fall (W1); the baseline's curve is taken as known, and where it was measured on the same items, as it
// should be, what the two have in common makes the difference steadier than that. Costs one other run, which serves all.
// After the paired comparison of stages in methods for influence-based selection. Status: checked against an oracle
// (tests/env/rewards_test.cc).
#include "env/reward.h"

namespace fader {
namespace {

class BaselineRelative final : public StatelessReward {
 public:
  BaselineRelative(const NoOptions&, const RewardContext& context) : StatelessReward(context), baseline_(context.baseline.loss) {}

  std::string lacks() const override {
    return baseline_.empty() ? "baseline_relative compares with another run, and env.reward_baseline is empty; name that run's folder" : "";
  }
  Estimate measure(int, const Interval& in) override {
    const auto t = static_cast<std::size_t>(in.index);
    return {in.fall() - (baseline_.at(t) - baseline_.at(t + 1)), clustered_error(corpus_, in)};
  }

 private:
  const std::vector<double> baseline_;
};

REGISTER_REWARD("baseline_relative", BaselineRelative, NoOptions,
                "how much further the reference loss fell than in a run to compare with (W5; reward_baseline), nats per token",
                "checked against an oracle");

}  // namespace
}  // namespace fader

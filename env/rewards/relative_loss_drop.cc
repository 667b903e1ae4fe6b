// relative_loss_drop (W2): the fall of the reference loss over the interval as a share of what it was,
//
//   r = (L_before - L_after) / L_before.
//
// Shrinks as training goes on, as W1 does, a little less so: what is left to gain is not known, and L does not tend to zero.
//
// Standard error: by the delta method, v_x = L_after before_x / L_before^2 - after_x / L_before in clustered_error (env/reward.h).
// Costs nothing beyond W1. The velocity 1 - L_t / L_{t-1} of the data mixing plugin in foundation-model-stack/fms-acceleration.
// Status: checked against an oracle (tests/env/rewards_test.cc).
#include "env/reward.h"

namespace fader {
namespace {

class RelativeLossDrop final : public StatelessReward {
 public:
  RelativeLossDrop(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}

  Estimate measure(int, const Interval& in) override {
    const double share = in.loss_after / in.loss_before;
    const auto v = [&](std::size_t i) { return (share * double{in.before[i]} - double{in.after[i]}) / in.loss_before; };
    return {1 - share, clustered_error(corpus_, in.items, v)};
  }
};

REGISTER_REWARD("relative_loss_drop", RelativeLossDrop, NoOptions, "fall of the reference loss as a share of what it was (W2)",
                "checked against an oracle");

}  // namespace
}  // namespace fader

// reference_loss_drop (W1): how far the reference loss fell over the interval,
//
//   r = L_before - L_after,   L = (1/D) sum_d (sum of nats in reference domain d) / (tokens in d),
//
// on the same items before and after. The sum of it over an episode is the whole fall, so with gamma = 1 it defines the same
// optimum as the final loss. It shrinks as training goes on, and credits whoever plays early or during the decay.
//
// Standard error: clustered by group (env/reward.h). Costs one forward pass of the reference passages, which all rewards share.
// Bai et al., arXiv 2410.08102, equation 2 made incremental.
// Status: checked against an oracle (tests/env/reference_loss_drop_test.cc).
#include "env/reward.h"

namespace fader {
namespace {

class ReferenceLossDrop final : public StatelessReward {
 public:
  ReferenceLossDrop(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}

  Estimate measure(int, const Interval& interval) override { return {interval.fall(), clustered_error(corpus_, interval)}; }
};

REGISTER_REWARD("reference_loss_drop", ReferenceLossDrop, NoOptions, "fall of the reference loss over the interval (W1), nats per token",
                "checked against an oracle");

}  // namespace
}  // namespace fader

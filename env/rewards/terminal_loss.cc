// terminal_loss (W9): what is wanted in the end, when it has come,
//
//   r = -L_T in the last interval, 0 before.
//
// With gamma = 1 it defines the same optimum as W1, which is its potential-based shaping (Ng, Harada and Russell 1999, "Policy
// invariance under reward transformations", ICML); all credit for the way there is the console's to assign. An episode that
// diverges before its end gets the loss of a failure then.
//
// Standard error: of the loss itself, v_x = after_x in clustered_error (env/reward.h): larger than that of a difference on the same
// items. Costs nothing beyond W1. Status: checked against an oracle (tests/env/rewards_test.cc).
#include "env/reward.h"

namespace fader {
namespace {

class TerminalLoss final : public StatelessReward {
 public:
  TerminalLoss(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}

  Estimate measure(int, const Interval& in) override {
    if (!in.last) return {0, 0};
    return {-in.loss_after, clustered_error(corpus_, in.items, [&](std::size_t i) { return double{in.after[i]}; })};
  }
};

REGISTER_REWARD("terminal_loss", TerminalLoss, NoOptions, "minus the final reference loss after the last interval, 0 before (W9), nats per token",
                "checked against an oracle");

}  // namespace
}  // namespace fader

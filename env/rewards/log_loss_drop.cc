// log_loss_drop (W3): the fall of the logarithm of the reference loss over the interval,
//
//   r = ln L_before - ln L_after.
//
// Telescopes, as W1 does: the sum over an episode is ln(L_0 / L_T). Nearly W2 while intervals are small.
//
// Standard error: by the delta method, v_x = before_x / L_before - after_x / L_after in clustered_error (env/reward.h). Costs nothing
// beyond W1. Status: checked against an oracle (tests/env/rewards_test.cc).
#include <algorithm>
#include <cmath>

#include "env/reward.h"

namespace fader {
namespace {

constexpr double kLeast = 1e-6;  // a loss of nothing has no logarithm

class LogLossDrop final : public StatelessReward {
 public:
  LogLossDrop(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}

  Estimate measure(int, const Interval& in) override {
    const double before = std::max(in.loss_before, kLeast), after = std::max(in.loss_after, kLeast);
    const auto v = [&](std::size_t i) { return double{in.before[i]} / before - double{in.after[i]} / after; };
    return {std::log(before) - std::log(after), clustered_error(corpus_, in.items, v)};
  }
};

REGISTER_REWARD("log_loss_drop", LogLossDrop, NoOptions, "fall of the logarithm of the reference loss over the interval (W3)",
                "checked against an oracle");

}  // namespace
}  // namespace fader

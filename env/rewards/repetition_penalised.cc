// repetition_penalised (W30): another reward, less what repetition may cost later,
//
//   r = r' - nu mean_x max(c(x) - c_free, 0),
//
// r' the reward named by reward_penalised, the mean over the passages that the interval took, c(x) how often x has been used, this
// time included. Up to about four uses are as good as fresh text (reward_free_uses; Muennighoff et al., arXiv 2305.16264). Without
// repetition, as with a stream, it is r'.
//
// Standard error: that of r'; uses are known. Costs nothing. Status: checked against an oracle (tests/env/rewards_test.cc).
#include <algorithm>

#include "env/reward.h"

namespace fader {
namespace {

class RepetitionPenalised final : public PenalisedReward {
 public:
  RepetitionPenalised(const NoOptions&, const RewardContext& context)
      : PenalisedReward(context), nu_(context.options.nu), free_(context.options.free_uses) {}

 private:
  double penalty(const Interval& in) const override {
    double excess = 0;
    for (const std::uint16_t uses : in.uses) excess += std::max(uses - free_, 0.0) / static_cast<double>(in.uses.size());
    return nu_ * excess;
  }

  const double nu_, free_;
};

REGISTER_REWARD("repetition_penalised", RepetitionPenalised, NoOptions, "another reward less the excess of uses over free ones (W30; reward_nu)",
                "checked against an oracle");

}  // namespace
}  // namespace fader

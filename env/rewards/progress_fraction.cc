// progress_fraction (W7): the fall of the reference loss over the fall that was to be expected, less one,
//
//   r = (L_t - L_{t+1} - F) / max(F, least),
//   F = L^b_t - L^b_{t+1}         reward_expected = "baseline": the run that reward_baseline names
//   F = f(n) - f(n')              reward_expected = "forecast": of a power law fitted to the run's own past (env/forecast.h)
//
// Without a unit, about zero when things go as expected, at any loss and at any time. Where little or nothing is expected a ratio is
// noise, and divided by F < 0 it would point the wrong way: what is divided by is at least `least` (reward_least_progress). By the
// forecast, which begins after the first interval, the first is 0.
//
// Standard error: that of the fall (W1) over what it is divided by, which is taken as known. Costs as much as W5, or nothing.
// Status: checked against an oracle (tests/env/rewards_test.cc).
#include <algorithm>

#include "env/reward.h"

namespace fader {
namespace {

class ProgressFraction final : public ForecastReward {
 public:
  ProgressFraction(const NoOptions&, const RewardContext& context)
      : ForecastReward(context), forecast_(context.options.expected == "forecast"), least_(context.options.least_progress),
        baseline_(context.baseline.loss) {}

  std::string lacks() const override {
    return forecast_ || !baseline_.empty() ? ""
                                           : "progress_fraction compares with another run, and env.reward_baseline is empty; name that run's "
                                             "folder, or set env.reward_expected = \"forecast\"";
  }
  Estimate measure(int slot, const Interval& in) override {
    const auto t = static_cast<std::size_t>(in.index);
    std::optional<double> expected = foretold(slot, in);
    if (!forecast_) expected = baseline_.at(t) - baseline_.at(t + 1);
    if (!expected) return {0, std::numeric_limits<double>::quiet_NaN()};
    const double unit = std::max(*expected, least_);
    return {(in.fall() - *expected) / unit, clustered_error(corpus_, in) / unit};
  }

 private:
  const bool forecast_;
  const double least_;
  const std::vector<double> baseline_;
};

REGISTER_REWARD("progress_fraction", ProgressFraction, NoOptions,
                "fall of the reference loss over that of a baseline or a forecast, less one (W7; reward_expected)", "checked against an oracle");

}  // namespace
}  // namespace fader

// forecast_relative (W6): how much lower the reference loss came out than its own past foretold,
//
//   r = Lhat(n') - L(n'),   Lhat(n') = L(n) - (f(n) - f(n')),
//
// n tokens trained on so far, n' at the end of the interval: the fall that the power law f of env/forecast.h foretells, from where
// the loss stands.
// About zero while training goes on as before, so that neither early intervals nor late ones are favoured; what the learning
// rate's decay brings is not foretold. f(n') itself in place of Lhat(n') misses by the whole distance of a young model's curve from
// a power law, interval after interval: twice the root mean square of r over experiments/bandit_ucb.toml (0.13 against 0.06 nats).
//
// Before four losses are known there is no fit: r is then the fall of the interval minus the mean fall of the last three intervals,
// 0 in the first. The standard error is that of the interval's fall (W1); the fit is taken as known. Costs nothing.
// The law is that of ADO's fits, Jiang et al., arXiv 2410.11820.
// Status: checked against an oracle (tests/env/forecast_relative_test.cc).
#include "env/forecast.h"
#include "env/reward.h"

namespace fader {
namespace {

class ForecastRelative final : public ForecastReward {
 public:
  ForecastRelative(const NoOptions&, const RewardContext& context) : ForecastReward(context) {}

  Estimate measure(int slot, const Interval& interval) override {
    const auto expected = foretold(slot, interval);
    return {expected ? interval.fall() - *expected : 0.0, clustered_error(corpus_, interval)};
  }
};

REGISTER_REWARD("forecast_relative", ForecastRelative, NoOptions,
                "how much further the reference loss fell than a power law fitted to its past foretold (W6), nats per token", "checked against an oracle");

}  // namespace
}  // namespace fader

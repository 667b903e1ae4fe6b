// regression: what the reward of an interval was, regressed on the weights that were executed,
//
//   r_t = b_0 + sum_i b_i a_{t,i} + noise,   c_i = b_i,   decision s counts credit_forgetting^(t-s) at decision t,
//
// ridge with an intercept (env/linear_fit.h). Weights add up to one, so that only differences of the b_i are known; ridge makes them
// add up to zero. Needs no measurement, but weights that vary: NaN before two decisions with different ones, and with few decisions, or
// small variations, all noise. Rewards that shrink as training goes on (W1) are credited to whoever played early: W5 and W6 do not.
//
// Standard error: a sandwich; NaN before there are two decisions more than agents. Costs nothing.
// Status: checked against an oracle (tests/env/credits_test.cc).
#include <algorithm>
#include <cmath>

#include "env/credit.h"
#include "env/linear_fit.h"

namespace fader {
namespace {

class Regression final : public CreditEstimator {
 public:
  Regression(const NoOptions&, const CreditContext& context)
      : agents_(context.agents), ridge_(context.options.ridge), forgetting_(context.options.forgetting),
        past_(static_cast<std::size_t>(context.slots)) {}

  CreditNeeds needs() const override { return {.after = true, .always = true}; }

  void begin(Slots slots) override {
    for (const int slot : slots) past(slot) = {};
  }

  Cost estimate(const CreditScene& scene, Trainer&, const Rng&, std::span<Estimate> credit) override {
    Past& p = past(scene.slot);
    p.weights.insert(p.weights.end(), scene.weights.begin(), scene.weights.end());
    p.reward.push_back(scene.reward.value);
    const std::size_t n = p.reward.size();
    Grid<double> x(n, agents_);
    std::ranges::copy(p.weights, x.view().data);
    std::vector<double> count(n, 1.0);
    for (std::size_t i = n - 1; i-- > 0;) count[i] = std::max(count[i + 1] * forgetting_, 1e-12);
    const LinearFit fit(std::move(x), p.reward, count, ridge_);
    std::vector<double> direction(agents_, 0);
    for (std::size_t a = 0; a < agents_; ++a) {
      direction[a] = 1;
      credit[a] = fit.along(direction);
      direction[a] = 0;
    }
    return {};
  }

  void slot_state(Archive& archive, int slot) override {
    Past& p = past(slot);
    archive.field("weights", p.weights);
    archive.field("reward", p.reward);
    archive.expect(p.weights.size() == p.reward.size() * agents_ &&
                       std::ranges::all_of(p.weights, [](double w) { return std::abs(w) <= 2; }) &&
                       std::ranges::all_of(p.reward, [](double r) { return std::abs(r) <= 1e100; }),
                   "weights and rewards of past decisions");
  }

 private:
  struct Past {
    std::vector<double> weights, reward;  // [n, K], [n], oldest first
  };
  Past& past(int slot) { return past_.at(static_cast<std::size_t>(slot)); }

  const std::size_t agents_;
  const double ridge_, forgetting_;
  std::vector<Past> past_;  // of each slot
};

REGISTER_CREDIT("regression", Regression, NoOptions, "the reward regressed on the executed weights: the slope of each agent", "checked against an oracle");

}  // namespace
}  // namespace fader

// byproduct_ipw: the influence of what was trained on, weighted as if the agent alone had picked,
//
//   c_i = sum_n w_n <g_ref, g(x_n)> / sum_n w_n,   w_n = tokens(x_n) [x_n was agent i's next candidate at place n] / p_n,
//
// p_n the probability that the mixture of picks gave to x_n at that place, given the picks before it. Each place says what agent i's
// next pick would have been worth whenever it was that one, whoever drew it: right on average, whatever the influence looks like,
// but only as often as agent i is heard. An agent without weight is credited for what others pick in its stead, if they do.
// Measured on what the interval's first credit_steps steps trained on, as byproduct_regression is.
//
// Standard error: of a self-normalised mean, var = sum_n w_n^2 (y_n - c)^2 / (sum_n w_n)^2 with the correction M / (M - 1); NaN for
// one passage, and no value for none. Costs the reference gradient, and what measuring takes in the trainer.
// Horvitz and Thompson 1952, "A generalization of sampling without replacement from a finite universe", JASA.
// Status: checked against an oracle (tests/env/credits_test.cc).
#include <cmath>

#include "core/error.h"
#include "env/credit.h"

namespace fader {
namespace {

class ByproductIpw final : public CreditEstimator {
 public:
  ByproductIpw(const NoOptions&, const CreditContext& context) : corpus_(context.corpus) {
    if (!context.mixture)
      throw ConfigError("credit 'byproduct_ipw' weighs picks by the probability with which they were drawn, and env.selection does not draw "
                        "them one by one; set env.selection = \"mixture_of_picks\", or ask for 'byproduct_regression'");
  }

  CreditNeeds needs() const override { return {.after = true, .influence = true, .gradient = true}; }

  Cost estimate(const CreditScene& scene, Trainer&, const Rng&, std::span<Estimate> credit) override {
    const std::size_t k = credit.size();
    std::vector<std::vector<double>> value(k), weight(k);
    std::vector<bool> taken(scene.candidates.size());
    std::vector<std::size_t> next(k, 0);  // place of each agent's best candidate that is left
    for (std::size_t n = 0; n < scene.picks.size(); ++n) {
      const Pick& pick = scene.picks[n];
      for (std::size_t a = 0; a < k; ++a) {
        while (taken[scene.rankings[a][next[a]]]) ++next[a];
        if (scene.rankings[a][next[a]] != pick.candidate || !std::isfinite(scene.influence[n])) continue;
        value[a].push_back(double{scene.influence[n]});
        weight[a].push_back(corpus_.passages()[scene.candidates[pick.candidate]].tokens / pick.propensity);
      }
      taken[pick.candidate] = true;
    }
    for (std::size_t a = 0; a < k; ++a) credit[a] = weighted_mean(value[a], weight[a]);
    return {};
  }

 private:
  const Corpus& corpus_;
};

REGISTER_CREDIT("byproduct_ipw", ByproductIpw, NoOptions,
                "influence of what was trained on, weighted by the inverse of the probability of its pick", "checked against an oracle");

}  // namespace
}  // namespace fader

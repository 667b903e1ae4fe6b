// byproduct_regression: the influence of what was trained on, regressed on the agents' opinions of it,
//
//   <g_ref, g(x)> = b_0 + sum_a b_a s_a(x) + noise,     c_i = mean over agent i's own picks x of what that says of x,
//
// s_a the rank-normalised score under agent a, on (0, 1). Measured on what the interval's first credit_steps steps trained on, as a
// by-product of those steps: no passage is looked at for credit alone, and an agent whose picks hardly occur gets its credit from
// those that look like its picks to all agents. Ridge with an intercept (env/linear_fit.h). An opinion that matters otherwise than
// in proportion to its rank is missed: for an agent with little weight the own picks lie at the edge of what was seen. The model moves
// during those steps while the reference gradient stays.
//
// Standard error: a sandwich of the prediction; for the passages that were measured as a sample of such passages. NaN without more
// passages than agents. Costs the reference gradient, and what measuring takes in the trainer.
// The regression of influence on features of the data is that of datamodels and MATES (arXiv 2406.06046), on agents' ranks alone.
// Status: checked against an oracle (tests/env/credits_test.cc).
#include <cmath>

#include "env/credit.h"
#include "env/linear_fit.h"

namespace fader {
namespace {

class ByproductRegression final : public CreditEstimator {
 public:
  ByproductRegression(const NoOptions&, const CreditContext& context) : corpus_(context.corpus), ridge_(context.options.ridge) {}

  CreditNeeds needs() const override { return {.after = true, .influence = true, .gradient = true}; }

  Cost estimate(const CreditScene& scene, Trainer&, const Rng&, std::span<Estimate> credit) override {
    const std::size_t k = credit.size();
    std::vector<std::vector<double>> ranks;
    for (const auto& ranking : scene.rankings) ranks.push_back(normalised_ranks(ranking));
    std::vector<std::uint32_t> measured;
    std::vector<double> y;
    for (std::size_t i = 0; i < scene.picks.size(); ++i) {
      if (!std::isfinite(scene.influence[i])) continue;
      measured.push_back(scene.picks[i].candidate);
      y.push_back(double{scene.influence[i]});
    }
    if (y.size() < k + 2) return {};
    Grid<double> x(y.size(), k);
    for (std::size_t i = 0; i < y.size(); ++i)
      for (std::size_t a = 0; a < k; ++a) x[i][a] = ranks[a][measured[i]];
    const LinearFit fit(std::move(x), y, std::vector<double>(y.size(), 1.0), ridge_);
    for (std::size_t i = 0; i < k; ++i) credit[i] = fit.at(mean_opinion(scene, ranks, i));
    return {};
  }

 private:
  /// What all agents think of agent i's own picks, token by token.
  std::vector<double> mean_opinion(const CreditScene& scene, const std::vector<std::vector<double>>& ranks, std::size_t i) const {
    std::vector<double> mean(ranks.size(), 0);
    double total = 0;
    for (const std::uint32_t candidate : scene.own[i]) {
      const double tokens = corpus_.passages()[scene.candidates[candidate]].tokens;
      total += tokens;
      for (std::size_t a = 0; a < ranks.size(); ++a) mean[a] += tokens * ranks[a][candidate];
    }
    for (double& m : mean) m /= total;
    return mean;
  }

  const Corpus& corpus_;
  const double ridge_;
};

REGISTER_CREDIT("byproduct_regression", ByproductRegression, NoOptions,
                "influence of what was trained on, regressed on the agents' ranks and foretold for each agent's own picks", "checked against an oracle");

}  // namespace
}  // namespace fader

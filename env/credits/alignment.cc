// alignment (W20): how far the gradient of an agent's own picks points where those of the other agents' point,
//
//   c_i = sum_{j != i} <g_i, g_j> / ((K - 1) mean_j |g_j|^2),
//
// g_i the gradient of the mean loss per token over credit_passages of agent i's own picks. About 1 when all are alike, 0 when they
// have nothing to do with each other. The reference set takes no part: what is aligned with the others need not help it. With
// G = sum_j g_j, one gradient, the sum is <g_i, G> - |g_i|^2. A sample that two agents share by chance makes them more alike, as does
// the noise of few passages make |g_j|^2 larger: it is lower than that of all picks would be.
//
// Standard error: of the mean over passages of <g(x), G>, in the same unit, all else taken as known. 0 for a single agent, without an
// error. Costs nine forward passes of each passage (three for G, three pooled, three one by one).
// DoGE (Fan et al., arXiv 2310.15393) and AC-ODM (arXiv 2505.23878) have it between domains.
// Status: checked against an oracle (tests/env/credits_test.cc).
#include <cmath>
#include <map>

#include "env/credit.h"

namespace fader {
namespace {

class Alignment final : public CreditEstimator {
 public:
  Alignment(const NoOptions&, const CreditContext& context)
      : corpus_(context.corpus), passages_(static_cast<std::size_t>(context.options.passages)) {}

  CreditNeeds needs() const override { return {.replaces = true}; }

  Cost estimate(const CreditScene& scene, Trainer& trainer, const Rng& rng, std::span<Estimate> credit) override {
    const std::size_t k = credit.size();
    std::vector<std::vector<PassageId>> own;
    for (std::size_t a = 0; a < k; ++a) own.push_back(sample(scene, a, passages_, stream_of(rng, a)));
    Cost cost = sum_of_gradients(scene, trainer, own);
    std::vector<Probe> pooled, single;
    for (const auto& passages : own) {
      pooled.push_back({.slot = scene.slot, .passages = passages});
      for (const PassageId& id : passages) single.push_back({.slot = scene.slot, .passages = {&id, 1}});
    }
    trainer.influence(pooled);
    trainer.influence(single);
    double squares = 0;
    for (const Probe& p : pooled) {
      cost += p.cost;
      squares += std::pow(double{p.norm}, 2) / static_cast<double>(k);
    }
    for (const Probe& p : single) cost += p.cost;
    const double unit = static_cast<double>(k - 1) * squares;
    auto next = single.begin();
    for (std::size_t a = 0; a < k; ++a) {
      std::vector<double> dots;
      for (std::size_t i = 0; i < own[a].size(); ++i) dots.push_back(double{(next++)->dot});
      credit[a] = {0, std::nan("")};
      if (!(unit > 0)) continue;
      credit[a].value = (double{pooled[a].dot} - std::pow(double{pooled[a].norm}, 2)) / unit;
      credit[a].standard_error = weighted_mean(dots, tokens_of(corpus_, own[a])).standard_error / unit;
    }
    return cost;
  }

 private:
  /// G becomes the slot's reference gradient.
  Cost sum_of_gradients(const CreditScene& scene, Trainer& trainer, const std::vector<std::vector<PassageId>>& own) const {
    std::map<PassageId, float> weight;  // of a token
    for (const auto& passages : own) {
      double tokens = 0;
      for (const PassageId id : passages) tokens += corpus_.passages()[id].tokens;
      for (const PassageId id : passages) weight[id] += static_cast<float>(1 / tokens);
    }
    std::vector<PassageId> ids;
    std::vector<float> weights;
    for (const auto& [id, w] : weight) {
      ids.push_back(id);
      weights.push_back(w);
    }
    LossJob job{.slot = scene.slot, .passages = ids, .weight = weights};
    trainer.set_reference({&job, 1});
    return job.cost;
  }

  const Corpus& corpus_;
  const std::size_t passages_;
};

REGISTER_CREDIT("alignment", Alignment, NoOptions, "mean inner product of the gradient of the agent's own picks with those of the others' (W20)",
                "checked against an oracle");

}  // namespace
}  // namespace fader

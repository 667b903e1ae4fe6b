// probe (W11) and probe_cosine (W13): what a sample of an agent's own picks would do to the reference loss, to first order,
//
//   c_i = mean_x <g_ref, g(x)>         probe: times the learning rate, the fall that a step of plain gradient descent on x brings
//   c_i = mean_x cos(g_ref, g(x))      probe_cosine: whatever the lengths of gradients; in [-1, 1]
//
// over credit_passages of the picks that agent i alone would make, each counted by its tokens, as in training; g(x) is the gradient of
// the mean loss per token of x. Positive: training on them lowers the reference loss. No curvature and no optimiser: Adam's steps
// are another metric.
//
// Standard error: of the mean over passages (weighted_mean); the reference gradient is taken as known. Costs three forward passes of
// each passage. TracIn (Pruthi et al., arXiv 2002.08484) without its sum over checkpoints; cosines as in LESS (arXiv 2402.04333),
// without projection.
// Status: checked against an oracle (tests/env/credits_test.cc).
#include "env/credit.h"

namespace fader {
namespace {

class MeanProbe : public CreditEstimator {
 public:
  CreditNeeds needs() const override { return {.gradient = true}; }

  Cost estimate(const CreditScene& scene, Trainer& trainer, const Rng& rng, std::span<Estimate> credit) override {
    std::vector<PassageId> passages;
    std::vector<std::size_t> begin = {0};
    for (std::size_t a = 0; a < credit.size(); ++a) {
      const auto own = sample(scene, a, passages_, stream_of(rng, a));
      passages.insert(passages.end(), own.begin(), own.end());
      begin.push_back(passages.size());
    }
    std::vector<Probe> probes;
    for (const PassageId& id : passages) probes.push_back({.slot = scene.slot, .passages = {&id, 1}, .norm_wanted = cosine_});
    trainer.influence(probes);
    Cost cost;
    std::vector<double> value;
    for (const Probe& p : probes) {
      value.push_back(cosine_ ? double{p.cosine} : double{p.dot});
      cost += p.cost;
    }
    const std::vector<double> tokens = tokens_of(corpus_, passages);
    for (std::size_t a = 0; a < credit.size(); ++a) {
      const std::size_t n = begin[a + 1] - begin[a];
      credit[a] = weighted_mean(std::span(value).subspan(begin[a], n), std::span(tokens).subspan(begin[a], n));
    }
    return cost;
  }

 protected:
  MeanProbe(const CreditContext& context, bool cosine)
      : corpus_(context.corpus), passages_(static_cast<std::size_t>(context.options.passages)), cosine_(cosine) {}

 private:
  const Corpus& corpus_;
  const std::size_t passages_;
  const bool cosine_;
};

struct InnerProduct final : MeanProbe {
  InnerProduct(const NoOptions&, const CreditContext& context) : MeanProbe(context, false) {}
};
struct Cosine final : MeanProbe {
  Cosine(const NoOptions&, const CreditContext& context) : MeanProbe(context, true) {}
};

REGISTER_CREDIT("probe", InnerProduct, NoOptions, "mean inner product of the reference gradient with gradients of the agent's own picks (W11)",
                "checked against an oracle");
REGISTER_CREDIT("probe_cosine", Cosine, NoOptions, "the same with cosines (W13)", "checked against an oracle");

}  // namespace
}  // namespace fader

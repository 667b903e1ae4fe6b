// gradient_cosine: how well a step on the passage would serve the reference set, to first order.
//
//   g(x) gradient of the passage's mean loss per token, g_ref the slot's reference gradient, both at theta_t
//   dot           S(x) = <g_ref, g(x)>                        what a step of plain gradient descent on x lowers the reference loss by,
//                                                             over its rate
//   cosine        S(x) = <g_ref, g(x)> / (|g_ref| |g(x)|)
//   dot_per_norm  S(x) = <g_ref, g(x)> / |g(x)|               the same for a step of length one. In the order of cosine; they
//                                                             differ where scores count as they are (env.scores = "raw")
// cosine is LESS's measure (Xia et al. 2024, arXiv 2402.04333, section 3) without its random projection and with plain gradients
// for both; dot is the ghost inner product of "Data Shapley in One Training Run" (Wang et al. 2024, arXiv 2406.11011): the trainer
// takes it without keeping any passage's gradient.
//
// A forward and a backward pass (3 forward passes) a measured candidate, within `budget` (budgeted.h). The environment takes the
// reference gradient before every scoring while such an agent is there; without one, all scores are 0.
// Status: checked against an oracle (tests/agents/gradient_cosine_test.cc).
#include <cmath>

#include "agents/budgeted.h"

namespace fader {
namespace {

struct GradientOptions final : Options {
  std::string measure = "cosine";
  double budget = 0.25;
  void fields(Fields& f) override {
    f("measure", measure, "of the passage's gradient with the reference gradient; dot_per_norm: for a step of length one")
        .one_of({"dot", "cosine", "dot_per_norm"});
    budget_field(f, budget);
  }
};

class GradientCosine final : public Budgeted {
 public:
  GradientCosine(const GradientOptions& options, const AgentContext& context)
      : Budgeted(context, "gradient_cosine", options.budget, 3), measure_(options.measure) {}

  bool wants_reference_gradient() const override { return true; }

 private:
  void measure(std::span<Look> looks, Trainer& trainer) override {
    std::vector<Probe> probes;
    for (const Look& look : looks) {
      if (std::isnan(trainer.reference_norm(look.slot))) continue;
      for (const PassageId& id : look.passages) probes.push_back({.slot = look.slot, .passages = {&id, 1}});
    }
    if (!probes.empty()) trainer.influence(probes);
    auto probe = probes.begin();
    for (Look& look : looks) {
      if (std::isnan(trainer.reference_norm(look.slot))) continue;  // nothing is known: scores stay 0
      for (float& score : look.score) {
        score = value(*probe);
        look.cost += probe++->cost;
      }
    }
  }

  float value(const Probe& p) const {
    if (measure_ == "cosine") return p.cosine;
    if (measure_ == "dot") return p.dot;
    return p.norm > 0 ? p.dot / p.norm : 0.0f;
  }

  const std::string measure_;
};

REGISTER_AGENT("gradient_cosine", GradientCosine, GradientOptions,
               "how far a step on the passage would lower the reference loss, to first order", "checked against an oracle");

}  // namespace
}  // namespace fader

// rho: what the model has yet to learn and can: its loss minus that of a small model that is done.
//
//   measure = rho      S(x) = l(x; theta_t) - l_IL(x)           reducible holdout loss, Mindermann et al. 2022 (arXiv 2206.07137),
//                                                               equation 3; the small model, theirs for the irreducible loss, is
//                                                               trained on the anchor set
//   measure = excess   S(x) = max(l(x; theta_t) - l_ref(x), 0)  DoReMi's excess loss (Xie et al. 2023, arXiv 2305.10429), clipped
//                                                               for the passage where theirs is for each token; the small model is
//                                                               trained on a sample of the pool
// With rho, noise has a high loss under both models, what is known a low one under both, and what is unlike the anchor set a high
// one under the small model alone: all three rank low.
//
// The small model's losses are a static column (small_model.h, `small_budget` of the whole run's FLOPs). The present loss takes
// one forward pass a measured candidate, within `budget` of an interval's (budgeted.h); candidates that the small model did not
// score rank in the middle.
// Status: checked against an oracle (tests/agents/rho_test.cc).
#include "agents/budgeted.h"
#include "agents/small_model.h"

namespace fader {
namespace {

struct RhoOptions final : Options {
  std::string measure = "rho";
  double budget = 0.25;
  SmallModelOptions small;
  void fields(Fields& f) override {
    f("measure", measure, "rho: loss beyond a small model of the anchor set; excess: beyond one of the pool, at least 0")
        .one_of({"rho", "excess"});
    budget_field(f, budget);
    small.fields(f, "small_", "small_budget");
  }
};

class Rho final : public Budgeted {
 public:
  Rho(const RhoOptions& options, const AgentContext& context)
      : Budgeted(context, "rho", options.budget, 1), excess_(options.measure == "excess"),
        column_(small_model_column(context, "rho", options.small, excess_ ? Set::pool : Set::anchor, SmallModelScore::loss)) {
    remark(unscored(*context.corpus, column_.values));
  }

  Cost static_cost() const override { return column_.cost; }

 private:
  bool measurable(PassageId id) const override { return column_.values[id] != kUnscored; }
  void measure(std::span<Look> looks, Trainer& trainer) override {
    losses(looks, trainer);
    for (Look& look : looks)
      for (std::size_t i = 0; i < look.score.size(); ++i) {
        look.score[i] -= column_.values[look.passages[i]];
        if (excess_ && look.score[i] < 0) look.score[i] = 0;
      }
  }

  const bool excess_;
  const StaticColumn column_;
};

REGISTER_AGENT("rho", Rho, RhoOptions, "what is yet to be learned and can be: loss beyond that of a small model of anchor text",
               "checked against an oracle");

}  // namespace
}  // namespace fader

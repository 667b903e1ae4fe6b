// loss: what the model has not learned, or what it has.
//
//   S(x) = l(x; theta_t), the mean loss per token of the model as it is      prefer = high
//
// prefer = low: -l; middle: the band around the median, which leaves out both what is known and what cannot be. The bandits of
// Graves et al. 2017 (arXiv 1704.03003) and ODM (arXiv 2312.02406) feed on the loss of a domain; here it is that of a passage.
// One forward pass a measured candidate, within `budget` (budgeted.h).
// Status: checked exactly (tests/agents/loss_test.cc).
#include "agents/budgeted.h"
#include "agents/prefer.h"

namespace fader {
namespace {

struct LossOptions final : Options {
  std::string which = "high";
  double budget = 0.25;
  void fields(Fields& f) override {
    prefer_field(f, which, "the candidates with the highest loss, with the lowest, or those nearest to the median");
    budget_field(f, budget);
  }
};

class Loss final : public Budgeted {
 public:
  Loss(const LossOptions& options, const AgentContext& context)
      : Budgeted(context, "loss", options.budget, 1), which_(options.which) {}

 private:
  void measure(std::span<Look> looks, Trainer& trainer) override {
    losses(looks, trainer);
    for (Look& look : looks) prefer(which_, look.score);
  }

  const std::string which_;
};

REGISTER_AGENT("loss", Loss, LossOptions, "the model's present loss: what is not learned yet", "checked against an oracle");

}  // namespace
}  // namespace fader

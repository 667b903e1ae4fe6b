// Hedge: every preset's weight is multiplied by the exponential of what it earned, or would have earned.
//
//   w_a <- w_a exp(eta r_a);   p = w / sum w;   with share > 0 then p <- (1 - share) p + share / A
//   played: (1 - gamma) p + gamma / A
//
// eta = sqrt(8 ln A / T) for rewards in [0, 1] over T decisions: the total of the mixture is at most sqrt(T ln A / 2) less than
// that of the best arm in hindsight, whatever the rewards. A share (fixed share; about changes / T) lets it follow a best arm
// that changes. gamma is for logs in which every arm has a known least probability; the theory has none.
// Every slot in lockstep counts as a decision of its own. Rewards outside [0, 1] are taken as they are: then choose eta.
// Without exploring gamma is left out.
// Freund and Schapire (1997), J. Computer and System Sciences 55, section 2; the rate: Cesa-Bianchi and Lugosi (2006),
// Prediction, Learning, and Games, theorem 2.2. Fixed share: Herbster and Warmuth (1998), Machine Learning 32.
// Status: checked against both bounds on hostile sequences and against a direct computation (tests/oracle/hedge_test.cc).
#include <cmath>

#include "policies/full_information.h"
#include "policies/log_weights.h"

namespace fader {
namespace {

struct HedgeOptions final : FullInformationOptions {
  double eta = 0, share = 0, gamma = 0;
  void fields(Fields& f) override {
    FullInformationOptions::fields(f);
    f("eta", eta, "learning rate; 0: sqrt(8 ln(arms) / decisions of an episode)", 0, 1e6);
    f("share", share, "of the probability that all arms share anew after every decision, about changes / decisions; 0: none", 0,
      0.99);
    f("gamma", gamma, "share of even play in what is played", 0, 1);
  }
};

class Hedge final : public Bandit {
 public:
  Hedge(const HedgeOptions& options, const PolicyContext& context)
      : Bandit(options, context, ShareDiagnostics::names()), options_(options), eta_(options.eta), weights_(arms()) {
    if (eta_ == 0) eta_ = std::sqrt(8 * std::log(static_cast<double>(arms())) / decisions(context));
  }

  void state(Archive& archive) override { weights_.state(archive); }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    weights_.shares(out);
    if (exploring()) simplex::mix(out, options_.gamma);
    played_.assign(out);
  }

  void diagnose(std::size_t arm, std::span<double> out) override { played_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    for (const Pull& pull : pulls) weights_.multiply(pull.arm, eta_ * pull.reward);
    weights_.settle();
    weights_.share(options_.share);
  }

 private:
  const HedgeOptions options_;
  double eta_;
  LogWeights weights_;
  ShareDiagnostics played_;
};

REGISTER_POLICY("hedge", Hedge, HedgeOptions, "exponential weights over presets from every agent's credit, also with fixed share",
                "checked against an oracle");

}  // namespace
}  // namespace fader

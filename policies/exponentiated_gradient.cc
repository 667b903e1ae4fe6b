// Exponentiated gradient: a multiplicative step of the weights w along the gradient of what the weights earned together.
//
//   w_a <- w_a exp(eta g_a) / sum;   with share > 0 then w <- (1 - share) w + share / A;   w is what is played
//   utility = "log"      u = ln <w, c>,   g_a = c_a / <w, c>
//   utility = "linear"   u = <w, c>,      g_a = c_a
//
// where c_a = least + (1 - least) r_a and r_a in [0, 1] is what preset a would have earned; rewards outside are cut to it.
// With the linear utility this is Hedge (policies/hedge.cc), step for step: the best weights are then one preset. The logarithm
// makes it another algorithm: a preset counts by how much it adds to the mixture that was played, presets that earn at different
// times complete each other, and the best weights may lie anywhere between. For T decisions, at the default rate
// eta = 2 least sqrt(2 ln A / T), the sum of ln <w, c> is at most sqrt(T ln A / 2) / least less than that of the best fixed
// weights in hindsight. For the linear utility the default is Hedge's rate, sqrt(8 ln A / T) / (1 - least).
// Slots in lockstep: their gradients are taken at the same weights and add up.
// Kivinen and Warmuth (1997), Information and Computation 132 (EG; EG+- is for weights of either sign, and left out).
// The logarithm: Helmbold, Schapire, Singer and Warmuth (1998), Mathematical Finance 8, theorem 4.1; its smoothing is `least`.
// Status: checked against that bound, against Hedge and a direct computation (tests/oracle/exponentiated_gradient_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/full_information.h"
#include "policies/log_weights.h"

namespace fader {
namespace {

struct ExponentiatedGradientOptions final : FullInformationOptions {
  std::string utility = "log";
  double eta = 0, least = 0.5, share = 0;
  void fields(Fields& f) override {
    FullInformationOptions::fields(f);
    f("utility", utility, "what is climbed: the logarithm of what the mixture earned, or that itself").one_of({"log", "linear"});
    f("eta", eta, "learning rate; 0: by theory, from the arms and the decisions of an episode", 0, 1e6);
    f("least", least, "rewards of 0 count as this much, those of 1 as 1", 1e-3, 0.999);
    f("share", share, "of the weights that all arms share anew after every decision, about changes / decisions; 0: none", 0,
      0.99);
  }
};

class ExponentiatedGradient final : public Bandit {
 public:
  ExponentiatedGradient(const ExponentiatedGradientOptions& options, const PolicyContext& context)
      : Bandit(options, context, ShareDiagnostics::names()),
        options_(options),
        logarithm_(options.utility == "log"),
        eta_(options.eta),
        weights_(arms()),
        w_(arms()) {
    const double log_arms = std::log(static_cast<double>(arms())), t = decisions(context);
    if (eta_ == 0)
      eta_ = logarithm_ ? 2 * options.least * std::sqrt(2 * log_arms / t) : std::sqrt(8 * log_arms / t) / (1 - options.least);
  }

  void state(Archive& archive) override { weights_.state(archive); }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    weights_.shares(out);
    played_.assign(out);
  }

  void diagnose(std::size_t arm, std::span<double> out) override { played_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    weights_.shares(w_);
    for (; !pulls.empty(); pulls = pulls.subspan(arms())) climb(pulls.first(arms()));
    weights_.settle();
    weights_.share(options_.share);
  }

 private:
  double earned(const Pull& pull) const { return options_.least + (1 - options_.least) * std::clamp(pull.reward, 0.0, 1.0); }

  /// Every arm's reward in one slot.
  void climb(std::span<const Pull> all) {
    double together = 0;
    for (const Pull& pull : all) together += w_[pull.arm] * earned(pull);
    for (const Pull& pull : all) weights_.multiply(pull.arm, eta_ * (logarithm_ ? earned(pull) / together : earned(pull)));
  }

  const ExponentiatedGradientOptions options_;
  const bool logarithm_;
  double eta_;
  LogWeights weights_;
  std::vector<double> w_;  // [A] their shares
  ShareDiagnostics played_;
};

REGISTER_POLICY("exponentiated_gradient", ExponentiatedGradient, ExponentiatedGradientOptions,
                "multiplicative steps of the weights along the gradient of what the mixture earns", "checked against an oracle");

}  // namespace
}  // namespace fader

// EXP3-IX: exponential weights from estimates of the loss l = 1 - r that are cut from above, in place of playing evenly at times.
//
//   lhat_a = l [a = I] / (p_a + gamma);   L_a = sum of lhat_a so far;   p_a proportional to exp(-eta L_a)
//   rates = "horizon"   eta = 2 gamma = sqrt(2 ln A / (A T)) over T decisions
//   rates = "anytime"   eta_t = 2 gamma_t = sqrt(ln A / (A t)) at decision t, counted from 1; the sums stay as they are
//
// With probability 1 - delta the total is less than that of the best arm by at most, with rates = "horizon",
//   2 sqrt(2 A T ln A) + (sqrt(2 A T / ln A) + 1) ln(2 / delta)       ("anytime": with A T replaced by 2 A T)
// where EXP3's bound is for the expectation alone. eta, where it is given, is the one of rates = "horizon", or that of the first
// decision, falling as 1 / sqrt(t). Rewards outside [0, 1] are cut to it. With feedback = "credit" every arm's reward
// is known, with probability one, and losses are divided by 1 + gamma. Slots in lockstep share p and make one decision together.
// Neu (2015), NIPS 28 (arXiv 1506.03271), algorithm 1 and theorem 1.
// Status: checked against that bound and a direct computation (tests/oracle/exp3ix_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/log_weights.h"

namespace fader {
namespace {

struct Exp3IxOptions final : BanditOptions {
  std::string rates = "horizon";
  double eta = 0;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("rates", rates, "of learning: one for an episode's decisions, or falling without end").one_of({"horizon", "anytime"});
    f("eta", eta, "learning rate, twice gamma; with rates = \"anytime\" the first; 0: by theory", 0, 1e3);
  }
};

class Exp3Ix final : public Bandit {
 public:
  Exp3Ix(const Exp3IxOptions& options, const PolicyContext& context)
      : Bandit(options, context, ShareDiagnostics::names()),
        anytime_(options.rates == "anytime"),
        eta_(options.eta),
        losses_(arms()) {
    const double a = static_cast<double>(arms());
    if (eta_ == 0) eta_ = anytime_ ? std::sqrt(std::log(a) / a) : std::sqrt(2 * std::log(a) / (a * decisions(context)));
  }

  void state(Archive& archive) override {
    losses_.state(archive);
    archive.field("moments", moments_);
    archive.expect(moments_ >= 0 && moments_ < kMostDecisions, "a number of decisions");
  }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    losses_.shares(out, rate());
    played_.assign(out);
  }

  void diagnose(std::size_t arm, std::span<double> out) override { played_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    const double gamma = rate() / 2;
    for (const Pull& pull : pulls)
      losses_.multiply(pull.arm, -(1 - std::clamp(pull.reward, 0.0, 1.0)) / (pull.probability + gamma));
    losses_.settle();
    ++moments_;
  }

 private:
  /// Of the decision that is due, or being learned.
  double rate() const { return anytime_ ? eta_ / std::sqrt(static_cast<double>(moments_) + 1) : eta_; }

  const bool anytime_;
  double eta_;
  LogWeights losses_;  // exp(-L); raised to the power of the rate when it is asked
  ShareDiagnostics played_;
  std::int64_t moments_ = 0;
};

REGISTER_POLICY("exp3ix", Exp3Ix, Exp3IxOptions,
                "exponential weights with implicit exploration, from the reward of the arm played", "checked against an oracle");

}  // namespace
}  // namespace fader

// Gradient bandit: climbs the expected reward of pi = softmax(H) over the presets, in the preferences H.
//
//   from the arm I that was drawn:   H_a <- H_a + alpha (r - b) (1[a = I] - pi_a)
//   from every arm's reward:         H_a <- H_a + alpha pi_a (r_a - sum_b pi_b r_b)
//
// The first (feedback = "reward") is an unbiased estimate of the second (feedback = "credit"), which is the gradient itself. b is
// what was earned before, so that it tells better from worse without moving the expectation:
//
//   baseline = "mean"     of all rewards so far: b <- b + (r - b) / t
//   baseline = "moving"   b <- b + alpha (r - b), for rewards that drift
//   baseline = "none"     0
//
// The first reward only sets a baseline. Slots in lockstep are drawn from the same pi and move H together. Rewards of any range;
// alpha is in their inverse units.
// Sutton and Barto (2018), Reinforcement Learning, section 2.8.
// Status: checked against a direct computation, against differences of the expected reward, and on a bandit with a known
// optimum (tests/oracle/gradient_bandit_test.cc).
#include "policies/log_weights.h"

namespace fader {
namespace {

struct GradientBanditOptions final : BanditOptions {
  double alpha = 0.1;
  std::string baseline = "mean";
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("alpha", alpha, "step of the preferences", 0, 1e6);
    f("baseline", baseline, "what a drawn arm's reward is compared with").one_of({"mean", "moving", "none"});
  }
  void validate() const override {
    BanditOptions::validate();
    if (baseline == "moving" && alpha > 1)
      throw ConfigError(
          fmt::format("alpha is {} and baseline is 'moving'; expected alpha of at most 1, or baseline = \"mean\"", alpha));
  }
};

class GradientBandit final : public Bandit {
 public:
  GradientBandit(const GradientBanditOptions& options, const PolicyContext& context)
      : Bandit(options, context, {"probability", "entropy", "baseline"}), options_(options), preferences_(arms()), pi_(arms()) {}

  void state(Archive& archive) override {
    preferences_.state(archive);
    archive.field("heard", heard_);
    archive.field("baseline", baseline_);
    archive.expect(heard_ >= 0 && heard_ < kMostDecisions && std::isfinite(baseline_), "a mean of rewards");
  }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    preferences_.shares(out);
    std::copy(out.begin(), out.end(), pi_.begin());
  }

  void diagnose(std::size_t arm, std::span<double> out) override {
    out[0] = pi_[arm];
    out[1] = simplex::entropy(pi_);
    out[2] = baseline_;
  }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    preferences_.shares(pi_);
    if (options_.feedback == "credit") {
      for (; !pulls.empty(); pulls = pulls.subspan(arms())) climb(pulls.first(arms()));
    } else {
      for (const Pull& pull : pulls) climb(pull);
    }
    preferences_.settle();
  }

 private:
  /// Every arm's reward in one slot.
  void climb(std::span<const Pull> all) {
    double mean = 0;
    for (const Pull& pull : all) mean += pi_[pull.arm] * pull.reward;
    for (const Pull& pull : all) preferences_.multiply(pull.arm, options_.alpha * pi_[pull.arm] * (pull.reward - mean));
    baseline_ = mean;
  }

  void climb(const Pull& pull) {
    ++heard_;
    if (heard_ == 1 && options_.baseline != "none") baseline_ = pull.reward;
    const double better = options_.alpha * (pull.reward - baseline_);
    for (std::size_t a = 0; a < arms(); ++a) preferences_.multiply(a, better * ((a == pull.arm ? 1.0 : 0.0) - pi_[a]));
    if (options_.baseline == "mean") baseline_ += (pull.reward - baseline_) / static_cast<double>(heard_);
    if (options_.baseline == "moving") baseline_ += options_.alpha * (pull.reward - baseline_);
  }

  const GradientBanditOptions options_;
  LogWeights preferences_;   // H, up to a number common to all
  std::vector<double> pi_;   // [A]
  std::int64_t heard_ = 0;   // rewards
  double baseline_ = 0;      // with every arm's reward known: of the mixture, for the diagnostics
};

REGISTER_POLICY("gradient_bandit", GradientBandit, GradientBanditOptions,
                "climbs the expected reward in the preferences of a softmax over presets; drawn or full information",
                "checked against an oracle");

}  // namespace
}  // namespace fader

// Thompson sampling with separate linear models: every preset has a ridge regression of its reward on what is seen, x (features
// and a one), with coefficients drawn anew at every decision:
//
//   A_a = lambda I + sum x x^T,   theta_a = A_a^-1 sum r x       sums over the plays of a
//   theta'_a ~ N(theta_a, v^2 A_a^-1),   the greatest theta'_a^T x is played
//
// Given x these scores are independent, each N(theta_a^T x, v^2 x^T A_a^-1 x), so nothing is lost by drawing the scores instead,
// and the probability of each arm is found by integration (policies/argmax.h). With `propensity` the arm is drawn from these
// probabilities, which is the same and is exactly what is logged; without, scores are drawn and no probability is logged.
// Theory has v = R sqrt(9 d ln(t / delta)) for noise R, which is wide; with Gaussian noise v is its standard deviation.
// Agrawal and Goyal (2013), ICML, algorithm 1 (arXiv 1209.3352), with a model for every arm.
// Status: checked against a direct computation and on linear rewards (tests/oracle/lin_thompson_test.cc).
#include <cmath>

#include "policies/argmax.h"
#include "policies/bandit.h"
#include "policies/ridge.h"

namespace fader {
namespace {

struct LinThompsonOptions final : ContextualOptions {
  double v = 0.3, lambda = 1;
  bool propensity = true;
  void fields(Fields& f) override {
    ContextualOptions::fields(f);
    f("v", v, "width of what is drawn: standard deviation of a reward around its mean", 1e-6, 1e6);
    f("lambda", lambda, "by how much coefficients are drawn to zero", 1e-6, 1e6);
    f("propensity", propensity, "find and log the probability of every arm, by integration");
  }
  void validate() const override {
    ContextualOptions::validate();
    if (play == "mixture" && !propensity)
      throw ConfigError("play is 'mixture' and propensity is false: a mixture is made of the probabilities; set propensity = true");
  }
};

class LinThompson final : public Bandit {
 public:
  LinThompson(const LinThompsonOptions& options, const PolicyContext& context)
      : Bandit(options, context, {"mean", "deviation", "pulls", "pulls_entropy"}), options_(options), pulls_(arms(), 0.0),
        score_(arms()), arm_(arms(), Ridge(seen_size(), options.lambda)) {}

  void state(Archive& archive) override {
    Bandit::state(archive);
    for (Ridge& model : arm_) archive.field("arm", model);
  }

 protected:
  void probabilities(std::span<const double> x, std::span<double> out) override {
    look(x);
    if (exploring()) return score_.probabilities(out);
    for (std::size_t a = 0; a < arms(); ++a) out[a] = score_.scores[a].mean;
    greedy(out, out);
  }

  std::optional<std::size_t> sample(std::span<const double> x, Rng& stream) override {
    if (options_.propensity || !exploring()) return std::nullopt;
    look(x);
    return score_.sample(stream);
  }

  void diagnose(std::size_t arm, std::span<double> out) override {
    for (std::size_t a = 0; a < arms(); ++a) pulls_[a] = arm_[a].pulls();
    out[0] = score_.scores[arm].mean;
    out[1] = score_.scores[arm].deviation;
    out[2] = pulls_[arm];
    out[3] = pulls_entropy(pulls_);
  }

  void update(std::span<const Pull> pulls) override {
    for (const Pull& pull : pulls) arm_[pull.arm].learn(pull.x, pull.reward);
  }

 private:
  void look(std::span<const double> x) {
    for (std::size_t a = 0; a < arms(); ++a) score_.scores[a] = {arm_[a].mean(x), options_.v * std::sqrt(arm_[a].variance(x))};
  }

  const LinThompsonOptions options_;
  std::vector<double> pulls_;  // [A] of the models, for `diagnose`
  Argmax<Normal> score_;       // of the x looked at last
  std::vector<Ridge> arm_;     // [A]
};

REGISTER_POLICY("lin_thompson", LinThompson, LinThompsonOptions, "Thompson sampling over presets, linear in what is observed",
                "checked against an oracle");

}  // namespace
}  // namespace fader

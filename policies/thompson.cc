// Thompson sampling: plays every preset with the probability that it is the best, given what it earned. With n_a plays of arm a,
// s_a the sum of what they earned, each drawn anew as one score an arm, the greatest wins:
//
//   gaussian        N(m_a, 1 / q_a),   q_a = 1 / v + n_a / d^2,   m_a = (m / v + s_a / d^2) / q_a
//   agrawal_goyal   N(s_a / (n_a + 1), 1 / (n_a + 1))
//   beta            Beta(a + s_a, b + n_a - s_a),   a reward r in [0, 1] being learned as 1 with probability r, else as 0
//
// Every moment (a call of `learn`) first multiplies n and s by gamma, so that what is long ago is known less and less; "thompson"
// never forgets, "discounted_thompson" has gamma = 0.95. The noise d is known, or estimated: with e an error of the mean of an
// arm before a play, n its plays until then, both discounted,
//
//   d^2 = (noise^2 + sum e^2 n / (n + 1)) / (1 + number of such e)
//
// so that the option `noise` counts as one reward. With `propensity` the probability of every arm to have the greatest score is
// found by integration (policies/argmax.h), and the arm is drawn from these, which is the same and is exactly what is logged;
// without, scores are drawn, which is faster, and no probability is logged.
// Thompson (1933), Biometrika 25. Agrawal and Goyal (2012), COLT, algorithm 2 (beta); (2013), AISTATS, algorithm 2 (its Gaussian
// form). Raj and Kalyani (2017), arXiv 1707.09727 (discounting).
// Status: checked against direct computation, a regret bound and changing means (tests/oracle/thompson_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/argmax.h"
#include "policies/bandit.h"

namespace fader {
namespace {

struct ThompsonOptions : BanditOptions {
  std::string variant = "gaussian";
  double gamma = 1, prior_mean = 0.5, prior_variance = 0.25, noise = 0.3, prior_a = 1, prior_b = 1;
  bool estimate_noise = true, propensity = true;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("variant", variant, "what is believed of an arm's mean: gaussian, gaussian with prior N(0, 1) and noise 1, or beta")
        .one_of({"gaussian", "agrawal_goyal", "beta"});
    f("gamma", gamma, "what is left of a decision's weight at the next one; 1 never forgets", 0.1, 1);
    f("prior_mean", prior_mean, "of variant gaussian: mean reward of an arm that was never played", -1e6, 1e6);
    f("prior_variance", prior_variance, "of variant gaussian: of that mean", 1e-12, 1e12);
    f("noise", noise, "of variant gaussian: standard deviation of a reward around its arm's mean", 1e-6, 1e6);
    f("estimate_noise", estimate_noise, "of variant gaussian: noise is a first guess, to be learned");
    f("prior_a", prior_a, "of variant beta: rewards of one that count as seen", 0.1, 1e6);
    f("prior_b", prior_b, "of variant beta: rewards of zero that count as seen", 0.1, 1e6);
    f("propensity", propensity, "find and log the probability of every arm, by integration");
  }
  void validate() const override {
    BanditOptions::validate();
    if (play == "mixture" && !propensity)
      throw ConfigError("play is 'mixture' and propensity is false: a mixture is made of the probabilities; set propensity = true");
    if (variant != "beta") return;
    const bool credited = feedback == "credit";
    const std::string& fed = credited ? credits.credit_scaler : scaler;
    const std::vector<std::string> within = {"none", "minmax_window", "logistic_zscore", "agents_minmax"};
    if (std::ranges::find(within, fed) == within.end())
      throw ConfigError(fmt::format("variant is 'beta' and {} is '{}', which leaves [0, 1]; set it to 'minmax_window', or variant = "
                                    "\"gaussian\"", credited ? "credit_scaler" : "scaler", fed));
  }
};

struct DiscountedThompsonOptions final : ThompsonOptions {
  DiscountedThompsonOptions() { gamma = 0.95; }
};

class Thompson final : public Bandit {
 public:
  Thompson(const ThompsonOptions& options, const PolicyContext& context)
      : Bandit(options, context, {"mean", "deviation", "pulls", "pulls_entropy", "noise"}), options_(believed(options)),
        beta_(options.variant == "beta"), pulls_(arms(), 0.0), sum_(arms(), 0.0), normal_(arms()), odds_(arms()) {}

  void state(Archive& archive) override {
    archive.field("pulls", std::span(pulls_));
    archive.field("sum", std::span(sum_));
    archive.field("errors", errors_);
    archive.field("squares", squares_);
    for (std::size_t a = 0; a < arms(); ++a)
      archive.expect(pulls_[a] >= 0 && pulls_[a] <= kMost && std::abs(sum_[a]) <= kMost &&
                         (!beta_ || (sum_[a] >= 0 && sum_[a] <= pulls_[a])),
                     "what a bandit has seen of an arm");
    archive.expect(errors_ >= 0 && errors_ <= kMost && squares_ >= 0 && squares_ <= kMost, "what is known of the noise");
  }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    believe();
    if (!exploring()) {
      for (std::size_t a = 0; a < arms(); ++a) out[a] = mean(a);
      greedy(out, out);
    } else if (beta_) {
      odds_.probabilities(out);
    } else {
      normal_.probabilities(out);
    }
  }

  std::optional<std::size_t> sample(std::span<const double>, Rng& stream) override {
    if (options_.propensity || !exploring()) return std::nullopt;
    believe();
    return beta_ ? odds_.sample(stream) : normal_.sample(stream);
  }

  void diagnose(std::size_t arm, std::span<double> out) override {
    out[0] = mean(arm);
    out[1] = deviation(arm);
    out[2] = pulls_[arm];
    out[3] = pulls_entropy(pulls_);
    out[4] = beta_ ? std::nan("") : std::sqrt(variance());
  }

  void prepare(std::span<Pull> pulls, Rng& rng) override {
    if (!beta_) return;
    for (const Pull& pull : pulls)
      if (!(pull.reward >= -kSlack && pull.reward <= 1 + kSlack))
        throw RunError(fmt::format("a reward is {} and variant 'beta' learns from [0, 1]; set scaler = \"minmax_window\", or variant = "
                                   "\"gaussian\"", pull.reward));
    for (Pull& pull : pulls) pull.reward = rng.uniform() < pull.reward ? 1 : 0;
  }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    for (std::size_t a = 0; a < arms(); ++a) pulls_[a] *= options_.gamma, sum_[a] *= options_.gamma;
    errors_ *= options_.gamma, squares_ *= options_.gamma;
    for (const Pull& pull : pulls) {
      double& n = pulls_[pull.arm];
      const double error = n > kForgotten ? pull.reward - sum_[pull.arm] / n : 0;
      if (n > kForgotten) errors_ += 1, squares_ += error * error * n / (n + 1);
      n += 1;
      sum_[pull.arm] += pull.reward;
    }
  }

 private:
  static constexpr double kMost = 1e12;         // of anything that is counted or summed up
  static constexpr double kForgotten = 1e-9;    // plays of an arm whose mean says nothing any more
  static constexpr double kSlack = 1e-9;        // rounding of rewards in [0, 1]

  static ThompsonOptions believed(ThompsonOptions options) {
    if (options.variant == "agrawal_goyal") {
      options.prior_mean = 0;
      options.prior_variance = options.noise = 1;
      options.estimate_noise = false;
    }
    return options;
  }

  double variance() const {
    const double guess = options_.noise * options_.noise;
    return options_.estimate_noise ? (guess + squares_) / (1 + errors_) : guess;
  }

  void believe() {
    const double known = 1 / options_.prior_variance, noise = variance();
    for (std::size_t a = 0; a < arms(); ++a) {
      if (beta_) {
        odds_.scores[a] = {options_.prior_a + sum_[a], options_.prior_b + pulls_[a] - sum_[a]};
      } else {
        const double precision = known + pulls_[a] / noise;
        normal_.scores[a] = {(known * options_.prior_mean + sum_[a] / noise) / precision, 1 / std::sqrt(precision)};
      }
    }
  }

  double mean(std::size_t arm) const {
    const Beta& odds = odds_.scores[arm];
    return beta_ ? odds.a / (odds.a + odds.b) : normal_.scores[arm].mean;
  }
  double deviation(std::size_t arm) const {
    const auto& [a, b] = odds_.scores[arm];
    return beta_ ? std::sqrt(a * b / (a + b + 1)) / (a + b) : normal_.scores[arm].deviation;
  }

  const ThompsonOptions options_;
  const bool beta_;
  std::vector<double> pulls_, sum_;   // [A] discounted
  double errors_ = 0, squares_ = 0;   // errors of the arms' means: their number, and what they say of the noise; discounted
  Argmax<Normal> normal_;
  Argmax<Beta> odds_;
};
using DiscountedThompson = Thompson;

REGISTER_POLICY("thompson", Thompson, ThompsonOptions, "Thompson sampling over presets: Gaussian, Beta", "checked against an oracle");
REGISTER_POLICY("discounted_thompson", DiscountedThompson, DiscountedThompsonOptions,
                "Thompson sampling over presets, for rewards that drift", "checked against an oracle");

}  // namespace
}  // namespace fader

// EXP3 and EXP3.S: exponential weights from the reward of the arm that was played, whatever the rewards, in [0, 1].
//
//   p_a = (1 - gamma) w_a / sum w + gamma / A;   arm I is drawn from p
//   exp3    w_a <- w_a exp(gamma rhat_a / A),                          rhat_a = r [a = I] / p_a
//   exp3s   w_a <- w_a exp(gamma rhat_a / A) + (e alpha / A) sum w     (the sum before)
//
// exp3: gamma = min(1, sqrt(A ln A / ((e - 1) T))) over T decisions; the expected total is at most 2 sqrt((e - 1) T A ln A) less
// than that of the best arm. With restart_every = D it begins anew every D decisions, gamma from D in place of T (REXP3, for
// means that drift). Theory's D is ceil((A ln A)^(1/3) (T / V)^(2/3)), where V sums over the decisions the greatest move of any
// mean: give `variation` = V for it.
// exp3s: alpha = 1 / T, gamma = min(1, sqrt(A (S ln(A T) + e) / ((e - 1) T))); the expected total is at most
// 2 sqrt((e - 1) T A (S ln(A T) + e)) less than that of the best sequence of arms with S - 1 = `switches` changes.
// Rewards outside [0, 1] are cut to it. With feedback = "credit" every arm's reward is known, with probability one: then it
// is Hedge at the rate gamma / A, mixed with even play. Slots in lockstep share p and each counts in full; a restart and exp3s's
// sharing come once a decision. Without exploring the mixing with even play is left out.
// Auer, Cesa-Bianchi, Freund and Schapire (2002), SIAM J. Computing 32: sections 3 and 8.
// REXP3: Besbes, Gur and Zeevi (2014), NIPS 27, algorithm 1 and theorem 2.
// Status: checked against both bounds, a direct computation and changing means (tests/oracle/exp3_test.cc).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "policies/log_weights.h"

namespace fader {
namespace {

constexpr double kE = std::numbers::e;

/// EXP3 with all that its relatives add, by its numbers.
class ExponentialWeights : public Bandit {
 public:
  void state(Archive& archive) final {
    weights_.state(archive);
    archive.field("moments", moments_);
    archive.expect(moments_ >= 0 && (moments_ == 0 || moments_ < restart_every_), "decisions since a restart");
  }

 protected:
  ExponentialWeights(const BanditOptions& options, const PolicyContext& context)
      : Bandit(options, context, ShareDiagnostics::names()), weights_(arms()) {}

  void probabilities(std::span<const double>, std::span<double> out) final {
    weights_.shares(out);
    if (exploring()) simplex::mix(out, gamma_);
    played_.assign(out);
  }

  void diagnose(std::size_t arm, std::span<double> out) final { played_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) final {
    if (pulls.empty()) return;
    const double log_total = alpha_ > 0 ? weights_.log_total() : 0;
    for (const Pull& pull : pulls)
      weights_.multiply(pull.arm, gamma_ / count() * std::clamp(pull.reward, 0.0, 1.0) / pull.probability);
    if (alpha_ > 0) weights_.raise(std::log(kE * alpha_ / count()) + log_total);
    weights_.settle();
    if (restart_every_ > 0 && ++moments_ == restart_every_) {
      weights_.forget();
      moments_ = 0;
    }
  }

  double count() const { return static_cast<double>(arms()); }

  double gamma_ = 0, alpha_ = 0;
  std::int64_t restart_every_ = 0;  // 0: never

 private:
  LogWeights weights_;
  ShareDiagnostics played_;
  std::int64_t moments_ = 0;  // decisions since the last restart, if there are any
};

struct Exp3Options final : BanditOptions {
  double gamma = 0, variation = 0;
  std::int64_t restart_every = 0;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("gamma", gamma, "share of even play, and learning rate; 0: by theory, from the arms and the decisions of an episode", 0, 1);
    f("restart_every", restart_every, "decisions after which it begins anew; 0: never, or as variation has it", 0, 1e9);
    f("variation", variation, "the greatest move of any mean, summed over an episode, for theory's restarts; 0: none", 0, 1e6);
  }
  void validate() const override {
    BanditOptions::validate();
    if (restart_every > 0 && variation > 0)
      throw ConfigError(fmt::format("restart_every is {} and variation is {}: both say when to begin anew; give one of the two",
                                    restart_every, variation));
  }
};

class Exp3 final : public ExponentialWeights {
 public:
  Exp3(const Exp3Options& options, const PolicyContext& context) : ExponentialWeights(options, context) {
    const double a_log_a = count() * std::log(count());
    double t = decisions(context);
    restart_every_ = options.restart_every;
    if (options.variation > 0)
      restart_every_ = std::max<std::int64_t>(
          1, static_cast<std::int64_t>(std::ceil(std::min(t, std::cbrt(a_log_a) * std::pow(t / options.variation, 2.0 / 3)))));
    if (restart_every_ > 0) t = std::min(t, static_cast<double>(restart_every_));
    gamma_ = options.gamma > 0 ? options.gamma : std::min(1.0, std::sqrt(a_log_a / ((kE - 1) * t)));
  }
};

struct Exp3sOptions final : BanditOptions {
  double gamma = 0, alpha = 0;
  std::int64_t switches = 1;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("gamma", gamma, "share of even play, and learning rate; 0: by theory, from arms, decisions of an episode and switches", 0,
      1);
    f("alpha", alpha, "e alpha is the share of the weights that all arms get anew; 0: 1 / decisions of an episode", 0, 1);
    f("switches", switches, "how often the best arm is thought to change in an episode, for the default of gamma", 0, 1e9);
  }
};

class Exp3s final : public ExponentialWeights {
 public:
  Exp3s(const Exp3sOptions& options, const PolicyContext& context) : ExponentialWeights(options, context) {
    const double t = decisions(context), stretches = 1 + static_cast<double>(options.switches);
    const double theory = std::sqrt(count() * (stretches * std::log(count() * t) + kE) / ((kE - 1) * t));
    gamma_ = options.gamma > 0 ? options.gamma : std::min(1.0, theory);
    alpha_ = options.alpha > 0 ? options.alpha : 1 / t;
  }
};

REGISTER_POLICY("exp3", Exp3, Exp3Options, "exponential weights from the reward of the arm played; also restarted (REXP3)",
                "checked against an oracle");
REGISTER_POLICY("exp3s", Exp3s, Exp3sOptions,
                "exponential weights from the reward of the arm played, for a best arm that changes",
                "checked against an oracle");

}  // namespace
}  // namespace fader

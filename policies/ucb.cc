// Upper confidence bounds: plays the preset whose mean plus bonus is greatest. With n_a pulls, mean m_a and variance V_a
// (mean squared deviation) of arm a and t = sum n_a pulls so far, the bonus is c times
//
//   ucb1    sqrt(2 ln t / n_a)
//   tuned   sqrt((ln t / n_a) min(1/4, V_a + sqrt(2 ln t / n_a)))
//   v       sqrt(2 V_a E / n_a) + 3 E / n_a,   E = zeta ln t
//
// c = 1 is the published index, for rewards in [0, 1]. Each arm is played once first, in an order drawn from the slot's
// stream; ties are broken by the same stream; otherwise nothing is random. Slots in lockstep learn together.
// Auer, Cesa-Bianchi and Fischer (2002), Machine Learning 47: UCB1 (figure 1), UCB1-tuned (section 4).
// Audibert, Munos and Szepesvari (2009), Theoretical Computer Science 410: UCB-V (section 3), with its c = 1, b = 1.
// Status: checked against the regret bound and a direct computation (tests/oracle/ucb_test.cc). Stationary rewards.
#include <algorithm>
#include <cmath>

#include "policies/bandit.h"

namespace fader {
namespace {

struct UcbOptions final : BanditOptions {
  std::string variant = "ucb1";
  double c = 1.0, zeta = 1.2;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("variant", variant, "which bonus").one_of({"ucb1", "tuned", "v"});
    f("c", c, "width of the bonus; 1 is the published one for rewards in [0, 1], 0 is greedy", 0, 100);
    f("zeta", zeta, "of variant v: weight of ln t; above 1 in theory", 0.1, 10);
  }
};

class Ucb final : public Bandit {
 public:
  Ucb(const UcbOptions& options, const PolicyContext& context)
      : Bandit(options, context, ArmIndex::diagnostics()), options_(options), index_(arms()), squares_(arms(), 0.0) {}

  void state(Archive& archive) override {
    archive.field("pulls", std::span(index_.pulls));
    archive.field("mean", std::span(index_.mean));
    archive.field("squares", std::span(squares_));
    for (std::size_t a = 0; a < arms(); ++a)
      archive.expect(index_.pulls[a] >= 0 && std::isfinite(index_.pulls[a]) && std::floor(index_.pulls[a]) == index_.pulls[a] &&
                         std::isfinite(index_.mean[a]) && squares_[a] >= 0 && std::isfinite(squares_[a]),
                     "what a bandit has seen of an arm");
  }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    double t = 0;
    for (const double n : index_.pulls) t += n;
    const double log_t = t > 0 ? std::log(t) : 0;
    for (std::size_t a = 0; a < arms(); ++a)
      if (index_.pulls[a] > 0) index_.bonus[a] = options_.c * bonus(index_.pulls[a], squares_[a] / index_.pulls[a], log_t);
    index_.probabilities(out, exploring());
  }

  void diagnose(std::size_t arm, std::span<double> out) override { index_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) override {
    for (const Pull& pull : pulls) {  // Welford's recursion
      double& mean = index_.mean[pull.arm];
      const double before = pull.reward - mean;
      mean += before / (index_.pulls[pull.arm] += 1);
      squares_[pull.arm] += before * (pull.reward - mean);
    }
  }

 private:
  double bonus(double n, double variance, double log_t) const {
    if (options_.variant == "ucb1") return std::sqrt(2 * log_t / n);
    if (options_.variant == "tuned") return std::sqrt(log_t / n * std::min(0.25, variance + std::sqrt(2 * log_t / n)));
    const double e = options_.zeta * log_t;
    return std::sqrt(2 * variance * e / n) + 3 * e / n;
  }

  const UcbOptions options_;
  ArmIndex index_;
  std::vector<double> squares_;  // [A] sum of squared deviations from the mean
};

REGISTER_POLICY("ucb", Ucb, UcbOptions, "upper confidence bounds over presets: UCB1, UCB1-tuned, UCB-V",
                "checked against an oracle");

}  // namespace
}  // namespace fader

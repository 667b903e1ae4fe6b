// Upper confidence bounds for rewards that drift: every moment multiplies what came before by gamma. At moment t
//
//   N_a = sum_s gamma^(t - s) [a played at s],   m_a = (1 / N_a) sum_s gamma^(t - s) r_s [a played at s],   n = sum_a N_a
//   index = m_a + 2 B sqrt(xi ln n / N_a)
//
// with s running over the moments up to the last one learned, t. A moment is one call of `learn`: slots in lockstep belong
// to the same one. Each arm is played once first, in an order drawn from the slot's stream, which also breaks ties.
// gamma = 1 and xi = 0.5 give UCB1. A default gamma of 0.95 remembers about 20 decisions; with Y changes in T
// decisions theory asks for gamma = 1 - sqrt(Y / T) / (4 B). The published xi = 0.6 is wide for short episodes: over 100
// decisions of bandit-v0 its regret is 22 where even play has 30; xi = 0.05 has 10.5 (gamma 0.95, 200 seeds).
// Kocsis and Szepesvari (2006), 2nd PASCAL Challenges Workshop; Garivier and Moulines (2011), ALT, section 3 (arXiv 0805.3415).
// Status: checked against a direct computation and on changing means (tests/oracle/discounted_ucb_test.cc).
#include <cmath>

#include "policies/bandit.h"

namespace fader {
namespace {

struct DiscountedUcbOptions final : BanditOptions {
  double gamma = 0.95, xi = 0.6, bound = 1.0;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("gamma", gamma, "what is left of a decision's weight at the next one; 1 never forgets", 0.1, 1);
    f("xi", xi, "width of the bonus; above 0.5 in theory", 0, 100);
    f("bound", bound, "B: scaled rewards lie in [0, B]", 1e-12, 1e12);
  }
};

class DiscountedUcb final : public Bandit {
 public:
  DiscountedUcb(const DiscountedUcbOptions& options, const PolicyContext& context)
      : Bandit(options, context, ArmIndex::diagnostics()), options_(options), index_(arms()), sum_(arms(), 0.0) {}

  void state(Archive& archive) override {
    archive.field("pulls", std::span(index_.pulls));
    archive.field("sum", std::span(sum_));
    double n = 0;
    for (std::size_t a = 0; a < arms(); ++a) {
      archive.expect(index_.pulls[a] >= 0 && std::isfinite(index_.pulls[a] > 0 ? sum_[a] / index_.pulls[a] : sum_[a]),
                     "what a bandit has seen of an arm");
      n += index_.pulls[a];
    }
    archive.expect(std::isfinite(n), "a number of moments");
  }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    double n = 0;
    for (const double pulls : index_.pulls) n += pulls;
    const double log_n = n > 1 ? std::log(n) : 0;  // the latest moment counts in full: less than one comes from elsewhere
    for (std::size_t a = 0; a < arms(); ++a)
      if (index_.pulls[a] > 0) {
        index_.mean[a] = sum_[a] / index_.pulls[a];
        index_.bonus[a] = 2 * options_.bound * std::sqrt(options_.xi * log_n / index_.pulls[a]);
      }
    index_.probabilities(out, exploring());
  }

  void diagnose(std::size_t arm, std::span<double> out) override { index_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    for (double& n : index_.pulls) n *= options_.gamma;
    for (double& sum : sum_) sum *= options_.gamma;
    for (const Pull& pull : pulls) {
      index_.pulls[pull.arm] += 1;
      sum_[pull.arm] += pull.reward;
    }
  }

 private:
  const DiscountedUcbOptions options_;
  ArmIndex index_;           // pulls: N
  std::vector<double> sum_;  // [A] discounted rewards
};

REGISTER_POLICY("discounted_ucb", DiscountedUcb, DiscountedUcbOptions,
                "upper confidence bounds over presets, for rewards that drift", "checked against an oracle");

}  // namespace
}  // namespace fader

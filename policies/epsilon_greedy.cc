// Epsilon-greedy: the preset of the greatest mean m_a with probability 1 - eps_t, else any, evenly. t counts decisions from 1.
//
//   constant   eps_t = epsilon
//   decay      eps_t = min(1, weight A / (gap^2 t)) with A arms; gap is to lie below that of the two best means, weight above 5
//   m_a <- m_a + max(alpha, 1 / n_a) (r - m_a),   n_a pulls so far, this one counted
//
// alpha = 0 gives sample means; otherwise the step is constant once n_a exceeds 1 / alpha, which follows means that drift. An
// arm that was never played counts as the best. Slots in lockstep make one decision together. The theory's weight (c there; the
// gap is d) explores for thousands of decisions; the defaults of decay, 0.5 and 0.5, explore about the first 2 A. Rewards of any
// range.
// Sutton and Barto (2018), Reinforcement Learning, sections 2.2 to 2.5.
// decay: Auer, Cesa-Bianchi and Fischer (2002), Machine Learning 47, figure 3 and theorem 3.
// Status: checked against the bound of theorem 3 and a direct computation (tests/oracle/epsilon_greedy_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/bandit.h"
#include "policies/simplex.h"

namespace fader {
namespace {

struct EpsilonGreedyOptions final : BanditOptions {
  std::string schedule = "constant";
  double epsilon = 0.1, weight = 0.5, gap = 0.5, alpha = 0;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("schedule", schedule, "of the share of decisions that explore: constant, or falling as 1 / t")
        .one_of({"constant", "decay"});
    f("epsilon", epsilon, "of schedule constant: that share", 0, 1);
    f("weight", weight, "of schedule decay: weight of the exploration; above 5 in theory", 0, 1e6);
    f("gap", gap, "of schedule decay: a number below the gap between the best mean and the next", 1e-6, 1e6);
    f("alpha", alpha, "least step of the means towards a reward, for rewards that drift; 0: sample means", 0, 1);
  }
};

class EpsilonGreedy final : public Bandit {
 public:
  EpsilonGreedy(const EpsilonGreedyOptions& options, const PolicyContext& context)
      : Bandit(options, context, {"mean", "pulls", "epsilon"}), options_(options), index_(arms()) {}

  void state(Archive& archive) override {
    archive.field("moments", moments_);
    archive.field("pulls", std::span(index_.pulls));
    archive.field("mean", std::span(index_.mean));
    archive.expect(moments_ >= 0 && moments_ < kMostDecisions, "a number of decisions");
    for (std::size_t a = 0; a < arms(); ++a)
      archive.expect(index_.pulls[a] >= 0 && std::isfinite(index_.pulls[a]) && std::floor(index_.pulls[a]) == index_.pulls[a] &&
                         std::isfinite(index_.mean[a]),
                     "what a bandit has seen of an arm");
  }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    index_.probabilities(out, exploring());
    if (exploring()) simplex::mix(out, epsilon());
  }

  void diagnose(std::size_t arm, std::span<double> out) override {
    out[0] = index_.pulls[arm] > 0 ? index_.mean[arm] : std::nan("");
    out[1] = index_.pulls[arm];
    out[2] = exploring() ? epsilon() : 0;
  }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    ++moments_;
    for (const Pull& pull : pulls) {
      const double n = index_.pulls[pull.arm] += 1;
      index_.mean[pull.arm] += std::max(options_.alpha, 1 / n) * (pull.reward - index_.mean[pull.arm]);
    }
  }

 private:
  double epsilon() const {
    if (options_.schedule == "constant") return options_.epsilon;
    const double t = static_cast<double>(moments_) + 1;
    return std::min(1.0, options_.weight * static_cast<double>(arms()) / (options_.gap * options_.gap * t));
  }

  const EpsilonGreedyOptions options_;
  ArmIndex index_;  // its bonus stays zero
  std::int64_t moments_ = 0;
};

REGISTER_POLICY("epsilon_greedy", EpsilonGreedy, EpsilonGreedyOptions,
                "the preset of the greatest mean, now and then any; constant or decaying exploration",
                "checked against an oracle");

}  // namespace
}  // namespace fader

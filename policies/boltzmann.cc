// Boltzmann exploration: presets in the proportion of exp(Q_a / tau), where Q_a follows the rewards of arm a:
//
//   p_a = exp(Q_a / tau) / sum_b exp(Q_b / tau),   Q_a <- Q_a + alpha (r - Q_a),   Q_a = initial before the first
//
// A gap of tau between two Q makes one arm e times as probable as the other, however sure the gap is. The defaults fit rewards in
// [0, 1], as scaler = "minmax_window" gives them; with z-scores take initial = 0. Rewards of any range.
// Without exploring it plays the greatest Q.
// Sutton and Barto, Reinforcement Learning: section 2.3 of the first edition (1998; softmax action selection), section 2.5 of the
// second (2018; constant step).
// Status: checked against a direct computation and on changing means (tests/oracle/boltzmann_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/bandit.h"
#include "policies/simplex.h"

namespace fader {
namespace {

struct BoltzmannOptions final : BanditOptions {
  double tau = 0.1, alpha = 0.2, initial = 0.5;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("tau", tau, "temperature, in units of reward", 1e-9, 1e9);
    f("alpha", alpha, "step of Q towards a reward", 1e-6, 1);
    f("initial", initial, "Q of an arm before its first reward", -1e9, 1e9);
  }
};

class Boltzmann final : public Bandit {
 public:
  Boltzmann(const BoltzmannOptions& options, const PolicyContext& context)
      : Bandit(options, context, {"value", "entropy"}), options_(options), value_(arms(), options.initial) {}

  void state(Archive& archive) override {
    archive.field("value", std::span(value_));
    archive.expect(std::all_of(value_.begin(), value_.end(), [](double q) { return std::isfinite(q); }), "the value of an arm");
  }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    if (exploring()) {
      const double top = *std::max_element(value_.begin(), value_.end());
      for (std::size_t a = 0; a < arms(); ++a) out[a] = (value_[a] - top) / options_.tau;
      softmax(out, out);
    } else {
      greedy(value_, out);
    }
    entropy_ = simplex::entropy(out);
  }

  void diagnose(std::size_t arm, std::span<double> out) override {
    out[0] = value_[arm];
    out[1] = entropy_;
  }

  void update(std::span<const Pull> pulls) override {
    for (const Pull& pull : pulls) value_[pull.arm] += options_.alpha * (pull.reward - value_[pull.arm]);
  }

 private:
  const BoltzmannOptions options_;
  std::vector<double> value_;  // [A] Q
  double entropy_ = 0;         // of what is to be played
};

REGISTER_POLICY("boltzmann", Boltzmann, BoltzmannOptions, "presets in the proportion of exp(value / temperature)",
                "checked against an oracle");

}  // namespace
}  // namespace fader

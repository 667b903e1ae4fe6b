// Upper confidence bounds for rewards that change: only the last tau moments count. With N_a plays of arm a among them, m_a the
// mean of what these earned and n = sum_a N_a,
//
//   index = m_a + B sqrt(xi ln n / N_a)
//
// A moment is one call of `learn`: slots in lockstep belong to the same one; with one slot n = min(t, tau). An arm that was not
// played among the last tau moments is played next, in an order drawn from the slot's stream, which also breaks ties.
// xi = 2, B = 1 and a tau that is never reached give UCB1. With Y changes in T decisions theory asks for
// tau = 2 B sqrt(T ln T / Y). A moment costs tau additions. The published xi = 0.6 is wide for short episodes: over 100 decisions of
// bandit-v0 with noise 0.2 its regret is 18 where even play has 30; xi = 0.05 has 9 (tau 20, 100 seeds).
// Garivier and Moulines (2011), ALT, section 4 (arXiv 0805.3415): SW-UCB.
// Status: checked against a direct computation and on changing means (tests/oracle/sliding_ucb_test.cc).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "policies/bandit.h"

namespace fader {
namespace {

struct SlidingUcbOptions final : BanditOptions {
  std::int64_t tau = 20;
  double xi = 0.6, bound = 1.0;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    f("tau", tau, "decisions that are remembered", 1, 1e6);
    f("xi", xi, "width of the bonus; above 0.5 in theory", 0, 100);
    f("bound", bound, "B: scaled rewards lie in [0, B]", 1e-12, 1e12);
  }
};

class SlidingUcb final : public Bandit {
 public:
  SlidingUcb(const SlidingUcbOptions& options, const PolicyContext& context)
      : Bandit(options, context, ArmIndex::diagnostics()), options_(options), index_(arms()) {}

  void state(Archive& archive) override {
    archive.field("pulls", std::span(index_.pulls));
    archive.field("heard", heard_);
    archive.field("arm", arm_);
    archive.field("reward", reward_);
    if (!archive.loading()) return;
    std::int64_t left = static_cast<std::int64_t>(arm_.size());
    for (const std::int64_t n : heard_) {
      archive.expect(n > 0 && n <= left, "a number of rewards in one moment");
      left -= n;
    }
    archive.expect(left == 0 && reward_.size() == arm_.size() && heard_.size() <= window(), "a window of moments");
    for (std::size_t i = 0; i < arm_.size(); ++i)
      archive.expect(arm_[i] < arms() && std::abs(reward_[i]) <= kMost, "a reward that was remembered");
    for (std::size_t a = 0; a < arms(); ++a)
      archive.expect(index_.pulls[a] == static_cast<double>(std::ranges::count(arm_, a)), "the plays of an arm that are remembered");
    sum_up();
  }

 protected:
  void probabilities(std::span<const double>, std::span<double> out) override {
    const double n = static_cast<double>(arm_.size()), log_n = n > 0 ? std::log(n) : 0;
    for (std::size_t a = 0; a < arms(); ++a)
      if (index_.pulls[a] > 0) index_.bonus[a] = options_.bound * std::sqrt(options_.xi * log_n / index_.pulls[a]);
    index_.probabilities(out, exploring());
  }

  void diagnose(std::size_t arm, std::span<double> out) override { index_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    if (heard_.size() == window()) forget();
    heard_.push_back(static_cast<std::int64_t>(pulls.size()));
    for (const Pull& pull : pulls) {
      arm_.push_back(pull.arm);
      reward_.push_back(pull.reward);
    }
    sum_up();
  }

 private:
  static constexpr double kMost = 1e100;  // no sum of such overflows

  std::size_t window() const { return static_cast<std::size_t>(options_.tau); }

  void forget() {
    arm_.erase(arm_.begin(), arm_.begin() + heard_.front());
    reward_.erase(reward_.begin(), reward_.begin() + heard_.front());
    heard_.erase(heard_.begin());
  }

  /// Anew each time: sums that are added to and taken from would drift.
  void sum_up() {
    std::ranges::fill(index_.pulls, 0.0);
    std::ranges::fill(index_.mean, 0.0);
    for (std::size_t i = 0; i < arm_.size(); ++i) {
      index_.pulls[arm_[i]] += 1;
      index_.mean[arm_[i]] += reward_[i];
    }
    for (std::size_t a = 0; a < arms(); ++a)
      if (index_.pulls[a] > 0) index_.mean[a] /= index_.pulls[a];
  }

  const SlidingUcbOptions options_;
  ArmIndex index_;
  std::vector<std::int64_t> heard_;  // rewards of each moment, the oldest first
  std::vector<std::uint64_t> arm_;   // of these rewards
  std::vector<double> reward_;
};

REGISTER_POLICY("sliding_ucb", SlidingUcb, SlidingUcbOptions,
                "upper confidence bounds over presets, from the last tau decisions", "checked against an oracle");

}  // namespace
}  // namespace fader

// The shared part of bandits over presets: plays an arm or a mixture of them, logs how, refuses what cannot be learned.
//
// A bandit says how probable each arm is now, and hears of pulls: which arm, what it earned, how probable it was. Three ways to
// play one come from two options:
//   play = "one"      an arm is drawn, its preset is the weights
//   play = "mixture"  the weights are sum_a p_a preset_a; nothing is drawn
//   feedback = "reward"   one pull a slot: the arm that was played, with its probability
//   feedback = "credit"   one pull an arm and slot, with probability one: earned = sum_k preset_ak credit_k. An agent without credit
//                         counts as the mean of the others; without any, nothing is learned
// Without exploring, an arm that is drawn is the most probable one; what a mixture then leaves out is the algorithm's business.
// What is learned is shared by the slots; an arm played is read back from the transition, so nothing is pending between
// `decide` and `learn`.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "policies/presets.h"

namespace fader {

/// No policy counts so far; what a saved state holds beyond was never counted.
inline constexpr std::int64_t kMostDecisions = std::int64_t{1} << 53;

struct Pull {
  std::size_t arm = 0;
  double reward = 0;             ///< finite
  double probability = 1;        ///< with which this pull was heard of
  double played = 1;             ///< with which the arm was to be played, or its share of a mixture; the same when feedback = "reward"
  std::span<const double> x;     ///< what was observed when it was decided
};

class Bandit : public Policy {
 public:
  Bandit(const BanditOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics);

  const PolicySpec& spec() const final { return spec_; }
  void decide(const Observations& observations, Streams streams, Decisions& out) final;
  void learn(const Transitions& transitions, Rng&) final;
  void explore(bool on) final { exploring_ = on; }

 protected:
  /// Probability of every arm, [A], from what has been learned and observed; sums to one.
  virtual void probabilities(std::span<const double> x, std::span<double> out) = 0;
  /// Whether `probabilities` depends on x: if not it is called once for all slots.
  virtual bool contextual() const { return false; }
  /// The numbers that spec().diagnostics names, [D], of an arm just drawn (of a mixture: the most probable). Called after
  /// `probabilities`.
  virtual void diagnose(std::size_t arm, std::span<double> out) = 0;
  /// One moment: what the slots of one call heard, in row order.
  virtual void update(std::span<const Pull> pulls) = 0;

  std::size_t arms() const { return spec_.arms; }
  bool exploring() const { return exploring_; }

 private:
  void play(std::size_t row, Rng& stream, Decisions& out);
  void hear(std::size_t row, const Transitions& transitions);

  PolicySpec spec_;
  const bool mixture_, from_credit_;
  bool exploring_ = true;
  std::vector<double> probability_;
  std::vector<Pull> pulls_;
  std::vector<double> credit_;
};

/// Numbers of an index policy, one a preset: index = mean + bonus, NaN where an arm was never played.
struct ArmIndex {
  explicit ArmIndex(std::size_t arms);
  std::vector<double> mean, bonus, pulls;   ///< pulls may be discounted
  static std::vector<std::string> diagnostics();  ///< "index", "mean", "bonus", "pulls" of the arm; "pulls_entropy" of all, nats
  void diagnose(std::size_t arm, std::span<double> out) const;
  /// Uniform over the arms never played (pulls zero); without such, over those of the greatest index. Without `exploring` over
  /// those of the greatest mean among the ones played, if any was.
  void probabilities(std::span<double> out, bool exploring = true) const;
};

/// One on the greatest of `value`, shared evenly where several are: what a greedy policy plays. May be the same memory.
void greedy(std::span<const double> value, std::span<double> out);

/// Probabilities proportional to exp(score), finite scores; may be the same memory.
void softmax(std::span<const double> score, std::span<double> out);

}  // namespace fader

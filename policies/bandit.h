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
// A bandit that reads observations gets its features (policies/features.h) with a one behind them, by slot.
// What is learned is shared by the slots; an arm played is read back from the transition, so nothing is pending between
// `decide` and `learn`.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policies/features.h"
#include "policies/presets.h"

namespace fader {

/// No policy counts so far; what a saved state holds beyond was never counted.
inline constexpr std::int64_t kMostDecisions = std::int64_t{1} << 53;

struct Pull {
  std::size_t arm = 0;
  double reward = 0;             ///< finite
  double probability = 1;        ///< with which this pull was heard of; NaN: not known (see `sample`)
  double played = 1;             ///< with which the arm was to be played, or its share of a mixture; the same when feedback = "reward"
  std::span<const double> x;     ///< what was seen when it was decided, as `probabilities` got it
};

/// Of a bandit that reads observations.
struct ContextualOptions : BanditOptions {
  FeatureOptions features;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    features.fields(f);
  }
};

class Bandit : public Policy {
 public:
  Bandit(const BanditOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics);
  /// A contextual one: x is its features and, last, a one.
  Bandit(const ContextualOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics);

  const PolicySpec& spec() const final { return spec_; }
  void begin(Slots slots, Streams streams) override;
  void decide(const Observations& observations, Streams streams, Decisions& out) final;
  void learn(const Transitions& transitions, Rng& rng) final;
  void explore(bool on) final { exploring_ = on; }
  void learned(Archive& archive) final {
    whole_ = false;
    state(archive);
    whole_ = true;
  }
  /// Histories of features. Who has more to save and is contextual calls this first.
  void state(Archive& archive) override;

 protected:
  /// Probability of every arm, [A], from what has been learned and is seen, x: the observed row, or features. Sums to one.
  virtual void probabilities(std::span<const double> x, std::span<double> out) = 0;
  /// Whether `probabilities` depends on x: if not it is called once for all slots.
  virtual bool contextual() const { return features_.has_value(); }
  /// An arm drawn without its probability being found, which is logged as NaN. Nothing: `probabilities` is asked, as it always is
  /// with play = "mixture".
  virtual std::optional<std::size_t> sample(std::span<const double> x, Rng& stream) {
    static_cast<void>(x), static_cast<void>(stream);
    return std::nullopt;
  }
  /// The numbers that spec().diagnostics names, [D], of an arm just drawn (of a mixture: the most probable). Called after
  /// `probabilities` or `sample`.
  virtual void diagnose(std::size_t arm, std::span<double> out) = 0;
  /// Before `update`, for those whose learning draws: may change the rewards. RunError when one cannot be learned.
  virtual void prepare(std::span<Pull> pulls, Rng& rng) { static_cast<void>(pulls), static_cast<void>(rng); }
  /// One moment: what the slots of one call heard, in row order.
  virtual void update(std::span<const Pull> pulls) = 0;

  std::size_t arms() const { return spec_.arms; }
  std::size_t seen_size() const { return seen_.cols(); }  ///< length of x where it is features
  bool exploring() const { return exploring_; }

 private:
  void play(std::size_t row, Rng& stream, Decisions& out);
  void mix(std::size_t row, Decisions& out);
  void play_arm(std::size_t row, std::size_t arm, double probability, Decisions& out);
  void hear(std::size_t row, const Transitions& transitions);

  PolicySpec spec_;
  const bool mixture_, from_credit_;
  bool exploring_ = true;
  bool whole_ = true;   // a state has what belongs to slots as well
  std::optional<Features> features_;
  Grid<double> seen_;  // [slots, features and a one] what the rows of a call see
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

/// Of the shares of what was played of each arm, in nats; NaN before anything was.
double pulls_entropy(std::span<const double> pulls);

/// One on the greatest of `value`, shared evenly where several are: what a greedy policy plays. May be the same memory.
void greedy(std::span<const double> value, std::span<double> out);

/// Probabilities proportional to exp(score), finite scores; may be the same memory.
void softmax(std::span<const double> score, std::span<double> out);

}  // namespace fader

// The shared part of bandits over presets: draws an arm, logs how, refuses what cannot be learned.
//
// A bandit says how probable each arm is now, and takes rewards in. What is learned is shared by the slots; an arm played
// is read back from the transition, so nothing is pending between `decide` and `learn`.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "policies/presets.h"

namespace fader {

class Bandit : public Policy {
 public:
  Bandit(const BanditOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics);

  const PolicySpec& spec() const final { return spec_; }
  void decide(const Observations& observations, Streams streams, Decisions& out) final;
  void learn(const Transitions& transitions, Rng&) final;

 protected:
  /// Probability of every arm, [A], from what has been learned; sums to one.
  virtual void probabilities(std::span<double> out) = 0;
  /// The numbers that spec().diagnostics names, [D], of an arm just drawn. Called after `probabilities`.
  virtual void diagnose(std::size_t arm, std::span<double> out) = 0;
  /// One moment: what the slots of one call played and earned, in row order. Finite rewards.
  virtual void update(std::span<const std::int64_t> arm, std::span<const double> reward) = 0;

  std::size_t arms() const { return spec_.arms; }

 private:
  PolicySpec spec_;
  std::vector<double> probability_;
};

/// Numbers of an index policy, one a preset: index = mean + bonus, NaN where an arm was never played.
struct ArmIndex {
  explicit ArmIndex(std::size_t arms);
  std::vector<double> mean, bonus, pulls;   ///< pulls may be discounted
  static std::vector<std::string> diagnostics();  ///< "index", "mean", "bonus", "pulls" of the arm; "pulls_entropy" of all, nats
  void diagnose(std::size_t arm, std::span<double> out) const;
  /// Uniform over the arms never played (pulls zero); without such, over those of the greatest index.
  void probabilities(std::span<double> out) const;
};

}  // namespace fader

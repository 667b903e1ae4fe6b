// What learning policies have in common in their options, and the presets that bandits choose among.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "policies/policy.h"

namespace fader {

struct LearningOptions : Options {
  std::string reward;             ///< empty: env.reward
  std::string scaler = "none";
  void fields(Fields& f) override;
};

/// Of a policy that learns from credit: a number for every agent.
struct CreditOptions : Options {
  std::string credit;             ///< empty: the environment's first
  std::string credit_scaler = "minmax_window";
  void fields(Fields& f) override;
};

struct BanditOptions : LearningOptions {
  std::string presets = "vertices";
  Vectors presets_list;           ///< takes the place of `presets`
  double floor_passages = 8;
  std::string play = "one";       ///< "one": an arm is drawn; "mixture": the presets in the proportion of their probabilities
  std::string feedback = "reward";  ///< "reward": of the arm played; "credit": of every arm, from the agents' credit
  CreditOptions credits;
  BanditOptions() { scaler = "minmax_window"; }
  void fields(Fields& f) override;
  void validate() const override;
};

/// Least weight that leaves every agent `passages` of the picks of an interval: at most half of an even share.
double floor_of(double passages, const PolicyContext& context);

/// Weights that a person wrote, one per agent, as a point of the simplex: sums within 1e-6 of one are normalised.
/// ConfigError that begins with `what`.
std::vector<double> checked_weights(std::span<const double> written, const std::vector<std::string>& agents,
                                    std::string_view what);

/// The presets, floors applied: what is executed. Vertices first, in the order of the agents, then edges, then the
/// centre; no two are equal. ConfigError for a list that does not fit the agents.
Vectors make_presets(const BanditOptions& options, const PolicyContext& context);

}  // namespace fader

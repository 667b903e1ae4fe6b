// Off-policy estimates of an experiment: every policy that drew arms is a logger, and for each are asked: every arm by itself, all arms
// alike, and the arms as often as every other policy of the same arms drew them.
#pragma once
#include <string>
#include <vector>

#include "analysis/ope_log.h"

namespace fader {

/// What one estimator says, or why it says nothing.
struct OpeValue {
  ope::Estimator estimator;
  ope::Estimate estimate;
  std::string refusal;               ///< "": none
};

struct OpeTarget {
  std::string name;                  ///< "always arm 0 (quality 0.97)", "all arms alike", "as often as ucb"
  std::vector<double> probability;   ///< [A]
  ope::Overlap overlap;
  std::vector<OpeValue> values;      ///< in the order of ope::kEstimators; empty: see refusal
  std::string refusal;

  const OpeValue& by(ope::Estimator estimator) const { return values[static_cast<std::size_t>(estimator)]; }
};

struct OpeLogger {
  std::string policy, point, cell;
  std::size_t runs = 0, decisions = 0, episodes = 0, arms = 0;
  double least_drawn = 1, greatest_drawn = 0;  ///< logged probabilities of the arms drawn
  ope::Estimate logged;              ///< mean reward as it was logged
  std::vector<OpeTarget> targets;    ///< empty: see refusal
  std::string refusal;
};

struct OffPolicyStudy {
  std::string reward;
  ope::Settings settings;
  bool observations = false;
  std::vector<OpeLogger> loggers;    ///< points with runs that can be weighted
  std::vector<LeftOut> refused;      ///< runs that cannot be, and why
  bool estimated() const;            ///< anything at all
};

/// ConfigError when no run has the reward asked for.
OffPolicyStudy off_policy(const Collection& collection, const OpeOptions& options);

}  // namespace fader

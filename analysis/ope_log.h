// What stored runs logged of policies that draw arms (presets of weights), as rounds for off-policy estimates (analysis/ope.h).
//
// Taken are the decisions of learning episodes; in evaluation episodes a policy plays the best that it knows and draws nothing.
#pragma once
#include <string>
#include <vector>

#include "analysis/ope.h"
#include "analysis/runs.h"

namespace fader {

struct OpeOptions {
  std::string reward;          ///< "reference_loss_drop"; empty: the environment's first
  bool observations = false;   ///< the reward model sees what the console saw
  ope::Settings settings;
};

/// The runs of one point that drew arms.
struct ArmsPlayed {
  std::string policy, point, cell;          ///< cell: what of the environment varies between points, "" when nothing does
  std::vector<std::string> agents;          ///< [K]
  std::vector<std::vector<double>> presets; ///< [A][K] weights of each arm
  std::vector<double> frequency;            ///< [A] of the arms drawn, over its runs
  std::vector<std::string> places;          ///< of the runs in `rounds`
  ope::Rounds rounds;                       ///< empty: no run of it can be weighted
};

struct LoggedArms {
  std::string reward;                       ///< "reference_loss_drop", as the files name it
  std::vector<ArmsPlayed> policies;         ///< by point
  std::vector<LeftOut> refused;             ///< runs that cannot be weighted, and why
};

/// ConfigError when no run has the reward asked for.
LoggedArms read_arms(const Collection& collection, const OpeOptions& options);

/// "arm 0 (quality 0.97)": its number and what it is mostly made of.
std::string arm_name(const ArmsPlayed& played, std::size_t arm);

}  // namespace fader

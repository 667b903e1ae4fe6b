// From the tree of an experiment file to its points: every policy, in every combination of what the sweep varies, with the baselines of
// the preset, and what comes after what.
#pragma once
#include <filesystem>
#include <vector>

#include "experiments/config.h"
#include "experiments/experiment_tree.h"

namespace fader {

/// `assignments`: those of --set. ConfigError with all that is wrong.
Experiment expand_experiment(const ExperimentTree& tree, const std::vector<TomlValue>& assignments, const std::filesystem::path& file,
                              Problems& problems);

}  // namespace fader

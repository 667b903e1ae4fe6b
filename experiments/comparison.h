// What of an experiment is compared with what: compare.baseline, and [[hypotheses]].
#pragma once
#include "experiments/config.h"
#include "experiments/experiment_tree.h"

namespace fader {

/// Completes out.compare, and fills out.hypotheses; out.points are there. What is wrong becomes problems.
void read_comparison(const ExperimentTree& tree, Experiment& out, Problems& problems);

}  // namespace fader

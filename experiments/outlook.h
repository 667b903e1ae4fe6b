// What an experiment will take of the machine, before it starts.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "experiments/plan.h"
#include "trainer/model.h"

namespace fader {

/// What all runs of a plan take together. Of searches, as many candidates as go on; runs whose length is found out on the way count as written.
struct Price {
  double runs = 0;
  double flops = 0;            ///< of optimiser steps
  double seconds = 0;          ///< of one run after another, optimiser steps alone; NaN where some are on a GPU
  double bytes = 0;            ///< left on disk: run.h5 and beside it, checkpoints that stay; fitted to runs of today's schema, up to two fifths too much
  double checkpoint_bytes = 0; ///< and for a time: of the largest run
};
/// `rates`: FLOP/s of one thread by precision, as product_rate measures them.
Price price_of(const Plan& plan, const std::map<Precision, double>& rates);

/// A line for each size of model and budget that the points have: memory, FLOPs and time of a run's optimiser steps, on the
/// processor; a warning where the memory is not there. Empty where nothing is trained. Measures the processor for about 50 ms a
/// precision. A GPU's speed is not known beforehand: of runs there memory and time are left out. Then what all runs take together, `jobs` at a
/// time, and whether the disk of `out` has room for them.
std::string outlook(const Plan& plan, std::size_t jobs, const std::filesystem::path& out);

}  // namespace fader

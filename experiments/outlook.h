// What an experiment will take of the machine, before it starts.
#pragma once
#include <string>

#include "experiments/config.h"

namespace fader {

/// A line for each size of model and budget that the points have: memory, FLOPs and time of a run's optimiser steps, on the
/// processor; a warning where the memory is not there. Empty where nothing is trained. Measures the processor for about 50 ms a
/// precision. A GPU's speed is not known beforehand: of runs there memory and time are left out.
std::string outlook(const Experiment& experiment);

}  // namespace fader

// What distinguishes two configurations.
#pragma once
#include <string>
#include <vector>

#include "experiments/config.h"

namespace fader {

/// A line for each value that can change a result and is not the same: "train.batch: 16 before, 8 now (--set)".
std::vector<std::string> differences(const Point& before, const Point& now);

}  // namespace fader

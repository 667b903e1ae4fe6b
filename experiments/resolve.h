// What a resolved point is called, hashed and written as.
#pragma once
#include <string>

#include "experiments/config.h"

namespace fader {

/// sha256 over the sorted lines "path = value" of all settings that can change a result. Names of the experiment and of the
/// policy, seeds and folders are outside; names of agents are inside, since policies speak of agents by name.
std::string point_hash(const Point& point);

/// TOML that loads to this point again, a comment at each value saying where it came from.
std::string resolved_toml(const std::string& name, const std::string& question, const Point& point);

/// `varied` ("policy=ucb,env.selection=top_k") as a folder name; a long one is cut and ends in a hash of the whole.
std::string slug_of(const std::string& varied);

}  // namespace fader

// Reads one point out of a tree: which environment, agents and policy, and all their options.
#pragma once
#include <string>
#include <vector>

#include "experiments/config.h"
#include "experiments/toml_reader.h"

namespace fader {

/// `policy`: an element of `policies`; null: nothing is said of it. `shown`: how people call it, "policies.ucb". `file`: the
/// place of what is missing. What is wrong becomes problems; only without any is the point good for use. Slug, hash and
/// text are left empty.
Point read_point(const TomlValue& root, const TomlValue* policy, const std::string& shown, const Place& file, Problems& problems);

/// "" or what is wrong with a name: letters, digits and the characters of `also`.
std::string name_problem(const std::string& name, const std::string& also);

/// "; did you mean 'train.intervals'?" when `key` is an option of some section, else "".
std::string hint_section(const std::string& key);

}  // namespace fader

// What experiments and points are called where their file does not say it.
#pragma once
#include <string>

#include "experiments/config.h"
#include "experiments/toml_reader.h"

namespace fader {

/// The name of an experiment whose file, `stem`.toml, does not give one.
std::string name_of_file(const std::string& stem);

/// A TOML value as part of a folder name: ["a", "b"] is a_b.
std::string in_a_name(const std::string& value);

/// ",env.selection=top_k" for all that the policy's `set` names (null: nothing), with the values that it ended up with.
std::string varied(const Point& point, const TomlValue* set);

}  // namespace fader

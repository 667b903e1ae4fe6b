// --list and --explain: what there is and what can be set, from the same descriptions that files are read with.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"

namespace fader {

/// A table of the experiment file whose options do not depend on a kind.
struct Section {
  std::string name;     ///< "train"
  std::string summary;  ///< one line
  std::function<std::unique_ptr<Options>()> options;
};
/// [run], [corpus], [model], [train], [compare].
const std::vector<Section>& sections();

/// "agents", "credits", "envs", "policies", "rewards"
std::vector<std::string> shelf_names();

/// A line for each thing on a shelf: name, summary, status. ConfigError for an unknown shelf.
std::string list_text(const std::string& shelf);

/// A thing on a shelf, "policy.ucb" or a bare "ucb"; a section, "train"; one option, "train.batch", "policy.ucb.c" or, of every
/// kind that has it, "policy.c"; what is chosen by kind, "env", "policies" or "[[agents]]": how it is written and which kinds
/// there are; a key of the file that is no table, "base". ConfigError with the nearest name.
std::string explain_text(const std::string& name);

}  // namespace fader

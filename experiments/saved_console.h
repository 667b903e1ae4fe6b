// A console as it was at the end of a run, to be played elsewhere: in an experiment with another model, corpus or reward set, as
// long as the agents are the same, in the same order, and the observation has what the console reads.
//
//   <run>/console.bin   core/archive.h: kind, agents, options, and what the policy has learned (Policy::learned)
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "policies/policy.h"

namespace fader {

struct ConsoleIdentity {
  std::string kind;
  std::vector<std::string> agents;
  std::vector<std::string> options;   ///< "key = value" as TOML, in order: what a state depends on
};

/// Written as a whole or not at all.
void save_console(const std::filesystem::path& file, const ConsoleIdentity& identity, Policy& policy);

/// `file`: console.bin, or the folder of a run that has one. DataError when it is missing, damaged, or the state does not fit;
/// ConfigError when it is of another kind or of other agents.
void load_console(const std::filesystem::path& file, const ConsoleIdentity& identity, Policy& policy);

/// sha256 of the file's content. DataError when it cannot be read.
std::string console_sha256(const std::filesystem::path& file);

}  // namespace fader

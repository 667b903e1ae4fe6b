// An experiment file with its parents and --set as one tree; what the keys mean is config.cc's business.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/toml_reader.h"

namespace fader {

struct ExperimentTree {
  TomlValue root;              ///< parents and file merged; no `base`; `policies` is a list, whether written so or as [policy]
  bool complete = true;        ///< all files were read; else nothing can be said of what is missing
  Place file;                  ///< of complaints about what is not there
  std::string question;        ///< the comment on the file's first line, without the #
};

/// A file that is missing, unreadable, no TOML or its own ancestor is a problem, and the tree then not complete. So is `base`
/// where the file has to stand `alone`.
ExperimentTree read_experiment(const std::filesystem::path& file, Problems& problems, bool alone = false);

/// Puts one --set over the tree. `policy.c` means the only policy.
void apply_override(TomlValue& root, const TomlValue& assignment, Problems& problems);

}  // namespace fader

// Which program made a run, and where.
#pragma once
#include <string>
#include <vector>

#include "store/store.h"

namespace fader {

/// created, host, command_line, git_commit, git_dirty, git_diff_sha256, version, compiler, build_type, libtorch_version,
/// hdf5_version. Asks git about the folder that the program was built from; "unknown" where that cannot be had.
Attributes provenance(const std::vector<std::string>& command_line);

/// The same as lines of text, for --version.
std::string version_text();

}  // namespace fader

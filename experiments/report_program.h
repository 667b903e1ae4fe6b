// The report's program, fader_report, which stands beside this one: numbers of finished work become tables and figures.
#pragma once
#include <filesystem>

#include "experiments/child.h"

namespace fader {

/// Runs it on `folder` and waits; it speaks on standard output, unless `quiet`, and standard error.
Ending make_report(const std::filesystem::path& folder, bool quiet);

}  // namespace fader

// The run that rewards compare with (env.reward_baseline): its reference losses, and whether it is one to compare with.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "env/baseline.h"
#include "experiments/config.h"

namespace fader {

/// `path`: a run.h5, or the folder with one; a folder of seed-<n>, of which that of `seed` is taken; or a table in tabs with a line
/// of names, among them loss_reference and perhaps tokens, a row before the first interval and one after each. Of several
/// episodes the mean. ConfigError unless it is there, complete, of the same corpus ("" when not known), with the same [model], [train]
/// and reference passages as `point`.
Baseline read_baseline(const std::filesystem::path& path, std::int64_t seed, const Point& point, const std::string& corpus_sha256);

}  // namespace fader

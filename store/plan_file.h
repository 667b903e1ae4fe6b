// plan.json of an experiment's folder: what was to be played and what was to be found out, said before the first run began.
//
// Written by the runner, read by the report, which can then name what is missing, and tell hypotheses that were stated beforehand
// from what was noticed afterwards.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fader {

/// "Within each cell, `policy` ends `direction` than `against` in `metric`."
struct Hypothesis {
  std::string name;        ///< in words, as its author put it; may be empty
  std::string policy, against, metric;
  std::string direction;   ///< "lower", "higher", "different"
  std::string cell;        ///< of a sweep, the one that it speaks of; "": every one
  bool operator==(const Hypothesis&) const = default;
};

struct PlannedPoint {
  std::string slug, policy, cell, stage, hash;   ///< stage "search": a candidate, which is not compared
  std::vector<std::string> varies;
  std::vector<std::int64_t> seeds;
  bool operator==(const PlannedPoint&) const = default;
};

struct PlanFile {
  std::string experiment, question, baseline, metric;
  double confidence = 0.95;
  bool screening = false;
  std::vector<Hypothesis> hypotheses;
  std::vector<PlannedPoint> points;
  bool operator==(const PlanFile&) const = default;
};

/// As a whole or not at all. RunError.
void write_plan(const std::filesystem::path& folder, const PlanFile& plan);
/// Nothing where there is none (runs of earlier versions). DataError naming the file when it is none of ours.
std::optional<PlanFile> read_plan(const std::filesystem::path& folder);

}  // namespace fader

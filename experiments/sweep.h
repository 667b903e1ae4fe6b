// All runs of an experiment, each in a process of its own.
//
// The parent never opens a corpus or a model: it forks one child that builds what the runs share and checks every point, and
// then one child a run, `jobs` at a time. A run that fails or dies never fails its neighbours. What happens is appended to
// journal.jsonl, one line an event.
#pragma once
#include <filesystem>
#include <vector>

#include "experiments/config.h"
#include "experiments/display.h"
#include "experiments/launch.h"
#include "store/store.h"

namespace fader {

struct SweepOptions {
  std::filesystem::path out;            ///< runs/
  std::vector<std::int64_t> seeds;      ///< empty: those of each point
  std::vector<std::size_t> points;      ///< empty: all
  int jobs = 0;                         ///< 0: cores / threads of a run
  const Leader* leader = nullptr;       ///< of several processes that play each run together, one run at a time; null: this one alone
  bool resume = false;                  ///< goes on with what is there, of the same configuration; else earlier results are moved aside
  Attributes provenance;
};

struct SweepResult {
  std::filesystem::path folder;         ///< <out>/<experiment>
  std::size_t complete = 0, kept = 0, failed = 0, left = 0;
  int signal = 0;                       ///< that stopped it; 0: none
  bool lost = false;                    ///< another process of the launch is: what was not played is left
};

/// Runs what there is to run. Throws what the preparing child found: ConfigError, DataError, RunError.
SweepResult sweep(const Experiment& experiment, const SweepOptions& options, Display& display, const Signals& signals);

/// <folder>/summary.tsv: one row a run, header line. Of a run of several episodes the losses are means over those that it is
/// judged by (`episodes`: how many): those of evaluation, or where there are none, its last round. Tokens are those that one episode trains
/// on, seconds those of the whole run.
void write_summary(const Experiment& experiment, const std::filesystem::path& folder);

}  // namespace fader

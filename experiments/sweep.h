// All runs of an experiment, each in a process of its own.
//
// The parent never opens a corpus or a model: it forks one child that builds what the runs share and checks every point, and
// then one child a run, `jobs` at a time. A run that fails or dies never fails its neighbours. Any number of such parents may
// share the folder, on one machine or on many that see it: they take runs from one journal (claims.h), and the last to
// leave sums up.
#pragma once
#include <filesystem>
#include <vector>

#include "experiments/config.h"
#include "experiments/display.h"
#include "experiments/launch.h"
#include "experiments/plan.h"
#include "store/store.h"

namespace fader {

struct SweepOptions {
  std::filesystem::path out;            ///< runs/
  std::vector<std::int64_t> seeds;      ///< empty: those of each point
  std::vector<std::size_t> points;      ///< empty: all
  int jobs = 0;                         ///< 0: cores / threads of a run
  const Leader* leader = nullptr;       ///< of several processes that play each run together, one run at a time; null: this one alone
  bool resume = false;                  ///< goes on with what is there, of the same configuration, also beside others; else earlier results are moved aside
  std::string launch;                   ///< processes of one launch work together without `resume`; "": this one alone
  Attributes provenance;
};

struct SweepResult {
  std::filesystem::path folder;         ///< <out>/<experiment>
  std::size_t complete = 0, failed = 0, left = 0;  ///< runs of all processes, earlier starts included
  std::size_t kept = 0;                 ///< complete when this process came
  bool last = false;                    ///< of the processes of its launch: the report is for it to make
  int signal = 0;                       ///< that stopped it; 0: none
  bool lost = false;                    ///< another process of the launch is: what was not played is left
};

/// Checks and builds all that `sweep` would, moves earlier results aside unless `resume`, and runs nothing: for processes that will
/// come with `resume`. Returns how many runs there are. Throws as `sweep` does.
std::size_t prepare(const Experiment& experiment, const SweepOptions& options, Display& display, const Signals& signals);

/// How many runs are played at a time.
std::size_t jobs_of(const Plan& plan, const SweepOptions& options);

/// Runs what there is to run. Throws what the preparing child found: ConfigError, DataError, RunError.
SweepResult sweep(const Experiment& experiment, const SweepOptions& options, Display& display, const Signals& signals);

}  // namespace fader

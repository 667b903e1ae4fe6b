// One run: one seed of one point, from configuration to a finished run.h5.
#pragma once
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "core/progress.h"
#include "experiments/config.h"
#include "experiments/play.h"
#include "experiments/saved_console.h"
#include "store/store.h"
#include "trainer/ranks.h"

namespace fader {

struct Run {
  const Experiment& experiment;
  const Point& point;
  std::int64_t seed = 0;
  std::filesystem::path folder;   ///< <out>/<experiment>/<point>/seed-<n>
  std::filesystem::path cache;    ///< of built corpora
  Attributes provenance;          ///< of the program and the machine
};

/// Where a run of an experiment lies below the experiment's folder.
std::filesystem::path run_folder(const std::filesystem::path& experiment, const Point& point, std::int64_t seed);

/// What signals ask of a process. Handlers write it: lock-free.
struct Signals {
  std::atomic<int> stop{0};        ///< number of the signal that asked for an orderly end; 0: none
  std::atomic<int> checkpoints{0}; ///< how often a checkpoint was asked for
};

/// How far a run is, for whoever watches.
struct Beat {
  std::int64_t interval = 0, horizon = 0, episode = 0, episodes = 1, tokens = 0;
  double loss = 0;                     ///< reference loss
  std::vector<double> weights;
  std::vector<double> seconds;         ///< by phase
};

/// The corpus of a point, built when need be. Null for a known-answer environment.
std::shared_ptr<const Corpus> corpus_of(const Point& point, const std::filesystem::path& cache, Progress& progress);

/// What a console that this point saves, or begins with, is known by.
ConsoleIdentity console_identity(const Point& point, const EnvSpec& spec);

/// Everything that a point is made of, with a slot for every member and the given seed. ConfigError for names that only the whole can check:
/// a reward or credit that the environment does not have, an agent that the corpus cannot serve, a pool too small. With `ranks`,
/// processes that play alike share every batch.
Cohort assemble(const Point& point, std::int64_t seed, std::shared_ptr<const Corpus> corpus, Progress& progress,
                std::shared_ptr<Ranks> ranks = nullptr);

/// Whoever watches a run. Called by the thread that plays it.
struct RunWatcher {
  virtual ~RunWatcher() = default;
  virtual void beat(const Beat& beat) = 0;
  /// Worth a line of the journal: "resume", "checkpoint failed".
  virtual void event(const std::string& kind, const std::string& text) = 0;
};

/// Plays the run and writes its folder: from the newest checkpoint that can be used, else from the start. Throws Stopped when a
/// signal asked for it (after the optimiser step at hand, with a checkpoint), RunError when an episode failed; the file says so
/// as well. A checkpoint that cannot be used or written is a note and an event, never the end of the run.
/// With `ranks` several processes play the run alike, and rank 0 alone writes. A stop asked of one stops all after the same step;
/// when one is lost the others throw LostRank, rank 0 after it has come to a place where it could write a checkpoint.
void execute(const Run& run, const Signals& signals, Progress& progress, RunWatcher& watcher,
             std::shared_ptr<Ranks> ranks = nullptr);

/// Whether the folder holds a complete run of this very configuration and corpus. ConfigError with a list of the differences
/// when it holds a run of another; DataError when its corpus had another content. A file that cannot be read is not complete. `corpus_sha256`: "" when not known.
bool is_complete(const Run& run, const std::string& corpus_sha256 = "");

}  // namespace fader

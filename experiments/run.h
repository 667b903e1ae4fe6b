// One run: one seed of one point, from configuration to a finished run.h5.
#pragma once
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

#include "core/progress.h"
#include "experiments/config.h"
#include "experiments/play.h"
#include "store/store.h"

namespace fader {

struct Run {
  const Experiment& experiment;
  const Point& point;
  std::int64_t seed = 0;
  std::filesystem::path folder;   ///< <out>/<experiment>/<point>/seed-<n>
  std::filesystem::path cache;    ///< of built corpora
  Attributes provenance;          ///< of the program and the machine
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

/// Everything that a point is made of, with one slot and the given seed. ConfigError for names that only the whole can check:
/// a reward or credit that the environment does not have, an agent that the corpus cannot serve, a pool too small.
Cohort assemble(const Point& point, std::int64_t seed, std::shared_ptr<const Corpus> corpus, Progress& progress);

/// Plays the run and writes its folder. Throws Stopped when `stop` becomes the number of a signal (at the end of an interval),
/// RunError when an episode failed; the file says so as well.
void execute(const Run& run, const std::atomic<int>& stop, Progress& progress, const std::function<void(const Beat&)>& beat);

/// Whether the folder holds a complete run of this very configuration. RunError when it holds one of another.
bool is_complete(const Run& run);

}  // namespace fader

// What credit is worth: what the estimators of env.credit said of each agent, against what came of listening to that agent.
//
// One episode a seed, all seeds of an experiment side by side, is played with equal weights. At each of some intervals it is told on
// once for every agent, which picks alone for that one interval. Two numbers are the truth that credit is held against:
//   interval   the environment's first reward of that interval
//   episode    minus the final reference loss, when equal weights play on from there to the end
// All of them begin from the same model, optimiser, memories and candidates. A place is a point of the experiment (its policy is not
// played) at one of these intervals.
#pragma once
#include <cstdint>
#include <filesystem>

#include "core/progress.h"
#include "experiments/config.h"

namespace fader {

struct CreditStudyOptions {
  std::int64_t places = 3;        ///< intervals of an episode that are looked at, evenly spread
  bool episodes = true;           ///< whether to play on to the end
  std::filesystem::path cache;    ///< of built corpora
};

/// Fills `file`, a table (store/credit_table.h) that is rewritten whenever more is known; what is there already is not played again.
/// ConfigError: an environment without agents, of one interval, fewer than two seeds, a file of another study.
void play_credit_study(const Experiment& experiment, const CreditStudyOptions& options, const std::filesystem::path& file, Progress& progress);

}  // namespace fader

// A small model that an agent trains for itself, once per corpus and options, and what it says of the pool's passages.
//
// It is trained on passages of one set in random order, by the run's rule and schedule but in its own number of steps, and looks
// at the pool when it is done (and once early on, where what it learned in between is asked for). What all that may cost is
// `budget`, a share of the training FLOPs of a whole run: the share `learn` of it goes into training, unless `epochs` passes over
// the set take less, and what is left into scoring a random part of the pool's passages. The column is kept beside the corpus
// (static_column.h). The same bits for any number of threads: training takes one, and every passage is looked at by one.
#pragma once
#include <limits>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "agents/static_column.h"

namespace fader {

struct SmallModelOptions {
  double budget = 0.5, learn = 0.5, early = 0.1;
  std::int64_t width = 0, layers = 0, epochs = 8;
  /// All but `early`. `budget` is called `budget_name`, and `prefix` comes before the other names.
  void fields(Fields& f, const std::string& prefix, const std::string& budget_name);
};

/// loss: nats per token of the trained model. progress: the loss early on minus that. relative_progress: the share of the
/// early loss that this is. Early: after the share `early` of the steps.
enum class SmallModelScore { loss, progress, relative_progress };

/// Of passages beyond the budget and of those outside of the pool.
inline constexpr float kUnscored = std::numeric_limits<float>::max();

/// ConfigError, naming `agent`, where the set or the budget is too small to learn from. Notes which share of the pool is scored.
StaticColumn small_model_column(const AgentContext& context, const std::string& agent, const SmallModelOptions& options, Set learns_from,
                                SmallModelScore score);

/// Says how many passages of the pool it did not score, for Agent::remarks.
std::string unscored(const Corpus& corpus, std::span<const float> column);

/// A copy of a column's values in which unscored passages have the mean of the scored ones.
std::vector<float> with_mean(std::span<const float> column);

}  // namespace fader

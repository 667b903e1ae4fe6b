// Every policy on every environment with a known answer, against the optimum.
//
// A policy that learns within an episode plays one episode a seed, from nothing. One that learns across episodes plays `episodes`
// of them, then `evaluation` with what it has learned. Return is the expected sum of rewards, noise averaged out; regret is what
// the best policy would have earned more; score is the share of the way from equal weights (0) to the optimum (1). Deviations are
// over seeds. Nothing is written to disk here.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fader {

struct ScorecardOptions {
  std::int64_t seeds = 20;              ///< of policies that learn within an episode
  std::int64_t across_seeds = 5;        ///< of those that learn across episodes
  std::int64_t episodes = 2000, members = 8, evaluation = 100;
  std::vector<std::string> policies, environments;  ///< empty: all; labels of cases, or kinds of environments
  int jobs = 1;
};

/// An environment of the scorecard: a kind with options.
struct Case {
  std::string label, kind;
  std::vector<std::string> options;     ///< "key = value", TOML
};
const std::vector<Case>& scorecard_cases();

/// Policies that belong together, in the order of the scorecard's rows; those that stand in no group come last, under "other".
struct PolicyGroup {
  std::string name;
  std::vector<std::string> policies;
};
const std::vector<PolicyGroup>& scorecard_groups();

struct Score {
  std::string group, policy, label;
  std::string refused;                  ///< why it cannot be played there; "": it was
  std::int64_t seeds = 0, episodes = 0; ///< episodes learned from
  double mean = 0, se = 0;              ///< of the return
  double regret = 0, regret_se = 0;     ///< beyond se, where the optimum depends on what a reset draws
  double score = 0, score_se = 0;
};
struct Known {
  std::string label;
  double optimum = 0, schedule = 0, fixed = 0, uniform = 0;
};
struct Scorecard {
  ScorecardOptions options;             ///< that it was played with
  std::vector<Known> known;             ///< one a case
  std::vector<Score> scores;            ///< policies by group, and of each all cases
};

/// `progress` hears how many of how many games were played; it may be called from any thread. ConfigError for unknown names.
Scorecard play_scorecard(const ScorecardOptions& options, const std::function<void(std::size_t, std::size_t)>& progress);

/// Tab-separated, a header after `#` lines that say how it was played: what figures and people read. A line for every policy and case,
/// NaN where it cannot be played, and then why. Says nothing of `jobs`.
std::string scorecard_tsv(const Scorecard& card);
/// A table of scores: a row a policy, a column a case.
std::string scorecard_markdown(const Scorecard& card);

}  // namespace fader

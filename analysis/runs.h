// Stored runs of an experiment folder, read once: what is complete is taken, all else is named and left out.
//
// DIR/<point>/seed-<n>/run.h5. A run that is missing, half-written, failed, damaged, foreign or in the wrong place becomes
// a line in `left_out`; runs that do not belong together (another corpus, model, token budget within a cell; another experiment) are
// refused.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analysis/run_setup.h"
#include "core/table.h"
#include "store/plan_file.h"

namespace fader {

/// An episode of a run of several: a row of its summary.
struct PlayedEpisode {
  std::int64_t number = 0;           ///< in the run: learning episodes first, then evaluation episodes
  bool evaluation = false;           ///< played to judge the policy
  double value = 0, total = 0;       ///< of the metric (NaN: not in the summary); return, the sum of the first reward
};

/// One complete run. Of several episodes, what is drawn (curves, weights, costs) is that of one kept in full, the last one that was
/// played to evaluate, or else the last; the metric is the mean over the episodes that `judged` names. NaN: not in the file.
struct RunRecord {
  std::string place;                 ///< "<point>/seed-<n>": how it is named to people
  std::string point, policy;         ///< folder of the point; name of the policy
  std::string home;                  ///< the point that the file says it is of
  std::uint64_t seed = 0;
  std::string experiment, question, baseline, metric, corpus, model, config, environment, program;
  std::string cell;                  ///< what of the environment a sweep varies, as it is in this run; "": nothing of it
  std::vector<std::string> varies;   ///< "policy.c=0.5": what this point has otherwise than others of its sweep
  std::string stage;                 ///< "", "derived" (from other runs, seed by seed), "same_flops" (more tokens); "search" is left out
  RunSetup setup;                    ///< of its configuration
  bool whole = true;                 ///< played all intervals that it was to have; false: cut short, its schedule did not end
  double confidence = 0.95;
  bool screening = false;
  std::size_t episodes = 1;          ///< that were played
  std::size_t members = 1;           ///< that were played side by side, a round
  std::vector<PlayedEpisode> played; ///< by number; empty: the file has no summary
  std::vector<std::size_t> judged;   ///< of `played`: all evaluation episodes, or else the last round of learning episodes
  bool value_of_shown = true;        ///< `value` is that of the episode that is drawn, not the mean over `judged`
  double value = 0;                  ///< of the metric
  std::string value_unit, reference_unit, tokens_unit;  ///< "nat/token", as the file states them
  double loss_reference = 0, loss_validation = 0, loss_test = 0;  ///< nats per token, at the end
  std::vector<std::string> domains;
  std::vector<double> loss_test_domain;
  std::vector<double> tokens, reference, train, validation;  ///< [T+1] curves; empty: not in the file
  std::vector<double> rewards;                               ///< [T] unscaled
  std::string reward_name;           ///< "reference_loss_drop"; "": the file does not say
  std::vector<std::string> agents;   ///< K
  Grid<double> weights;              ///< [T, K] as executed
  bool adapts = false;               ///< plays arms, or its weights change within the episode
  std::vector<std::string> phases;   ///< P; below: totals of the episode by phase
  std::vector<double> seconds, flops, phase_tokens;
  std::vector<double> spent;         ///< [T+1] FLOPs of all phases but observe; [0]: set-up. Empty: nothing trained, or of several episodes
  std::string credit_name;           ///< the estimator whose credit this is
  Grid<double> credit;               ///< [T, K], NaN where it was not measured; empty: not in the file
  std::vector<std::string> trained_domains;
  Grid<double> trained;              ///< [T, D] share of an interval's tokens that is of each domain; empty: not in the file
  double total_seconds = 0;

  double budget() const { return tokens.empty() ? 0 : tokens.back(); }  ///< tokens trained on
  /// Of T + 1 moments: tokens, or intervals where tokens are not counted.
  std::vector<double> positions(std::size_t moments) const;
  double episode_return() const;     ///< sum of the rewards of the episode that is drawn
  double judged_return() const;      ///< mean return over `judged`, or that of the episode that is drawn
};

struct LeftOut {
  std::string place;   ///< below the experiment's folder
  std::string point;   ///< "" when it belongs to none
  std::string reason;
};

/// Candidates that a policy was chosen from. They are counted, and compared with nothing.
struct Searched {
  std::string policy;
  std::size_t runs = 0;
  double tokens = 0;                 ///< trained on in all of them
  std::string unit;                  ///< of what is called tokens here: "token", "decision"
  std::set<std::uint64_t> seeds;
};

struct Collection {
  std::filesystem::path folder;
  std::optional<PlanFile> plan;      ///< none: runs of an earlier version, or gathered by hand
  std::vector<Searched> searched;    ///< by policy
  std::vector<RunRecord> runs;       ///< by point, then seed
  std::vector<LeftOut> left_out;
  std::string metric;                ///< path, or "return" where no run has the metric it names
  bool metric_missing = false;       ///< so: "return" stands in for it
};

/// What is to be read otherwise than the files say; empty: as they say.
struct Reading {
  std::string metric;
};

/// `dir` itself when it is an experiment's folder, else those of its folders that are. DataError when there is none.
std::vector<std::filesystem::path> experiment_folders(const std::filesystem::path& dir);

/// DataError when no complete run is left (naming what was found), or when runs do not belong together.
Collection collect_runs(const std::filesystem::path& experiment, const Reading& reading = {});

}  // namespace fader

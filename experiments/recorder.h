// Writes one run's trajectory to run.h5, a row a decision, committed at once.
#pragma once
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "experiments/play.h"
#include "store/store.h"

namespace fader {

/// The columns of run.h5 for a policy in an environment, and those of its /summary, which runs of many episodes have.
std::vector<Column> columns_of(const EnvSpec& env, const PolicySpec& policy);
std::vector<Column> summary_of(const EnvSpec& env, const PolicySpec& policy);

struct Recording {
  std::filesystem::path file;
  Attributes root;                                 ///< provenance
  std::int64_t kept = 64;                          ///< episodes in full, at most
  std::uint64_t seed = 0;
  std::string policy;                              ///< its name
  bool log_steps = true;                           ///< a row for every optimiser step
  std::chrono::steady_clock::time_point started;   ///< of the run: what cost/total_seconds counts from
};

/// Episodes that are kept in full: all when they are few, else `most` of them, spread evenly, the first and the last among them.
std::vector<std::int64_t> kept_episodes(std::int64_t episodes, std::int64_t most);

/// Serves one seat. The run is `failed` when its only episode failed; one that learns from many goes on.
class Recorder final : public Hook {
 public:
  /// `cut`: empty for a new file; else the file is there already and goes on from so many rows of each episode (DataError as
  /// RunWriter, or when it has other columns).
  Recorder(const Cohort& cohort, std::size_t seat, const Recording& recording, std::span<const Committed> cut = {}, std::uint64_t summary_rows = 0);
  void reset(const Glimpse& glimpse) override;
  void interval(const Glimpse& glimpse) override;
  /// Belongs to the first of the episodes that were begun last and are kept in full; without such, to the last before them.
  void event(std::int64_t interval, std::string_view kind, std::string_view text);
  std::vector<Committed> committed() const;  ///< of each episode that is kept in full
  std::uint64_t commit_summary();            ///< writes what waits of it; how many rows there are then
  void state(Archive& archive);              ///< what a checkpoint needs beside those
  bool failed() const { return failed_; }
  const std::string& failure() const { return failure_; }
  /// Complete, or failed when an episode failed; the file then opens like any other.
  void finish();
  /// Stopped or broken off: leaves the status as it is, or makes it `failed`.
  void abandon(bool failed);

 private:
  void row(std::size_t episode, std::string_view path, std::span<const double> values) { writer_.append(episode, path, values); }
  void row(std::size_t episode, std::string_view path, double value) { writer_.append(episode, path, value); }
  void series(std::size_t episode, const std::vector<Series>& list, std::span<const double> values);
  /// Which episode of the file an episode of the run is; none: it is not kept in full.
  std::optional<std::size_t> place(std::int64_t episode) const;
  void slot(const Glimpse& glimpse, std::size_t e, std::size_t i);
  void console(const Glimpse& glimpse, std::size_t e, std::size_t i);
  void rewards(const Glimpse& glimpse, std::size_t e, std::size_t i);
  void cost(const Glimpse& glimpse, std::size_t e, std::size_t i);
  void summarise(const Glimpse& glimpse, std::size_t i);

  const EnvSpec& env_;
  const PolicySpec& policy_;
  std::chrono::steady_clock::time_point started_;
  std::int64_t episodes_;
  std::vector<std::int64_t> kept_;
  RunWriter writer_;
  std::size_t seat_;
  bool log_steps_;
  std::size_t latest_ = 0;            // episode of the file that events belong to
  std::vector<double> earned_;        // [slot] sum of the first reward over the episode at hand
  std::vector<Ledger::Row> before_;   // [slot] what had been spent when it began
  bool failed_ = false;
  std::string failure_;
};

}  // namespace fader

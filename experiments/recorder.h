// Writes one run's trajectory to run.h5, a row a decision, committed at once.
#pragma once
#include <chrono>
#include <filesystem>
#include <memory>

#include "experiments/play.h"
#include "store/store.h"

namespace fader {

/// The columns of run.h5 for a policy in an environment.
std::vector<Column> columns_of(const EnvSpec& env, const PolicySpec& policy);

struct Recording {
  std::filesystem::path file;
  Attributes root;                                 ///< provenance
  std::int64_t episodes = 1;
  std::uint64_t seed = 0;
  std::string policy;                              ///< its name
  bool log_steps = true;                           ///< a row for every optimiser step
  std::chrono::steady_clock::time_point started;   ///< of the run: what cost/total_seconds counts from
};

/// Serves one seat of one slot. The run is `failed` when an episode of it failed.
class Recorder final : public Hook {
 public:
  /// `cut`: empty for a new file; else the file is there already and goes on from so many rows of each episode (DataError as
  /// RunWriter, or when it has other columns).
  Recorder(const Cohort& cohort, std::size_t seat, const Recording& recording, std::span<const Committed> cut = {});
  void reset(const Glimpse& glimpse) override;
  void interval(const Glimpse& glimpse) override;
  void event(std::int64_t episode, std::int64_t interval, std::string_view kind, std::string_view text);
  std::vector<Committed> committed() const;  ///< of each episode
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
  void console(const Glimpse& glimpse, std::size_t i);
  void rewards(const Glimpse& glimpse, std::size_t i);
  void cost(const Glimpse& glimpse, std::size_t i);

  const EnvSpec& env_;
  const PolicySpec& policy_;
  std::chrono::steady_clock::time_point started_;
  std::size_t episodes_;
  RunWriter writer_;
  std::size_t seat_;
  bool log_steps_;
  bool failed_ = false;
  std::string failure_;
};

}  // namespace fader

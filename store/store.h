// A run's trajectory in HDF5: one SWMR file, every object made before SWMR begins, a commit counter flushed last.
//
// The writer is told the columns of the file (store/schema.h builds the list from neutral facts); writer, reader,
// validator and comparison all iterate over that list. Readers trust `commit` and ignore rows beyond it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/schema.h"

namespace fader {

using Attribute =
    std::variant<std::int64_t, std::uint64_t, double, bool, std::string, std::vector<std::string>, std::vector<double>>;
using Attributes = std::map<std::string, Attribute>;

/// 0 running, 1 complete, 2 failed.
enum class RunStatus : std::uint8_t { running = 0, complete = 1, failed = 2 };

/// The attribute of the file that says whether a row was written for every optimiser step.
inline constexpr const char* kLogSteps = "log_steps";

struct Committed {
  std::uint64_t intervals = 0, steps = 0, events = 0;
  bool operator==(const Committed&) const = default;
};

/// One writer per file, one thread. RunError naming file and dataset when the disk refuses; such a writer writes no more, and
/// the file keeps what was committed before and the status `running`.
///
/// Whole numbers: NaN is written as -1, anything else must be whole. Booleans are 0 and 1. Text is made valid UTF-8 and cut to
/// the column's size.
///
/// A run of many episodes has groups for those alone that are kept in full, and a summary: a row for every episode. Rows of the
/// summary are committed with the next commit of any episode, by commit_summary, by status, and by themselves as soon as
/// kSummaryBatch of them wait; a kill loses those that still wait, so commit_summary before whatever counts on them (a checkpoint).
class RunWriter {
 public:
  /// Makes the file (a file of that name is replaced), all groups, attributes and datasets, and begins SWMR: from then on no
  /// object and no attribute can be added. `root` are the attributes of the file (provenance; schema and schema_version are
  /// added), `episodes[i]` those of /episode_<i> (id is added). The file appears whole, under its name, or not at all.
  /// `summary`: the columns of /summary (schema.h); empty: there is none.
  RunWriter(const std::filesystem::path& file, const Attributes& root, std::span<const Attributes> episodes,
            std::span<const Column> columns, std::span<const Column> summary = {});
  /// Goes on with a run that was stopped or killed, cut back to `cut[i]` rows of episode i and to `summary_rows` of the summary.
  /// The file is copied and replaced as a whole. DataError as RunReader, or when less was committed than that.
  RunWriter(const std::filesystem::path& file, std::span<const Committed> cut, std::uint64_t summary_rows = 0);
  ~RunWriter();  ///< closes; what was not committed is lost
  RunWriter(RunWriter&&) noexcept;

  /// One more row of a column of rows; `values.size()` is the column's size. Kept in memory until commit.
  void append(std::size_t episode, std::string_view path, std::span<const double> values);
  void append(std::size_t episode, std::string_view path, double value) { append(episode, path, {&value, 1}); }
  void event(std::size_t episode, std::int64_t interval, std::string_view kind, std::string_view text);
  /// A column that has one row (Rows::once), NaN until then.
  void set(std::size_t episode, std::string_view path, std::span<const double> values);
  void set(std::size_t episode, std::string_view path, double value) { set(episode, path, {&value, 1}); }
  /// Writes what was appended, flushes it, then counts it. Defect unless every interval column has as many rows as the
  /// others, and likewise step and event columns.
  void commit(std::size_t episode);
  Committed committed(std::size_t episode) const;
  static constexpr std::size_t kSummaryBatch = 64;
  /// An episode has ended: a number for each column of the summary, in their order. Defect when there is no summary.
  void summarise(std::span<const double> row);
  void commit_summary();
  std::uint64_t summary_rows() const;  ///< committed ones; 0: none, or no summary
  void status(RunStatus status);
  void close();  ///< the file then opens like any other; nothing may follow

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// A snapshot of what is committed, also while the file grows, or after its writer was killed. DataError naming the file:
/// missing, foreign (no or another schema), of a newer major version, damaged (a dataset shorter than commit). Nothing in the
/// file is trusted: shapes and sizes are checked against the file's length, links out of the file are refused.
class RunReader {
 public:
  explicit RunReader(const std::filesystem::path& file);
  ~RunReader();
  RunReader(RunReader&&) noexcept;
  RunReader& operator=(RunReader&&) noexcept;

  const Attributes& root() const;
  RunStatus status() const;
  std::size_t episodes() const;
  const Attributes& episode(std::size_t episode) const;
  Committed committed(std::size_t episode) const;
  const std::vector<Column>& columns() const;          ///< as found in the file, constants with their values
  bool has(std::string_view path) const;               ///< below an episode
  std::uint64_t rows(std::size_t episode, std::string_view path) const;  ///< committed ones
  /// Committed rows, row-major, as doubles; booleans are 0 and 1. DataError when there is no such dataset.
  std::vector<double> read(std::size_t episode, std::string_view path) const;
  std::vector<std::string> read_text(std::size_t episode, std::string_view path) const;
  std::vector<std::string> labels(std::string_view path) const;  ///< of the second dimension; empty: none

  const std::vector<Column>& summary_columns() const;  ///< empty: the run has no summary, and every episode is kept in full
  std::uint64_t summary_rows() const;                  ///< episodes that have ended
  /// A number for each of them, in the order in which they ended. DataError when there is no such column.
  std::vector<double> summary(std::string_view path) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Differences between two runs, a line each; empty: equal. All columns but the volatile ones bit for bit (NaN equals
/// NaN), the summary, the status, all attributes but those of provenance: created, host, command_line, config_toml (config_sha256 is compared), git_*.
/// Where one of them did not log its optimiser steps (attribute log_steps), columns of steps are left out.
std::vector<std::string> compare_runs(const std::filesystem::path& a, const std::filesystem::path& b);

/// "1.10.8", for provenance.
std::string hdf5_version();

}  // namespace fader

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

using Attribute = std::variant<std::int64_t, std::uint64_t, double, bool, std::string, std::vector<std::string>, std::vector<double>>;
using Attributes = std::map<std::string, Attribute>;

/// 0 running, 1 complete, 2 failed.
enum class RunStatus : std::uint8_t { running = 0, complete = 1, failed = 2 };

struct Committed {
  std::uint64_t intervals = 0, steps = 0, events = 0;
  bool operator==(const Committed&) const = default;
};

/// One writer per file, one thread. RunError naming file and dataset when the disk refuses.
class RunWriter {
 public:
  /// Makes the file (a file of that name is replaced), all groups, attributes and datasets, and begins SWMR. `root` are the
  /// attributes of the file (provenance), `episodes[i]` those of /episode_<i>.
  RunWriter(const std::filesystem::path& file, const Attributes& root, std::span<const Attributes> episodes, std::span<const Column> columns);
  ~RunWriter();

  /// One more row of a column of rows; `values.size()` is the column's size.
  void append(std::size_t episode, std::string_view path, std::span<const double> values);
  void append(std::size_t episode, std::string_view path, double value) { append(episode, path, {&value, 1}); }
  void event(std::size_t episode, std::int64_t interval, std::string_view kind, std::string_view text);
  /// A column that has one row (Rows::once), NaN until then.
  void set(std::size_t episode, std::string_view path, std::span<const double> values);
  /// Flushes what was appended, then counts it. Every interval column must have as many rows as the others.
  void commit(std::size_t episode);
  void status(RunStatus status);
  void close();  ///< the file then opens like any other

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// A snapshot of what is committed, also while the file grows. DataError naming the file: missing, foreign (no or another
/// schema), of a newer major version, damaged (a dataset shorter than commit).
class RunReader {
 public:
  explicit RunReader(const std::filesystem::path& file);
  ~RunReader();
  RunReader(RunReader&&) noexcept;

  const Attributes& root() const;
  RunStatus status() const;
  std::size_t episodes() const;
  const Attributes& episode(std::size_t episode) const;
  Committed committed(std::size_t episode) const;
  const std::vector<Column>& columns() const;          ///< as found in the file
  bool has(std::string_view path) const;               ///< below an episode
  /// Committed rows, row-major, as doubles; booleans are 0 and 1.
  std::vector<double> read(std::size_t episode, std::string_view path) const;
  std::vector<std::string> read_text(std::size_t episode, std::string_view path) const;
  std::vector<std::string> labels(std::string_view path) const;  ///< of the second dimension; empty: none

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Differences between two runs, a line each; empty: equal. All columns but the volatile ones bit for bit (NaN equals
/// NaN), all attributes but those of provenance: created, host, command_line, git_*.
std::vector<std::string> compare_runs(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace fader

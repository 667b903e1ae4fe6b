// What can still be read of a run file that is damaged, cut short, or was left behind by a killed writer. RunReader refuses the
// first two; `check` says what is wrong with them, `repair` saves what is left.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace fader {

/// Not thread-safe. Nothing in the file is trusted, as with RunReader; bytes that the library itself cannot survive are for the
/// caller to provide against (experiments/guarded.h).
class Remains {
 public:
  struct Episode {
    Attributes attributes{};
    Committed committed{};             ///< believed: what the counters say, where they do not contradict the rest of the file
    std::vector<std::uint64_t> sound{};  ///< one a column: rows that can be read, committed or not
    bool lost = false;                 ///< there is no such group any more
  };
  struct Summary {
    std::vector<Column> columns{};       ///< empty: the run has none, or nothing of it is left
    std::uint64_t counted = 0;           ///< what its counter says, as far as any column goes
    std::uint64_t committed = 0;         ///< as far as all of them can be read
    bool lost = false;                   ///< there was one, and nothing of it can be reached
  };

  /// DataError naming the file: not a run (absent, foreign, newer), or nothing in it can be reached any more. A file that was
  /// cut short can only be opened as a longer copy: it is made under the name `padded` and removed with this object; without
  /// a name such a file is refused.
  explicit Remains(const std::filesystem::path& file, const std::filesystem::path& padded = {});
  ~Remains();
  Remains(Remains&&) noexcept;

  /// What is wrong with the file's structure, a line each; empty: nothing.
  const std::vector<std::string>& problems() const;
  bool closed() const;                                ///< not so: its writer is at work, or was killed
  const Attributes& root() const;
  RunStatus status() const;                           ///< running when that is lost
  const std::vector<Column>& columns() const;         ///< those that one episode at least describes, constants with their values
  const std::vector<Episode>& episodes() const;
  const Summary& summary() const;
  /// The first `rows` rows of a column, as the store exchanges them; `rows` is at most what is sound. DataError.
  std::string raw(std::size_t episode, std::size_t column, std::uint64_t rows) const;
  std::string summary_raw(std::size_t column, std::uint64_t rows) const;
  /// The least number of sound rows that the columns of a kind have; nothing when there is no such column.
  std::optional<std::uint64_t> sound(std::size_t episode, Rows kind) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace fader

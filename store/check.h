// Is a run file whole, and can what is in it be true?
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fader {

/// A row that cannot be what the program wrote.
struct BadRow {
  std::optional<std::size_t> episode;  ///< nothing: of the summary
  std::string path;                    ///< of the dataset
  std::uint64_t row = 0;
};
struct Problem {
  std::string text;          ///< one line: dataset, row, what was found and what was expected
  std::optional<BadRow> at;  ///< nothing: it is no matter of a row
};

struct Checked {
  std::vector<Problem> problems;  ///< empty: the file is fine
  bool closed = true;             ///< not so: its writer is at work or was killed, which is no damage
  std::string summary;            ///< "complete, 1 episode, 100 intervals, ..."; empty when the file cannot be read
};

/// Reads everything that the file holds. What it says must be readable, its counters must agree, and the values must keep what the
/// README promises of them: weights and probabilities on the simplex to 1e-9, nothing infinite, NaN only where it means "not
/// measured", one end an episode and at its last row, nothing cumulated that falls, seconds that add up to the total (to 1e-6 and
/// 0.1 s, since the clock is read twice), all planned intervals in a complete run unless its episode ended before. The summary has
/// each episode once, learning episodes before evaluation episodes; in a complete run it has those that are kept in
/// full, with as many decisions and the same return (to 1e-9). A run that failed may break off with numbers that are not finite.
/// Not for bytes that nobody vouches for: the library cannot survive all of them (experiments/guarded.h). Throws no DataError.
Checked check_run(const std::filesystem::path& file);

}  // namespace fader

// A whole, closed run file out of one that is damaged or was left behind by a killed writer.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace fader {

struct Salvage {
  std::string kept;               ///< "running, 1 episode, 37 of 40 intervals, 370 of 400 step rows, 2 of 2 events", and of a
                                  ///< summary its rows
  std::vector<std::string> lost;  ///< a line each: what could not be read, or cannot be true, and what became of it
};

/// Copies what is left of `from` into a new file `to`, bit for bit: attributes, constants, and of every episode the largest number of
/// intervals that all datasets have, that can be read, and that `check_run` believes, with their step rows and events. What is
/// written passes check_run. Of the summary, likewise: the rows before the first that is not whole or cannot be true. The status stays
/// what it was, except that a run which lost rows or final values is not complete any more: it is `running`, so that --resume plays it
/// to its end. `from` is not touched.
/// DataError, and no file `to`: not a run, or nothing of it can be saved. RunError: `to` cannot be written.
Salvage salvage_run(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace fader

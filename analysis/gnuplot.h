// Runs gnuplot on the scripts of analysis/plots.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fader {

struct Figure {
  std::string name;      ///< file without ending, below figures/
  std::string caption;   ///< what it shows, n, what the band is
  std::vector<std::string> arguments;  ///< script, then what follows the name of the output; tables relative to the experiment's folder
  std::size_t cell = 0;  ///< of the study; kAllCells: it is about several; kBudgets: about budgets of training
};
inline constexpr std::size_t kAllCells = SIZE_MAX, kBudgets = SIZE_MAX - 1;

struct Drawing {
  bool gnuplot = true;                   ///< false: not installed
  std::vector<Figure> done;              ///< in SVG, PNG and PDF
  std::vector<std::string> problems;     ///< a line for each file that could not be drawn
};

/// The folder of the scripts: $FADER_PLOTS, else analysis/plots below `source` (may be empty) or any folder above the program.
/// DataError when it is nowhere.
std::filesystem::path find_plots(const std::filesystem::path& source);

/// Draws into <experiment>/figures from <experiment>/tables, two files at a time. A figure that fails leaves that of last time alone.
Drawing draw(const std::vector<Figure>& figures, const std::filesystem::path& experiment, const std::filesystem::path& plots,
             const std::string& gnuplot = "gnuplot");

}  // namespace fader

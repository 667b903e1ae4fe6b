// What a report says in words: a table for the terminal, report.md for the folder, and the sentence on who won.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analysis/compare.h"
#include "analysis/figures.h"
#include "analysis/ope_log.h"

namespace fader {

/// Fewer pairs than this give no verdict: with 5 the smallest two-sided exact Wilcoxon p is 0.0625.
inline constexpr std::size_t kPairsForVerdict = 6;

/// What one policy's difference to the baseline allows to be said: "better", "worse", "no difference shown",
/// "too few pairs (5)", "not compared".
std::string reading(const Comparison& comparison, const Contender& contender);

/// Who won, or that no difference could be shown. A sentence or two.
std::string verdict(const Comparison& comparison);

/// Aligned table with heading, verdict and where the figures are; ends with a line end.
std::string summary(const Comparison& comparison, const Collection& collection, const Drawing& drawing);

std::string markdown(const Comparison& comparison, const Collection& collection, const Drawing& drawing);

struct ReportOptions {
  std::string metric, baseline;        ///< empty: as the runs say
  bool figures = true;
  std::optional<OpeOptions> ope;       ///< off-policy estimates as well
  std::filesystem::path source;        ///< of the project, where known
  std::string gnuplot = "gnuplot";
};

struct Report {
  std::string summary;                 ///< for standard output
  std::vector<std::string> problems;   ///< figures that could not be drawn though gnuplot is there
  bool estimated = false;              ///< off-policy, anything
};
/// Writes tables/, figures/ and report.md into the experiment's folder. DataError when its runs cannot be compared, before
/// anything is written.
Report report(const std::filesystem::path& experiment, const ReportOptions& options);

}  // namespace fader

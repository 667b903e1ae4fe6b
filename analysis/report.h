// The report on an experiment: tables, figures, report.html and report.md in its folder, and a summary for the terminal.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analysis/ope_log.h"
#include "analysis/verdict.h"

namespace fader {

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
/// Writes tables/, figures/, report.html and report.md into the experiment's folder. DataError when its runs cannot be compared,
/// before anything is written.
Report report(const std::filesystem::path& experiment, const ReportOptions& options);

}  // namespace fader

#include "analysis/scorecard.h"

#include <fmt/format.h>

#include "analysis/figures.h"

namespace fader {
namespace fs = std::filesystem;

bool is_scorecard(const fs::path& folder) { return fs::is_regular_file(folder / "scorecard.tsv"); }

Report scorecard_report(const fs::path& folder, const ReportOptions& options) {
  Report out;
  out.summary = fmt::format("Scorecard: {}", (folder / "scorecard.tsv").string());
  if (options.figures) {
    const Figure figure{"scorecard", "share of the way from equal weights to the optimum", {"scorecard.gp", "scorecard.tsv"}};
    const Drawing drawing = draw({figure}, folder, find_plots(options.source), options.gnuplot);
    out.problems = drawing.problems;
    if (!drawing.done.empty()) out.summary += fmt::format("   figure: {}.svg, .png, .pdf", (folder / "figures/scorecard").string());
    if (!drawing.gnuplot) out.summary += fmt::format("\nNo figure: gnuplot is not installed. Install it, and ./report {} draws it.", folder.string());
  }
  out.summary += '\n';
  return out;
}

}  // namespace fader

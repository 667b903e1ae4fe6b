#include "analysis/tool_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/credit_agreement.h"
#include "analysis/gnuplot.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

struct ToolTable {
  const char* file;
  const char* heading;
  Figure figure;
  std::string (*prepare)(const fs::path& folder) = nullptr;   ///< makes what the figure is of, and says what it is
};

std::string prepare_credit(const fs::path& folder) {
  const CreditTable table = read_credit_table(folder / "credit.tsv");
  write_atomically(folder / "credit_agreement.tsv", credit_agreement_tsv(table));
  return credit_agreement_text(table) + "\n";
}

const std::vector<ToolTable>& tool_tables() {
  static const std::vector<ToolTable> all = {
      {"scorecard.tsv", "Scorecard", {"scorecard", "share of the way from equal weights to the optimum", {"scorecard.gp", "scorecard.tsv"}}},
      {"agreement.tsv", "Agents", {"agents", "rank correlations of the agents' scores", {"agents.gp", "agreement.tsv"}}},
      {"credit.tsv", "Credit", {"credit", "rank correlation of credit with what came of listening", {"credit.gp", "credit_agreement.tsv"}},
       prepare_credit},
  };
  return all;
}

bool is_there(const fs::path& folder, const ToolTable& table) { return fs::is_regular_file(folder / table.file); }

}  // namespace

bool has_tool_tables(const fs::path& folder) {
  return std::ranges::any_of(tool_tables(), [&](const ToolTable& table) { return is_there(folder, table); });
}

Report tool_report(const fs::path& folder, const ReportOptions& options) {
  Report out;
  for (const ToolTable& table : tool_tables()) {
    if (!is_there(folder, table)) continue;
    if (table.prepare) out.summary += table.prepare(folder);
    out.summary += fmt::format("{}: {}", table.heading, (folder / table.file).string());
    if (options.figures) {
      const Drawing drawing = draw({table.figure}, folder, find_plots(options.source), options.gnuplot);
      out.problems.insert(out.problems.end(), drawing.problems.begin(), drawing.problems.end());
      if (!drawing.done.empty()) out.summary += fmt::format("   figure: {}.svg, .png, .pdf", (folder / "figures" / table.figure.name).string());
      if (!drawing.gnuplot) out.summary += fmt::format("\nNo figure: gnuplot is not installed. Install it, and ./report {} draws it.", folder.string());
    }
    out.summary += '\n';
  }
  return out;
}

}  // namespace fader

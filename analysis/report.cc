#include "analysis/report.h"

#include <algorithm>

#include "analysis/figures.h"
#include "analysis/html.h"
#include "analysis/markdown.h"
#include "analysis/report_document.h"
#include "analysis/tables.h"
#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

/// Cells to lines: the first column to the left, the others to the right; two blanks between.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  const auto width_of = [](const std::string& s) {
    return static_cast<std::size_t>(std::ranges::count_if(s, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  };
  std::vector<std::size_t> width(rows[0].size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], width_of(row[i]));
  std::string out;
  for (const auto& row : rows) {
    std::string line = "  ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(width[i] - width_of(row[i]), ' ');
      line += (i > 0 ? "   " : "") + (i > 0 ? blanks + row[i] : row[i] + blanks);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string summary_of(const Cell& cell) {
  const Comparison& all = cell.comparison;
  std::string out = cell.name.empty() ? "" : fmt::format("Cell {}\n", cell.name);
  out += fmt::format("{}, mean ± SD over seeds", all.quantity);
  if (!all.baseline.empty())
    out += fmt::format("; difference to {}: paired by seed, {} t interval", all.baseline, stats::percent(all.confidence));
  out += "\n\n" + aligned(policies_in_words(all)) + "\n" + verdict(all) + "\n";
  for (const std::string& note : all.notes) out += "Note: " + note + "\n";
  return out;
}

std::string summary(const Study& study, const Drawing& drawing) {
  const Comparison& first = study.cells[0].comparison;
  std::string out = first.experiment + (first.question.empty() ? "" : ": " + first.question) + "\n";
  for (std::size_t i = 0; i < study.cells.size(); ++i) out += (i > 0 ? "\n" : "") + summary_of(study.cells[i]);
  if (!study.left_out.empty()) out += fmt::format("Left out ({}):\n", study.left_out.size());
  for (const LeftOut& item : study.left_out) out += fmt::format("  {}: {}\n", item.place, item.reason);
  const std::string where = study.folder.string();
  out += fmt::format("Report: {}/report.html, {}/report.md   tables: {}/tables/", where, where, where);
  out += drawing.done.empty() ? "\n" : fmt::format("   figures: {}/figures/\n", where);
  if (!drawing.gnuplot) out += "No figures: gnuplot is not installed. The tables are there; install gnuplot and run the report again.\n";
  return out;
}

}  // namespace

Report report(const fs::path& experiment, const ReportOptions& options) {
  const Study study = study_of(collect_runs(experiment, {.metric = options.metric}), options.baseline);
  write_tables(study, experiment / "tables");
  Drawing drawing;
  if (options.figures) drawing = draw(planned_figures(study), experiment, find_plots(options.source), options.gnuplot);
  const Document document = report_document(study, drawing);
  write_atomically(experiment / "report.md", markdown(document));
  write_atomically(experiment / "report.html", html(document, [&](const std::string& file) { return read_file(experiment / file); }));
  return {summary(study, drawing), drawing.problems};
}

}  // namespace fader

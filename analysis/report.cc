#include "analysis/report.h"

#include "analysis/figures.h"
#include "analysis/html.h"
#include "analysis/markdown.h"
#include "analysis/ope_report.h"
#include "analysis/report_document.h"
#include "analysis/tables.h"
#include "analysis/text_table.h"
#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

std::string summary_of(const Cell& cell) {
  const Comparison& all = cell.comparison;
  std::string out = cell.name.empty() ? "" : fmt::format("Cell {}\n", cell.name);
  out += fmt::format("{}, mean ± SD over seeds", all.quantity);
  if (!all.baseline.empty())
    out += fmt::format("; difference to {}: paired by seed, {} t interval", all.baseline, stats::percent(all.confidence));
  out += "\n\n" + aligned(policies_in_words(all)) + "\n" + verdict(all) + "\n";
  for (const Contender& c : all.contenders)
    if (const std::string apart = tokens_apart(all, c); !apart.empty()) out += fmt::format("{} was {}.\n", c.name, apart);
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

/// The table of an earlier report goes where nobody asks for one.
void write_off_policy(const std::optional<OffPolicyStudy>& estimates, const fs::path& tables) {
  if (estimates) write_atomically(tables / "ope.tsv", ope_tsv(*estimates));
  else fs::remove(tables / "ope.tsv");
}

}  // namespace

Report report(const fs::path& experiment, const ReportOptions& options) {
  Collection collection = collect_runs(experiment, {.metric = options.metric});
  std::optional<OffPolicyStudy> estimates;
  if (options.ope) estimates = off_policy(collection, *options.ope);
  const Study study = study_of(std::move(collection), options.baseline);
  write_tables(study, experiment / "tables");
  write_off_policy(estimates, experiment / "tables");
  Drawing drawing;
  if (options.figures) drawing = draw(planned_figures(study), experiment, find_plots(options.source), options.gnuplot);
  ReportDocument document = report_document(study, drawing);
  if (estimates) add_off_policy(document, *estimates);
  write_atomically(experiment / "report.md", markdown(document));
  write_atomically(experiment / "report.html", html(document, [&](const std::string& file) { return read_file(experiment / file); }));
  return {summary(study, drawing) + (estimates ? ope_text(*estimates) : ""), drawing.problems, estimates && estimates->estimated()};
}

}  // namespace fader

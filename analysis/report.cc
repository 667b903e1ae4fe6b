#include "analysis/report.h"

#include <algorithm>
#include <cmath>

#include "analysis/ope_report.h"
#include "analysis/tables.h"
#include "analysis/text_table.h"
#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

std::string number(double x) { return std::isnan(x) ? "n/a" : fmt::format("{:.4f}", x); }
std::string signed_number(double x) { return std::isnan(x) ? "n/a" : fmt::format("{:+.4f}", x); }
std::string bracket(const stats::Interval& i) {
  return i.known() ? fmt::format("[{:+.4f}, {:+.4f}]", i.low, i.high) : "[n/a]";
}
std::string gain(double x) { return std::isnan(x) ? "n/a" : x > 999 ? "> 999" : fmt::format("{:.1f}", x); }
std::string share(double x) { return std::isnan(x) ? "n/a" : fmt::format("{:.1f}%", 100 * x); }
std::string mean_sd(const Contender& c) { return c.runs.size() < 2 ? number(c.mean) : number(c.mean) + " ± " + number(c.sd); }
std::string runs_of(const Contender& c) {
  return c.left_out == 0 ? fmt::format("{}", c.runs.size()) : fmt::format("{} of {}", c.runs.size(), c.runs.size() + c.left_out);
}
std::string plain_quantity(const Comparison& all) { return all.quantity.substr(0, all.quantity.find(" (")); }

std::vector<std::vector<std::string>> short_table(const Comparison& all) {
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"policy", "runs", plain_quantity(all)});
  if (!all.baseline.empty()) rows[0].insert(rows[0].end(), {"difference to " + all.baseline, "wins"});
  rows[0].push_back("overhead");
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    rows.push_back({c.name, runs_of(c), mean_sd(c)});
    if (c.is_baseline) rows.back().insert(rows.back().end(), {"baseline", ""});
    else if (c.paired)
      rows.back().insert(rows.back().end(), {signed_number(c.paired->difference) + " " + bracket(c.paired->interval),
                                             fmt::format("{}/{}", all.wins(*c.paired), c.paired->n)});
    else if (!all.baseline.empty()) rows.back().insert(rows.back().end(), {"no pairs", ""});
    rows.back().push_back(share(c.overhead_seconds));
  }
  return rows;
}

std::vector<std::vector<std::string>> pairing_table(const Comparison& all) {
  std::vector<std::vector<std::string>> rows = {
      {"policy", "pairs", "difference", stats::percent(all.confidence) + " interval", "SD of differences", "correlation", "unpaired interval",
       "gain", "wins", "reading"}};
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    if (!c.paired) continue;
    const stats::Paired& p = *c.paired;
    rows.push_back({c.name, fmt::format("{}", p.n), signed_number(p.difference), bracket(p.interval), number(p.sd),
                    std::isnan(p.correlation) ? "n/a" : fmt::format("{:.3f}", p.correlation), bracket(p.unpaired),
                    gain(p.gain), fmt::format("{}", all.wins(p)), reading(all, c)});
  }
  return rows;
}

std::string pairs_in_words(std::size_t n) { return fmt::format("{} pair{}", n, n == 1 ? "" : "s"); }

std::string measured(const stats::Paired& p) {
  return fmt::format("{} {}, {}", signed_number(p.difference), bracket(p.interval), pairs_in_words(p.n));
}

/// The best policy against the second best: the same question, asked after looking.
std::string lead(const Comparison& all) {
  if (all.ranking.size() < 3) return "";
  const Contender &best = all.contenders[all.ranking[0]], &second = all.contenders[all.ranking[1]];
  if (best.is_baseline || second.is_baseline) return "";
  const std::vector<Pair> pairs = pairs_of(best, second);
  if (pairs.empty()) return "";
  const stats::Paired p = paired(pairs, all.confidence);
  const bool apart = p.interval.known() && !p.interval.holds(0);
  const char* verdict = !apart ? "; no difference is shown between them" : p.n < kPairsForVerdict ? "; too few pairs for a verdict" : "";
  return fmt::format(" Against {}, the runner-up: {}{}.", second.name, measured(p), verdict);
}

std::string left_out_lines(const Collection& collection, const std::string& indent) {
  std::string out;
  for (const LeftOut& item : collection.left_out) out += fmt::format("{}{}: {}\n", indent, item.place, item.reason);
  return out;
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("._=,+-/").find(c) != std::string_view::npos;
  });
  return plain ? word : fmt::format("\"{}\"", word);
}

std::string command_of(const Figure& figure) {
  std::string out = fmt::format("gnuplot -c \"$PLOTS/{}\" figures/{}.svg", figure.arguments[0], figure.name);
  for (std::size_t i = 1; i < figure.arguments.size(); ++i) out += fmt::format(" {}", quoted(figure.arguments[i]));
  return out;
}

std::string figure_section(const Drawing& drawing) {
  if (!drawing.gnuplot) return "\n## Figures\n\ngnuplot is not installed, so there are tables only. Install it and run the report again.\n";
  if (drawing.done.empty()) return "";
  std::string out = "\n## Figures\n";
  for (const Figure& figure : drawing.done)
    out += fmt::format("\n![{}](figures/{}.svg)\n\n{} Also as [PNG](figures/{}.png) and [PDF](figures/{}.pdf).\n", figure.name, figure.name,
                       figure.caption, figure.name, figure.name);
  out += "\nEach is drawn from `tables/` by a script; `PLOTS` being the project's folder `analysis/plots`, in this folder:\n\n```\n";
  for (const Figure& figure : drawing.done) out += command_of(figure) + "\n";
  return out + "```\n";
}

/// The section of report.md, "" unless asked for; the table, and the words for the terminal in `out`.
std::string add_off_policy(const Collection& collection, const ReportOptions& options, Report& out) {
  const fs::path table = collection.folder / "tables" / "ope.tsv";
  if (!options.ope) {
    fs::remove(table);
    return "";
  }
  const OffPolicy all = off_policy(collection, *options.ope);
  write_atomically(table, ope_tsv(all));
  out.summary = ope_text(all);
  out.estimated = all.estimated();
  return ope_markdown(all);
}

}  // namespace

std::string reading(const Comparison& all, const Contender& c) {
  if (all.screening) return "screening";
  if (!c.paired) return "not compared";
  const stats::Paired& p = *c.paired;
  if (p.n < kPairsForVerdict) return fmt::format("too few pairs ({})", p.n);
  if (!p.interval.known() || p.interval.holds(0)) return "no difference shown";
  return (p.difference < 0) == all.lower_is_better ? "better" : "worse";
}

std::string verdict(const Comparison& all) {
  const Contender& best = all.contenders[all.ranking[0]];
  const std::string extreme = all.lower_is_better ? "lowest" : "highest", quantity = plain_quantity(all);
  if (all.contenders.size() == 1) return fmt::format("Only {} has complete runs: there is nothing to compare.", best.name);
  if (all.screening)
    return fmt::format("A screening of {} policies, without verdicts: {} has the {} mean {}, as some policy must. Intervals are not corrected for "
                       "looking at so many; what looks good is to be compared anew, on other seeds.", all.contenders.size(), best.name, extreme, quantity);
  if (best.is_baseline)
    return fmt::format("No policy has a {} mean {} than the baseline {}.", all.lower_is_better ? "lower" : "higher", quantity, best.name);
  const std::string leads = fmt::format("{} has the {} mean {}", best.name, extreme, quantity);
  if (all.baseline.empty()) return leads + "; without a baseline nothing is tested.";
  if (!best.paired) return fmt::format("{}, but shares no seed with {}: no pairs, no verdict.", leads, all.baseline);
  const stats::Paired& p = *best.paired;
  const std::string result = fmt::format("{}, better in {}", measured(p), all.wins(p));
  if (p.n < kPairsForVerdict)
    return fmt::format("{}; against {}: {}. Screening only: fewer than {} pairs give no verdict.{}", leads, all.baseline, result,
                       kPairsForVerdict, lead(all));
  if (reading(all, best) != "better")
    return fmt::format("No difference to {} could be shown: {}: {}.", all.baseline, leads, result);
  const std::size_t others = all.contenders.size() - 1;
  return fmt::format("{} beats {}: {} by {} (screening: {} compared with the baseline, intervals not corrected for that).{}", best.name,
                     all.baseline, quantity, result, others == 1 ? "one policy" : fmt::format("{} policies", others), lead(all));
}

std::string summary(const Comparison& all, const Collection& collection, const Drawing& drawing) {
  std::string out = all.experiment + (all.question.empty() ? "" : ": " + all.question) + "\n";
  out += fmt::format("{}, mean ± SD over seeds", all.quantity);
  if (!all.baseline.empty())
    out += fmt::format("; difference to {}: paired by seed, {} t interval", all.baseline, stats::percent(all.confidence));
  out += "\n\n" + aligned(short_table(all)) + "\n" + verdict(all) + "\n";
  for (const std::string& note : all.notes) out += "Note: " + note + "\n";
  if (!collection.left_out.empty()) out += fmt::format("Left out ({}):\n{}", collection.left_out.size(), left_out_lines(collection, "  "));
  const std::string where = collection.folder.string();
  out += fmt::format("Report: {}/report.md   tables: {}/tables/", where, where);
  out += drawing.done.empty() ? "\n" : fmt::format("   figures: {}/figures/\n", where);
  if (!drawing.gnuplot) out += "No figures: gnuplot is not installed. The tables are there; install gnuplot and run the report again.\n";
  return out;
}

std::string markdown(const Comparison& all, const Collection& collection, const Drawing& drawing) {
  std::string out = "# " + all.experiment + "\n\n";
  if (!all.question.empty()) out += "> " + all.question + "\n\n";
  out += verdict(all) + "\n\n" + as_markdown(short_table(all));
  out += fmt::format("\nRuns: complete ones, one a seed. {}: mean ± standard deviation from run to run.", all.quantity);
  if (!all.baseline.empty())
    out += fmt::format(" Difference to {}: mean over runs of equal seed, with its {} paired t interval; {} is better. Wins: pairs in "
                       "which the policy was better.", all.baseline, stats::percent(all.confidence), all.lower_is_better ? "negative" : "positive");
  out += " Overhead: share of the seconds that scoring, probing, selecting, rewards, console and store take beside training, set-up and "
         "observation left aside; by FLOPs it is in `tables/policies.tsv`.\n";
  if (!all.baseline.empty()) {
    out += "\n## What pairing gained\n\n" + as_markdown(pairing_table(all));
    out += fmt::format("\nGain: width of the unpaired (Welch) interval over that of the paired one; correlation: of the two policies' {} "
                       "over seeds. A reading needs {} pairs and an interval without zero. Everything here is screening: intervals are "
                       "not corrected for the number of policies.\n", plain_quantity(all), kPairsForVerdict);
  }
  out += figure_section(drawing);
  out += "\n## Tables\n\n`tables/`: runs, intervals, policies, paired, pairs, curves, differences, domains, left_out, weights by policy, and for runs of "
         "several episodes learning and evaluation; "
         "tab-separated, `#` lines say what they hold.\n";
  if (!all.notes.empty()) out += "\n## Notes\n\n";
  for (const std::string& note : all.notes) out += "- " + note + "\n";
  if (!collection.left_out.empty()) out += "\n## Found and left out\n\n" + left_out_lines(collection, "- ");
  return out;
}

Report report(const fs::path& experiment, const ReportOptions& options) {
  const Collection collection = collect_runs(experiment, {.metric = options.metric});
  const Comparison all = compare(collection, options.baseline);
  write_tables(all, collection, experiment / "tables");
  Drawing drawing;
  if (options.figures) drawing = draw(planned_figures(all), experiment, find_plots(options.source), options.gnuplot);
  Report out;
  const std::string estimates = add_off_policy(collection, options, out);
  write_atomically(experiment / "report.md", markdown(all, collection, drawing) + estimates);
  out.summary = summary(all, collection, drawing) + out.summary;
  out.problems = drawing.problems;
  return out;
}

}  // namespace fader

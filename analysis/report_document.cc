#include "analysis/report_document.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "analysis/budget_report.h"
#include "analysis/evidence.h"
#include "analysis/figures.h"
#include "analysis/verdict.h"
#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace {

constexpr std::size_t kRowsBeside = 120, kPointsListed = 60, kHashShown = 12;

std::string counted(std::size_t n, const std::string& what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == at)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

/// Six digits are enough for the eye; the file has all.
std::string short_number(const std::string& cell) {
  double value = 0;
  const auto [rest, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool whole = cell.find_first_of(".eEnN") == std::string::npos;
  return error == std::errc() && rest == cell.data() + cell.size() && !whole ? std::isnan(value) ? "n/a" : fmt::format("{:.6g}", value) : cell;
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("._=,+-/").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::string command_of(const Figure& figure) {
  std::string out = fmt::format("gnuplot -c \"$PLOTS/{}\" {}", figure.arguments[0], quoted("figures/" + figure.name + ".svg"));
  for (std::size_t i = 1; i < figure.arguments.size(); ++i) out += " " + quoted(figure.arguments[i]);
  return out;
}

std::size_t runs_in(const Cell& cell) { return cell.collection.runs.size(); }

class Author {
 public:
  Author(const Study& study, const Drawing& drawing) : study_(study), drawing_(drawing), first_(study.cells[0].comparison) {}

  ReportDocument write() {
    out_.title = first_.question.empty() ? first_.experiment : first_.question;
    opening();
    hypotheses();
    verdicts();
    if (study_.cells.size() > 1) overview();
    budgets();
    for (std::size_t i = 0; i < study_.cells.size(); ++i) cell(i);
    searched();
    figures_missing();
    notes();
    left_out();
    repeat();
    return std::move(out_);
  }

 private:
  bool several() const { return study_.cells.size() > 1; }
  /// Of a section below that of its cell, or on its own where there is one cell.
  int level() const { return several() ? 3 : 2; }

  void opening() {
    std::size_t runs = 0;
    std::set<std::string> policies;
    std::set<std::uint64_t> seeds;
    for (const Cell& cell : study_.cells) {
      runs += runs_in(cell);
      for (const Contender& c : cell.comparison.contenders) policies.insert(c.name);
      for (const RunRecord& run : cell.collection.runs) seeds.insert(run.seed);
    }
    out_.say(fmt::format(
        "Experiment {}: {} of {}, {}{}. {}", first_.experiment, counted(runs, "complete run"),
        policies.size() == 1 ? "1 policy" : fmt::format("{} policies", policies.size()), counted(seeds.size(), "seed"),
        several() ? fmt::format(", in {} cells (environments that a sweep varies; policies are compared within a cell only)", study_.cells.size())
                  : "",
        study_.left_out.empty() ? "Nothing that was found is left out."
                                : fmt::format("{} found and left out, named below.",
                                              study_.left_out.size() == 1 ? "1 item was" : fmt::format("{} items were", study_.left_out.size()))));
  }

  void hypotheses() {
    const std::vector<Tested> tested = tested_hypotheses(study_);
    out_.heading(2, "Hypotheses");
    if (tested.empty()) return out_.say("None was stated before the runs began: everything here is screening, to be confirmed on other seeds.");
    for (const Tested& t : tested) out_.blocks.push_back(Paragraph{sentence(t, first_.confidence), true});
    out_.say("These were stated in the experiment's file beforehand, and are confirmatory; their p-values are corrected over all of them. Everything else "
             "here is screening. All numbers are in the table hypotheses.tsv.");
  }

  /// How much was tried out before, and whether what it was chosen by is compared again.
  void searched() {
    if (study_.searched.empty()) return;
    std::set<std::uint64_t> compared;
    for (const Cell& cell : study_.cells)
      for (const RunRecord& run : cell.collection.runs) compared.insert(run.seed);
    Bullets list;
    for (const Searched& s : study_.searched) {
      const bool again = std::ranges::any_of(s.seeds, [&](std::uint64_t seed) { return compared.contains(seed); });
      list.items.push_back(fmt::format("{}: {} of candidates{}, on the seed{} {}; {}.", s.policy, counted(s.runs, "run"),
                                       s.tokens > 0 ? fmt::format(" ({:.0f} {}s in all)", s.tokens, s.unit.empty() ? "token" : s.unit) : "", s.seeds.size() == 1 ? "" : "s",
                                       fmt::join(s.seeds, ", "),
                                       again ? "some of these are compared as well, which flatters it: it was chosen by what they showed" : "none of these is in the comparison"));
    }
    out_.heading(2, "Tuned beforehand");
    out_.blocks.push_back(std::move(list));
  }

  void verdicts() {
    out_.heading(2, several() ? "Verdicts" : "Verdict");
    for (const Cell& cell : study_.cells) out_.blocks.push_back(Paragraph{(several() ? cell.name + ": " : "") + verdict(cell.comparison), true});
  }

  void overview() {
    out_.heading(2, "Over the cells");
    const bool drawn = std::ranges::any_of(drawing_.done, [](const Figure& f) { return f.cell == kAllCells; });
    if (!drawn) differences_by_cell();
    std::set<std::string> compared;
    for (const Cell& cell : study_.cells)
      for (const Contender& c : cell.comparison.contenders)
        if (c.paired) compared.insert(c.name);
    if (drawn && study_.axes.size() == 2 && compared.size() > kCurvesNamed)
      out_.say(
          fmt::format("Maps of the first {} of {} policies by name; the others are in the tables heat_<policy>.tsv.", kCurvesNamed, compared.size()));
    pictures(kAllCells);
  }

  void budgets() {
    if (study_.budgets.empty()) return;
    out_.heading(2, "Tokens and FLOPs to a loss");
    for (const BudgetFamily& family : study_.budgets) {
      if (!family.name.empty()) out_.heading(3, family.name);
      out_.say(budgets_said(study_, family));
      if (!family.note.empty()) continue;
      if (!family.baseline.empty()) {
        out_.blocks.push_back(CellRows{budgets_in_words(family), {1, 2, 3, 4}});
        out_.say(budgets_explained(study_, family));
      }
      for (const char* of : {"_tokens", "_flops"})
        pictures(kBudgets, family.file + of);
    }
  }

  /// A row a policy, a column a cell.
  void differences_by_cell() {
    CellRows table{{{"policy"}}, {}};
    std::map<std::string, std::vector<std::string>> rows;
    for (std::size_t i = 0; i < study_.cells.size(); ++i) {
      table.rows[0].push_back(study_.cells[i].name);
      for (const Contender& c : study_.cells[i].comparison.contenders) {
        std::vector<std::string>& row = rows[c.name];
        row.resize(study_.cells.size(), "");
        row[i] = c.is_baseline ? "baseline"
                 : c.paired    ? fmt::format("{} {}, {} pairs", signed_number(c.paired->difference), bracket(c.paired->interval), c.paired->n)
                               : "no pairs";
      }
    }
    for (auto& [name, row] : rows) {
      row.insert(row.begin(), name);
      table.rows.push_back(std::move(row));
    }
    out_.blocks.push_back(std::move(table));
    out_.say(fmt::format(
        "Difference in {} to the baseline of the same cell: mean over pairs of runs of equal seed, with its {} paired t interval; {} is better. Not "
        "corrected for the number of policies or cells.",
        first_.quantity, stats::percent(first_.confidence), first_.lower_is_better ? "negative" : "positive"));
  }

  void cell(std::size_t index) {
    const Cell& cell = study_.cells[index];
    const Comparison& all = cell.comparison;
    if (several()) out_.heading(2, cell.name.empty() ? "The environment as it is" : cell.name);
    out_.heading(level(), "What was compared");
    compared(cell);
    out_.heading(level(), "Policies");
    out_.blocks.push_back(CellRows{policies_in_words(all), {}});
    explain_policies(all);
    if (!all.baseline.empty()) pairing(cell);
    const bool any = std::ranges::any_of(drawing_.done, [&](const Figure& f) { return f.cell == index; });
    if (any) out_.heading(level(), "Figures");
    if (any && study_.cells.size() > kCellsInFull)
      out_.say(fmt::format(
          "Of {} cells each has the figures of its comparison; what weights, domains, credit, rewards, regret, FLOPs and phases did is in tables/{}.",
          study_.cells.size(), cell.file));
    pictures(index);
  }

  void compared(const Cell& cell) {
    const Comparison& all = cell.comparison;
    std::size_t fewest = SIZE_MAX, most = 0, pairs = SIZE_MAX, most_pairs = 0;
    std::vector<double> gains;
    for (const Contender& c : all.contenders) {
      fewest = std::min(fewest, c.runs.size());
      most = std::max(most, c.runs.size());
      if (!c.paired) continue;
      pairs = std::min(pairs, c.paired->n);
      most_pairs = std::max(most_pairs, c.paired->n);
      if (std::isfinite(c.paired->gain)) gains.push_back(c.paired->gain);
    }
    const auto range = [](std::size_t low, std::size_t high) { return low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high); };
    Bullets list;
    list.items.push_back(fmt::format("{}, {} a policy (one a seed).",
                                     all.contenders.size() == 1 ? "1 policy" : fmt::format("{} policies", all.contenders.size()),
                                     range(fewest, most) + (most == 1 ? " run" : " runs")));
    list.items.push_back(fmt::format("Metric: {}; {} is better. Dataset: {}.", all.quantity, all.lower_is_better ? "lower" : "higher", all.metric));
    if (all.baseline.empty())
      list.items.push_back("No baseline: nothing is tested.");
    else
      list.items.push_back(fmt::format("Baseline: {}. Differences are paired by seed ({} pairs a policy), with {} t intervals.", all.baseline,
                                       most_pairs == 0 ? "no" : range(pairs, most_pairs), stats::percent(all.confidence)));
    if (!gains.empty())
      list.items.push_back(
          fmt::format("Pairing gain: unpaired intervals would be {:.1f} times as wide (median over policies).", stats::median(gains)));
    const RunRecord& run = cell.collection.runs[0];
    list.items.push_back(fmt::format(
        "Environment: {}{}.", run.environment.empty() ? "not stated" : run.environment,
        run.budget() > 0 ? fmt::format("; {:.0f} {} a run", run.budget(), run.tokens_unit.empty() ? "tokens" : run.tokens_unit + "s") : ""));
    out_.blocks.push_back(std::move(list));
  }

  /// Beside every table that has a policy on more tokens than the others.
  void unequal_tokens(const Comparison& all) {
    for (const Contender& c : all.contenders)
      if (const std::string apart = tokens_apart(all, c); !apart.empty()) out_.say(fmt::format("{} was {}.", c.name, apart));
  }

  void explain_policies(const Comparison& all) {
    std::string text = fmt::format("Runs: complete ones, one a seed. {}: mean ± standard deviation from run to run.", all.quantity);
    if (!all.baseline.empty())
      text += fmt::format(
          " Difference to {}: mean over runs of equal seed, with its {} paired t interval; {} is better. Wins: pairs in "
          "which the policy was better.",
          all.baseline, stats::percent(all.confidence), all.lower_is_better ? "negative" : "positive");
    out_.say(text +
             " Overhead: share of the seconds that scoring, probing, selecting, rewards, console and store take beside training, set-up and "
             "observation left aside; by FLOPs it is in the table policies.tsv.");
    unequal_tokens(all);
  }

  void tests(const Cell& cell) {
    const Comparison& all = cell.comparison;
    const std::string percent = stats::percent(all.confidence);
    CellRows table{{{"policy", "pairs", "difference", percent + " paired t", percent + " studentised", "p, t", "p, Wilcoxon", "p, Holm", "better with probability",
                     "least effect", "seeds needed"}}, {}};
    const auto p = [](double x) { return std::isnan(x) ? "n/a" : fmt::format("{:.3g}", x); };
    for (const ContenderEvidence& c : evidence_against_baseline(cell)) {
      const Evidence& e = c.evidence;
      table.rows.push_back({c.contender->name, fmt::format("{}", e.paired.n), signed_number(e.paired.difference), bracket(e.paired.interval),
                            e.studentised.known() ? bracket(e.studentised) : "not known", p(e.p_t), p(e.p_wilcoxon), p(e.p_holm),
                            std::isnan(e.improvement) ? "n/a" : fmt::format("{:.2f}", e.improvement), number(e.smallest_effect),
                            e.seeds_needed > 0 ? fmt::format("{}", e.seeds_needed) : "n/a"});
    }
    out_.heading(level(), fmt::format("How sure the differences to {} are", all.baseline));
    out_.blocks.push_back(std::move(table));
    out_.say(fmt::format("Of {}. Both intervals are primary; where they disagree the differences are skewed, and the studentised one is the one to believe. p, Holm: of "
                         "paired t, corrected over these policies. Least effect: what so many pairs show in 80 of 100 experiments, at the SD found; seeds "
                         "needed: to show the difference found as often. With intervals of the probability and the interquartile mean in the table tests.tsv.",
                         plain_quantity(all)));
    unequal_tokens(all);
  }

  void pairing(const Cell& cell) {
    const Comparison& all = cell.comparison;
    CellRows table{pairing_in_words(all), {}};
    if (table.rows.size() == 1) return;
    tests(cell);
    table.words = {table.rows[0].size() - 1};
    out_.heading(level(), "What pairing gained");
    out_.blocks.push_back(std::move(table));
    out_.say(
        fmt::format("Gain: width of the unpaired (Welch) interval over that of the paired one; correlation: of the two policies' {} "
                    "over seeds. A reading needs {} pairs and an interval without zero. Everything here is screening: intervals are "
                    "not corrected for the number of policies.",
                    plain_quantity(all), kPairsForVerdict));
  }

  /// Those of a cell, or of these that of one name.
  void pictures(std::size_t cell, const std::string& name = "") {
    for (const Figure& figure : drawing_.done) {
      if (figure.cell != cell || (!name.empty() && figure.name != name)) continue;
      Picture picture{"figures/" + figure.name, figure.caption, {}};
      for (std::size_t i = 1; i < figure.arguments.size(); ++i)
        if (const std::string& file = figure.arguments[i]; file.starts_with("tables/"))
          picture.numbers.push_back(numbers_beside(file, read_file(study_.folder / file)));
      out_.blocks.push_back(std::move(picture));
    }
  }

  void figures_missing() {
    if (drawing_.gnuplot && drawing_.problems.empty()) return;
    out_.heading(2, "Figures that are not here");
    if (!drawing_.gnuplot) out_.say("gnuplot is not installed, so there are tables only. Install it and run the report again.");
    if (!drawing_.problems.empty()) out_.blocks.push_back(Bullets{drawing_.problems});
  }

  void notes() {
    Bullets list;
    for (const Cell& cell : study_.cells)
      for (const std::string& note : cell.comparison.notes) list.items.push_back((several() ? cell.name + ": " : "") + note);
    if (list.items.empty()) return;
    out_.heading(2, "Notes");
    out_.blocks.push_back(std::move(list));
  }

  void left_out() {
    if (study_.left_out.empty()) return;
    out_.heading(2, "Found and left out");
    Bullets list;
    for (const LeftOut& item : study_.left_out) list.items.push_back(fmt::format("{}: {}", item.place, item.reason));
    out_.blocks.push_back(std::move(list));
  }

  void repeat() {
    out_.heading(2, "How to repeat it");
    std::set<std::string> corpora, models, programs, environments;
    CellRows points;
    points.rows = {{"point", "policy", "runs", "configuration (SHA-256)"}};
    points.words = {1, 3};
    if (several()) points.rows[0].insert(points.rows[0].begin() + 2, "cell");
    if (several()) points.words = {1, 2, 4};
    for (const Cell& cell : study_.cells)
      for (const Contender& c : cell.comparison.contenders) {
        for (const RunRecord* run : c.runs) {
          corpora.insert(run->corpus.empty() ? "not stated" : run->corpus);
          models.insert(run->model.empty() ? "not stated" : run->model);
          environments.insert(run->environment.empty() ? "not stated" : run->environment);
          programs.insert(run->program);
        }
        std::vector<std::string> row = {c.point, c.runs[0]->policy, fmt::format("{}", c.runs.size()), c.runs[0]->config.substr(0, kHashShown)};
        if (several()) row.insert(row.begin() + 2, cell.name);
        points.rows.push_back(std::move(row));
      }
    const auto list = [](const std::set<std::string>& all) { return fmt::format("{}", fmt::join(all, "; ")); };
    out_.blocks.push_back(Bullets{{"Corpus (hash): " + list(corpora) + ".", "Model: " + list(models) + ".",
                                   "Environment: " + list(environments) + ".", "Program: fader " + list(programs) + "."}});
    out_.say("Every run has its resolved configuration beside it, which runs again by itself to the same numbers:");
    const RunRecord& run = study_.cells[0].collection.runs[0];
    out_.blocks.push_back(Code{{fmt::format("./run_experiment {}", quoted(run.place + "/config.toml"))}});
    if (points.rows.size() <= kPointsListed + 1)
      out_.blocks.push_back(std::move(points));
    else
      out_.say(fmt::format("The configuration of each of the {} points is in the table points.tsv.", points.rows.size() - 1));
    out_.say("All numbers are in the folder tables, tab-separated; lines that begin with # say what they hold.");
    if (drawing_.done.empty()) return;
    out_.say("Figures are drawn from these tables by scripts. In this folder, PLOTS being the project's folder analysis/plots:");
    Code commands;
    for (const Figure& figure : drawing_.done) commands.lines.push_back(command_of(figure));
    out_.blocks.push_back(std::move(commands));
  }

  const Study& study_;
  const Drawing& drawing_;
  const Comparison& first_;
  ReportDocument out_;
};

}  // namespace

Numbers numbers_beside(const std::string& file, const std::string& table) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> last;  // rows at which a curve ends
  bool empty_before = false;
  for (const std::string& line : split(table, '\n')) {
    if (line.starts_with("#")) continue;
    if (line.empty()) {
      if (!empty_before && rows.size() > 1) last.push_back(rows.size() - 1);
      empty_before = true;
      continue;
    }
    empty_before = false;
    rows.push_back(split(line, '\t'));
    if (rows.size() > 1) std::ranges::transform(rows.back(), rows.back().begin(), short_number);
  }
  const std::size_t n = rows.empty() ? 0 : rows.size() - 1;
  Numbers out{file, n == 1 ? "its row" : fmt::format("all {} rows", n), {}};
  if (rows.empty()) return {file, "which is empty", {{{""}}, {}}};
  for (std::size_t i = 0; i < rows[0].size(); ++i)
    if (rows[0][i] == "policy" || rows[0][i] == "domain" || rows[0][i] == "seed") out.shown.words.push_back(i);
  if (n <= kRowsBeside) {
    out.shown.rows = std::move(rows);
    return out;
  }
  std::vector<std::size_t> kept = last;
  if (last.size() > 1 && last.size() <= kRowsBeside) {
    out.note = fmt::format("of its {} rows the last of each curve", n);
  } else {
    kept.clear();
    for (std::size_t i = 0; i < kRowsBeside; ++i) kept.push_back(1 + i * (n - 1) / (kRowsBeside - 1));
    out.note = fmt::format("of its {} rows {} spread evenly", n, kRowsBeside);
  }
  out.shown.rows.push_back(rows[0]);
  for (const std::size_t i : kept) out.shown.rows.push_back(rows[i]);
  return out;
}

ReportDocument report_document(const Study& study, const Drawing& drawing) { return Author(study, drawing).write(); }

}  // namespace fader

#include "analysis/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "analysis/budget_report.h"
#include "analysis/captions.h"
#include "analysis/tables.h"
#include "analysis/trend_figures.h"
#include "analysis/verdict.h"

namespace fader {
namespace {

constexpr std::size_t kWeightsOfACell = 1;

Figure curves_figure(const Comparison& all, const std::string& at) {
  std::size_t fewest = SIZE_MAX, most = 0, paired = 0;
  for (const Contender& c : all.contenders) {
    fewest = std::min(fewest, c.curve.n);
    most = std::max(most, c.curve.n);
    paired += !c.difference.x.empty();
  }
  const std::string seeds = seeds_in_words(fewest, most);
  const std::string band = (most < 2 ? seeds : fmt::format("{} t intervals, {}", stats::percent(all.confidence), seeds)) + named_in_brief(all);
  Figure out;
  out.name = at + "curves";
  out.arguments = {"curves.gp",
                   "tables/" + at + "curves.tsv",
                   paired > 0 ? "tables/" + at + "differences.tsv" : "",
                   all.baseline,
                   band,
                   all.curve_quantity,
                   all.x_name,
                   all.lower_is_better ? "below zero: better" : "above zero: better"};
  out.caption = fmt::format("{} against {}, mean over {}{}.", all.curve_quantity, all.x_name, seeds,
                            most < 2 ? "" : fmt::format("; bands are {} t intervals of the mean over seeds", stats::percent(all.confidence)));
  if (paired > 0)
    out.caption += fmt::format(
        " Below: difference to {}, paired by seed, with the {} paired t interval at each point (pointwise, not for "
        "the curve as a whole; cut where it is wide early on).",
        all.baseline, stats::percent(all.confidence));
  out.caption += named_at_length(all);
  return out;
}

Figure forest_figure(const Comparison& all, const std::string& at) {
  std::vector<std::size_t> pairs;
  for (const Contender& c : all.contenders)
    if (c.paired) pairs.push_back(c.paired->n);
  const auto [fewest, most] = std::ranges::minmax(pairs);
  const std::string level = stats::percent(all.confidence), n = fewest == most ? fmt::format("{}", most) : fmt::format("{} to {}", fewest, most);
  Figure out;
  out.name = at + "forest";
  out.arguments = {"forest.gp",  "tables/" + at + "paired.tsv", "tables/" + at + "pairs.tsv", all.baseline, level + " t interval",
                   all.quantity, fmt::format("{}", kRowsDrawn)};
  out.caption = fmt::format(
      "Difference in {} to {}, paired by seed ({} pairs a policy): mean with its {} paired t interval, and every pair (circles). Not "
      "corrected for the number of policies.",
      all.quantity, all.baseline, n, level);
  for (const Contender& c : all.contenders)
    if (const std::string apart = tokens_apart(all, c); !apart.empty()) out.caption += fmt::format(" {} was {}.", c.name, apart);
  if (pairs.size() > kRowsDrawn) out.caption += fmt::format(" The best {} of {} policies.", kRowsDrawn, pairs.size());
  return out;
}

Figure learning_figure(const Comparison& all, const std::string& at, bool learned, bool evaluated) {
  std::size_t fewest = SIZE_MAX, most = 0;
  for (const Contender& c : all.contenders) {
    if (c.learning.episode.empty() && !c.evaluated) continue;
    fewest = std::min(fewest, c.runs.size());
    most = std::max(most, c.runs.size());
  }
  const std::string seeds = seeds_in_words(fewest, most);
  const std::string average = fmt::format("mean of the last {} episodes, band: ± SD, {}", all.window, seeds);
  Figure out;
  out.name = at + "learning";
  out.arguments = {"learning.gp", learned ? "tables/" + at + "learning.tsv" : "", evaluated ? "tables/" + at + "evaluation.tsv" : "",
                   (learned ? average : seeds) + named_in_brief(all), "return (sum of rewards)"};
  if (learned)
    out.caption = fmt::format(
        "Return of the episodes that policies learned from, against the number of the episode: mean over the last {} "
        "episodes of {}; bands are one standard deviation of these returns to either side, not an interval of the mean.",
        all.window, seeds);
  if (evaluated)
    out.caption += fmt::format("{}Every evaluation episode is a point{}.", learned ? " " : "", learned ? ", on the right" : "; " + seeds);
  out.caption += named_at_length(all);
  return out;
}

Figure weights_figure(const Comparison& all, const Contender& c, const std::string& at) {
  const std::string table = "tables/" + at + weights_name(c);
  const bool several = c.runs.size() > 1;
  const std::string one = fmt::format("{}: seed {}", c.name, c.runs[0]->seed);
  const std::string mean = fmt::format("{}: mean of {} seeds", c.name, c.runs.size());
  Figure out;
  out.name = at + weights_name(c);
  out.arguments = {"weights.gp", table + ".tsv", several ? table + "_one_run.tsv" : "", several ? mean : one, one, all.x_name};
  out.caption = fmt::format("Weights that {} gave the agents{}.", c.name,
                            several ? fmt::format(": mean over {} seeds, and the run of seed {} alone", c.runs.size(), c.runs[0]->seed)
                                    : fmt::format(" in the run of seed {}", c.runs[0]->seed));
  return out;
}

/// Of many cells each has the figures that its comparison needs; of several, weights of the best policies alone.
std::vector<Figure> planned_for(const Cell& cell, std::size_t cells) {
  const Comparison& all = cell.comparison;
  const std::string& at = cell.file;
  std::vector<Figure> out;
  const auto any = [&](auto of) { return std::ranges::any_of(all.contenders, of); };
  if (any([](const Contender& c) { return !c.curve.x.empty(); })) out.push_back(curves_figure(all, at));
  if (any([](const Contender& c) { return c.paired.has_value(); })) out.push_back(forest_figure(all, at));
  const bool learned = any([](const Contender& c) { return !c.learning.episode.empty(); }), evaluated = any(&Contender::evaluated);
  if (learned || evaluated) out.push_back(learning_figure(all, at, learned, evaluated));
  std::ranges::move(sweep_figures(all, at), std::back_inserter(out));
  if (cells > kCellsInFull) return out;
  std::size_t left = cells > 1 ? kWeightsOfACell : all.contenders.size();
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    if (left == 0 || !c.adapts || c.line == 0 || c.weights.from.empty()) continue;
    out.push_back(weights_figure(all, c, at));
    --left;
  }
  std::ranges::move(trend_figures(all, at), std::back_inserter(out));
  return out;
}

}  // namespace

std::vector<Figure> planned_figures(const Study& study) {
  std::vector<Figure> out = overview_figures(study);
  std::ranges::move(budget_figures(study), std::back_inserter(out));
  for (std::size_t i = 0; i < study.cells.size(); ++i)
    for (Figure& figure : planned_for(study.cells[i], study.cells.size())) {
      figure.cell = i;
      out.push_back(std::move(figure));
    }
  return out;
}

}  // namespace fader

#include "analysis/trend_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "analysis/captions.h"
#include "analysis/trend_tables.h"
#include "analysis/verdict.h"

namespace fader {
namespace {

using Shown = bool (*)(const Contender&);

/// A figure of curves with bands (curves.gp) of one of the trends.
struct TrendCurve {
  const char* name;
  Shown shown;
  std::string quantity, x_name, what;
  const char* runs;  ///< what n counts
};

Figure curve_figure(const Comparison& all, const std::string& at, const TrendCurve& trend) {
  const std::string seeds = seeds_of(all, trend.shown), level = stats::percent(all.confidence);
  const bool single = seeds == "1 seed";
  Figure out;
  out.name = at + trend.name;
  out.arguments = {"curves.gp",
                   "tables/" + at + trend.name + ".tsv",
                   "",
                   all.baseline,
                   (single ? seeds : fmt::format("{} t intervals, {}", level, seeds)) + named_in_brief(all),
                   trend.quantity,
                   trend.x_name};
  out.caption =
      fmt::format("{}, mean over {}{}{}.{}", trend.what, seeds, trend.runs,
                  single ? "" : fmt::format("; bands are {} t intervals of the mean over seeds, pointwise, cut where they are wide early on", level),
                  named_at_length(all));
  return out;
}

/// " (nats per token)", or nothing.
std::string unit_of(const Comparison& all) { return all.quantity.substr(plain_quantity(all).size()); }

std::string of_reward(const Comparison& all) { return all.reward_name.empty() ? "" : fmt::format(" ({})", all.reward_name); }

bool has_regret(const Contender& c) { return !c.trends.regret.x.empty(); }
bool has_reward(const Contender& c) { return !c.trends.reward.x.empty(); }
bool has_flops(const Contender& c) { return !c.trends.by_flops.x.empty(); }
bool has_exposure(const Contender& c) { return !c.trends.exposure.from.empty(); }
bool has_credit(const Contender& c) { return !c.trends.credit.from.empty(); }

std::vector<TrendCurve> curves_of(const Comparison& all) {
  return {{"rewards", has_reward, "reward of an interval" + of_reward(all), all.x_name,
           "Reward of each interval" + of_reward(all) + ", unscaled, at its end", ""},
          {"regret", has_regret,
           all.best_fixed.size() > 24 ? "regret (sum of rewards)" : fmt::format("regret against {} (sum of rewards)", all.best_fixed), "decisions",
           fmt::format("Regret against {}, {}: the sum over decisions of what it earned more, paired by seed; below zero: ahead of it", all.best_fixed,
                       all.best_fixed == kTunedFixed ? "whose fixed weights were tuned on other seeds"
                                                     : fmt::format("the best by {} of the policies whose weights are fixed, chosen after looking", plain_quantity(all))),
           " that pair up"},
          {"flops", has_flops, all.curve_quantity, "FLOPs with all overhead",
           fmt::format("{} against the FLOPs of all phases but observation: training, set-up and the whole overhead of agents and console",
                       all.curve_quantity),
           ""}};
}

std::string panels_caption(const Comparison& all, Shown shown) {
  return fmt::format(
      " A panel a policy, the best by {} first.{}", plain_quantity(all),
      all.named() == all.contenders.size()
          ? ""
          : fmt::format(" Shown are {} of {} policies: the baseline, the best and the worst.",
                        std::ranges::count_if(all.contenders, [&](const Contender& c) { return c.line > 0 && shown(c); }), all.contenders.size()));
}

Figure exposure_figure(const Comparison& all, const std::string& at) {
  return {at + "exposure",
          fmt::format("Share of each domain in the tokens trained on in every interval, mean over {}.{}", seeds_of(all, has_exposure),
                      panels_caption(all, has_exposure)),
          {"exposure.gp", "tables/" + at + "exposure.tsv", all.x_name}};
}

/// A range that shows nearly all credit and zero: the estimators are regressions, and a few of their values can be far out.
struct Range {
  double low = 0, high = 0;
  std::size_t outside = 0, all = 0;
};
Range range_of_credit(const Comparison& all) {
  constexpr double kOut = 0.02, kFar = 3;  // share that may lie outside on either side, where that makes the range this much shorter
  std::vector<double> values = {0};
  for (const Contender& c : all.contenders)
    if (c.line > 0)
      for (const std::vector<double>& row : c.trends.credit.values)
        std::ranges::copy_if(row, std::back_inserter(values), [](double v) { return std::isfinite(v); });
  std::ranges::sort(values);
  const auto cut = static_cast<std::size_t>(kOut * static_cast<double>(values.size()));
  const double low = std::min(values[cut], 0.0), high = std::max(values[values.size() - 1 - cut], 0.0);
  const bool far = high > low && values.back() - values.front() > kFar * (high - low);
  Range out{far ? low : values.front(), far ? high : values.back(), 0, values.size() - 1};
  for (const double v : values) out.outside += v < out.low || v > out.high;
  return out;
}

Figure credit_figure(const Comparison& all, const std::string& at) {
  const Range range = range_of_credit(all);
  const std::string name = all.credit_name.empty() ? "of several estimators" : all.credit_name;
  return {at + "credit",
          fmt::format("Credit of each agent ({}): what the estimator holds its picks of every interval to be worth, in the unit of the reward; mean "
                      "over those of {} "
                      "in which it was measured, no bands.{}{}",
                      name, seeds_of(all, has_credit),
                      range.outside == 0 ? "" : fmt::format(" {} of {} values lie outside the range that is drawn.", range.outside, range.all),
                      panels_caption(all, has_credit)),
          {"credit_time.gp", "tables/" + at + "credit.tsv", fmt::format("credit ({})", name), all.x_name, fmt::format("{:.6g}", range.low),
           fmt::format("{:.6g}", range.high)}};
}

Figure phases_figure(const Comparison& all, const std::string& at) {
  const std::string seeds = seeds_of(all, [](const Contender&) { return true; });
  const bool cut = all.contenders.size() > kRowsDrawn;
  return {at + "phases",
          fmt::format("Shares of the phases in the seconds and the FLOPs of a run, mean over {}; policies by {}, the best on top.{} The phase "
                      "observe is what only people "
                      "look at.",
                      seeds, plain_quantity(all), cut ? fmt::format(" The best {} of {} policies.", kRowsDrawn, all.contenders.size()) : ""),
          {"phases.gp", "tables/" + at + "phases.tsv", ", " + seeds, fmt::format("{}", kRowsDrawn)}};
}

Figure profiles_figure(const Comparison& all, const std::string& at) {
  const std::string seeds = seeds_of(all, [](const Contender&) { return true; }), quantity = plain_quantity(all);
  const std::string unit = unit_of(all);
  const std::string score = all.baseline.empty() ? (all.lower_is_better ? "minus the " : "") + quantity + unit
                                                 : fmt::format("improvement in {} over the mean of {}{}", quantity, all.baseline, unit);
  return {at + "profiles",
          fmt::format("Performance profiles: share of a policy's runs ({} each, no bands) whose score is above each threshold. Score: {}{}; further "
                      "to the right is better.{}",
                      seeds, score,
                      all.baseline.empty() ? "" : ", so that the mean of the baseline is 0; it is not scaled, the unit being that of the metric",
                      named_at_length(all)),
          {"profiles.gp", "tables/" + at + "profiles.tsv", score, seeds + named_in_brief(all)}};
}

std::string pairs_of_points(const std::vector<const Contender*>& points) {
  std::size_t fewest = SIZE_MAX, most = 0;
  for (const Contender* c : points) {
    if (!c->paired) continue;
    fewest = std::min(fewest, c->paired->n);
    most = std::max(most, c->paired->n);
  }
  return fewest >= most ? fmt::format("{} pairs", most) : fmt::format("{} to {} pairs", fewest, most);
}

/// One figure for a table of lines or of a map.
Figure difference_figure(const Comparison& all, const std::string& name, const std::string& of, const std::vector<Axis>& axes,
                         const std::vector<const Contender*>& points, double reach = stats::kNaN) {
  const std::string level = stats::percent(all.confidence), pairs = pairs_of_points(points);
  const std::string quantity = fmt::format("difference in {} to {}{}", plain_quantity(all), all.baseline, unit_of(all));
  const std::string meaning = fmt::format("difference in {} to {} over {} of equal seed a point", all.quantity, all.baseline, pairs);
  Figure out;
  out.name = name;
  if (axes.size() == 1) {
    out.arguments = {"sweep.gp", "tables/" + name + ".tsv", axes[0].name, quantity, fmt::format("{} t intervals, {} a point", level, pairs)};
    out.caption = fmt::format("{} varied{}: {}, with {} t intervals, not corrected for the number of points; {} is better.", axes[0].name, of,
                              meaning, level, all.lower_is_better ? "below zero" : "above zero");
  } else {
    out.arguments = {"heat.gp",
                     "tables/" + name + ".tsv",
                     all.lower_is_better ? "lower" : "higher",
                     axes[0].name,
                     axes[1].name,
                     quantity,
                     std::isnan(reach) ? "" : fmt::format("{}", reach)};
    out.caption =
        fmt::format("{} and {} varied{}: {}, below it half the width of its {} t interval, not corrected for the number of points; blue is better.",
                    axes[0].name, axes[1].name, of, meaning, level);
  }
  return out;
}

}  // namespace

std::vector<Figure> sweep_figures(const Comparison& all, const std::string& at) {
  std::vector<Figure> out;
  for (const Sweep& sweep : sweeps_of(all)) {
    if (sweep.axes.empty() || sweep.axes.size() > 2) continue;
    std::vector<const Contender*> points;
    for (const auto& [contender, values] : sweep.points) points.push_back(contender);
    out.push_back(difference_figure(all, at + "sweep_" + sweep.file, " in " + sweep.policy, sweep.axes, points));
  }
  return out;
}

std::vector<Figure> trend_figures(const Comparison& all, const std::string& at) {
  const auto any = [&](auto of) { return std::ranges::any_of(all.contenders, of); };
  std::vector<Figure> out;
  if (any(has_exposure)) out.push_back(exposure_figure(all, at));
  for (const TrendCurve& trend : curves_of(all)) {
    if (any(trend.shown)) out.push_back(curve_figure(all, at, trend));
    if (trend.shown == has_reward && any(has_credit)) out.push_back(credit_figure(all, at));
  }
  if (all.contenders.size() > 1 && any([](const Contender& c) { return c.runs.size() > 1; })) out.push_back(profiles_figure(all, at));
  if (any([](const Contender& c) { return !c.runs[0]->phases.empty(); })) out.push_back(phases_figure(all, at));
  return out;
}

std::vector<Figure> overview_figures(const Study& study) {
  std::vector<Figure> out;
  const Comparison& first = study.cells[0].comparison;
  const std::vector<Placed> all = placed(study);
  if (all.empty()) return out;
  double reach = 0;  // of all maps, so that their colours mean the same
  for (const Placed& p : all) reach = std::max(reach, std::abs(p.contender->paired->difference));
  for (const NamedTable& table : overview_tables(study)) {
    std::vector<const Contender*> points;
    for (const Placed& p : all)
      if (study.axes.size() == 1 || table.policy == p.policy) points.push_back(p.contender);
    if (out.size() == kCurvesNamed) break;
    out.push_back(
        difference_figure(first, table.name, study.axes.size() == 1 ? " over the cells" : " for " + table.policy, study.axes, points, reach));
    if (study.axes.size() == 2) {
      out.back().arguments[5] = table.policy + ": " + out.back().arguments[5];
      out.back().caption += " The colours mean the same in all maps over the cells.";
    }
    out.back().cell = kAllCells;
  }
  return out;
}

}  // namespace fader

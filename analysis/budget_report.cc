#include "analysis/budget_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/captions.h"
#include "analysis/verdict.h"

namespace fader {
namespace {

using Side = BudgetCurveOf BudgetPolicy::*;

/// Tokens or FLOPs: how they are called in files, on axes and in sentences.
struct Kind {
  Side of;
  const char *file, *axis, *unit;
};
constexpr Kind kKinds[] = {{&BudgetPolicy::tokens, "tokens", "tokens seen", "tokens"}, {&BudgetPolicy::flops, "flops", "FLOPs with all overhead", "FLOPs"}};

const Comparison& comparison_of(const Study& study, const BudgetFamily& family) { return study.cells[family.cells.back()].comparison; }

bool has(const BudgetFamily& family, Side side) {
  return std::ranges::any_of(family.policies, [&](const BudgetPolicy& p) { return !(p.*side).measured.empty(); });
}

/// In the order in which they are drawn, the baseline on top.
std::vector<const BudgetPolicy*> drawing_order(const BudgetFamily& family, Side side) {
  std::vector<const BudgetPolicy*> out;
  for (const BudgetPolicy& p : family.policies)
    if (!(p.*side).measured.empty()) out.push_back(&p);
  std::ranges::stable_sort(out, [](const BudgetPolicy* a, const BudgetPolicy* b) {
    return (a->line == 0 && b->line > 0) || (b->line > 0 && a->line > b->line);
  });
  return out;
}

std::string fit_in_words(const stats::FittedCurve& fit) {
  if (fit.points.empty()) return "none: " + fit.note;
  return std::isnan(fit.exponent) ? "straight lines in logarithms" : "power law";
}

TableText summary_table(const Study& study, const BudgetFamily& family) {
  TableText out(provenance(comparison_of(study, family),
                           fmt::format("final losses over budgets of training ({}), every run at the end of its own schedule: the curve (power law E + A D^-b from "
                                       "four budgets on), the budget that reaches the target (the baseline's loss at its greatest budget, on its curve), and the "
                                       "baseline's budget over the policy's to the loss that both reach, with its percentile bootstrap interval over seeds",
                                       family.length)),
                {"policy", "budget", "budgets", "least", "greatest", "curve", "b", "E", "target", "to_target", "to_target_note", "speed_up", "lo", "hi", "seeds",
                 "speed_up_note"});
  for (const BudgetPolicy& p : family.policies)
    for (const Kind& kind : kKinds) {
      const BudgetCurveOf& c = p.*kind.of;
      if (c.measured.empty()) continue;
      out.add(p.name).add(kind.unit).add(c.fit.budgets).add(c.measured.front().budget).add(c.measured.back().budget).add(fit_in_words(c.fit));
      out.add(c.fit.exponent).add(c.fit.floor).add(c.target).add(c.to_target.budget).add(c.to_target.note);
      out.add(c.speed_up.factor).add(c.speed_up.interval.low).add(c.speed_up.interval.high).add(c.seeds).add(c.speed_up.note).end_row();
    }
  return out;
}

TableText measured_table(const Study& study, const BudgetFamily& family, const Kind& kind) {
  TableText out(provenance(comparison_of(study, family), fmt::format("final loss against the {} of the whole run, mean over seeds, a row a budget", kind.unit)),
                {"policy", "line", "budget", "mean", "lo", "hi", "n"});
  for (const BudgetPolicy* p : drawing_order(family, kind.of)) {
    for (const BudgetCurveOf::Measured& m : (p->*kind.of).measured)
      out.add(p->name).add(p->line).add(m.budget).add(m.mean).add(m.interval.low).add(m.interval.high).add(m.n).end_row();
    out.separate();
  }
  return out;
}

TableText curve_table(const Study& study, const BudgetFamily& family, const Kind& kind) {
  TableText out(provenance(comparison_of(study, family), fmt::format("the curve through the final losses over {}, within the measured budgets", kind.unit)),
                {"policy", "line", "budget", "loss"});
  for (const BudgetPolicy* p : drawing_order(family, kind.of)) {
    for (const stats::BudgetPoint& at : (p->*kind.of).fit.points) out.add(p->name).add(p->line).add(at.budget).add(at.loss).end_row();
    if (!(p->*kind.of).fit.points.empty()) out.separate();
  }
  return out;
}

std::string seeds_at_a_budget(const BudgetFamily& family, Side side) {
  std::size_t fewest = SIZE_MAX, most = 0;
  for (const BudgetPolicy& p : family.policies)
    for (const BudgetCurveOf::Measured& m : (p.*side).measured) {
      fewest = std::min(fewest, m.n);
      most = std::max(most, m.n);
    }
  return seeds_in_words(fewest, most);
}

double target_of(const BudgetFamily& family, Side side) {
  const BudgetPolicy& first = family.policies.front();
  return first.is_baseline ? (first.*side).target : stats::kNaN;
}

std::string curves_said(const BudgetFamily& family, Side side) {
  bool laws = false, lines = false;
  for (const BudgetPolicy& p : family.policies) {
    if ((p.*side).fit.points.empty()) continue;
    (std::isnan((p.*side).fit.exponent) ? lines : laws) = true;
  }
  const std::string law = "power laws E + A D^-b fitted by least squares", line = "straight lines in logarithms between neighbouring budgets";
  if (!laws && !lines) return "no curve can be drawn through them";
  return laws && lines ? fmt::format("curves: {} from four budgets on, else {}", law, line) : "curves: " + (laws ? law : line);
}

Figure budget_figure(const Study& study, const BudgetFamily& family, const Kind& kind) {
  const Comparison& all = comparison_of(study, family);
  const std::string name = family.file + "_" + kind.file, level = stats::percent(all.confidence), seeds = seeds_at_a_budget(family, kind.of);
  const double target = target_of(family, kind.of);
  const bool single = seeds == "1 seed";
  Figure out;
  out.name = name;
  out.cell = kBudgets;
  out.arguments = {"budget.gp", "tables/" + name + ".tsv", "tables/" + name + "_curve.tsv", kind.axis, all.quantity,
                   (single ? seeds : fmt::format("{} t intervals, {} a budget", level, seeds)) + named_in_brief(all),
                   std::isnan(target) ? "" : fmt::format("{:.6g}", target), family.baseline};
  out.caption = fmt::format(
      "Several budgets of training: {} against the {} of the whole run{}, mean over {} a budget{}; {}. Every point is of runs that were trained for that budget alone and ended their own "
      "learning-rate schedule; none is taken from the middle of a longer run.",
      all.quantity, kind.of == &BudgetPolicy::tokens ? "tokens" : "FLOPs (all phases but observation: training, set-up and the whole overhead)",
      family.name.empty() ? "" : fmt::format(" ({})", family.name), seeds,
      single ? "" : fmt::format(", bars are {} t intervals of that mean, set side by side, cut where they leave the range", level), curves_said(family, kind.of));
  if (!std::isnan(target)) out.caption += fmt::format(" Dotted: the target, {} at its greatest budget.", family.baseline);
  out.caption += named_at_length(all);
  return out;
}

std::string amount(double x) {
  if (x >= 1e15) return fmt::format("{:.3g}", x);
  for (const auto& [unit, name] : {std::pair(1e12, " trillion"), std::pair(1e9, " billion"), std::pair(1e6, " million"), std::pair(1e4, " thousand")})
    if (x >= unit) return fmt::format("{:.3g}{}", x / (unit == 1e4 ? 1e3 : unit), name);
  return fmt::format("{:.0f}", x);
}

std::string reached(const BudgetCurveOf& c) {
  if (c.measured.empty()) return "not counted";
  return std::isnan(c.to_target.budget) ? (c.to_target.note.empty() ? "no target" : c.to_target.note) : amount(c.to_target.budget);
}

std::string faster(const BudgetPolicy& p, const BudgetCurveOf& c) {
  if (p.is_baseline) return "baseline";
  if (std::isnan(c.speed_up.factor)) return c.speed_up.note.empty() ? "n/a" : c.speed_up.note;
  const stats::Interval& i = c.speed_up.interval;
  return i.known() ? fmt::format("{:.2f} [{:.2f}, {:.2f}]", c.speed_up.factor, i.low, i.high) : fmt::format("{:.2f}; {}", c.speed_up.factor, c.speed_up.note);
}

}  // namespace

std::vector<NamedTable> budget_tables(const Study& study) {
  std::vector<NamedTable> out;
  for (const BudgetFamily& family : study.budgets) {
    if (!family.note.empty()) continue;
    out.push_back({family.file, summary_table(study, family)});
    for (const Kind& kind : kKinds) {
      if (!has(family, kind.of)) continue;
      out.push_back({family.file + "_" + kind.file, measured_table(study, family, kind)});
      out.push_back({family.file + "_" + kind.file + "_curve", curve_table(study, family, kind)});
    }
  }
  return out;
}

std::vector<Figure> budget_figures(const Study& study) {
  std::vector<Figure> out;
  for (const BudgetFamily& family : study.budgets)
    for (const Kind& kind : kKinds)
      if (family.note.empty() && has(family, kind.of)) out.push_back(budget_figure(study, family, kind));
  return out;
}

std::string budgets_said(const Study& study, const BudgetFamily& family) {
  const Cell &least = study.cells[family.cells.front()], &most = study.cells[family.cells.back()];
  const auto tokens = [](const Cell& cell) { return cell.comparison.contenders[0].runs[0]->budget(); };
  std::string out = fmt::format("{} lengths of training, {:.0f} to {:.0f} tokens, by {}", family.cells.size(), tokens(least), tokens(most), family.length);
  if (!family.note.empty()) return out + ". No curves: " + family.note + ".";
  out += "; nothing else differs between them, and they are not pooled. Every number is of complete runs, each of which ended its own learning-rate schedule at its "
         "budget: the loss half-way of a longer run never stands in for that of a shorter one.";
  if (family.cut_short > 0) out += fmt::format(" {} complete runs that did not play all of their intervals are left out here.", family.cut_short);
  const double target = target_of(family, &BudgetPolicy::tokens);
  if (family.baseline.empty()) return out + " There is no baseline in all of them, so there is no target.";
  if (std::isnan(target)) return out + fmt::format(" The baseline {} has no curve ({}), so there is no target.", family.baseline, family.policies.front().tokens.fit.note);
  const double by_flops = target_of(family, &BudgetPolicy::flops);
  const bool agree = std::isnan(by_flops) || number(by_flops) == number(target);
  return out + fmt::format(" Target: {}, what {} ends with at its greatest budget, on its curve{}.", number(target), family.baseline,
                           agree ? "" : fmt::format(" over tokens ({} on that over FLOPs)", number(by_flops)));
}

std::vector<std::vector<std::string>> budgets_in_words(const BudgetFamily& family) {
  std::vector<std::vector<std::string>> rows = {{"policy", "tokens to the target", "speed-up in tokens", "FLOPs to the target", "speed-up in FLOPs", "seeds of the speed-up"}};
  for (const BudgetPolicy& p : family.policies)
    rows.push_back({p.name, reached(p.tokens), faster(p, p.tokens), reached(p.flops), faster(p, p.flops), p.is_baseline ? "" : fmt::format("{}", p.tokens.seeds)});
  return rows;
}

std::string budgets_explained(const Study& study, const BudgetFamily& family) {
  const Comparison& all = comparison_of(study, family);
  return fmt::format(
      "Of {}. Speed-up: {}'s budget over the policy's to the loss that both reach (the higher of what the two end with at their greatest budgets); 2 is half the "
      "budget. In brackets {} percentile bootstrap intervals over seeds, too narrow for few seeds, and not corrected for the number of policies. FLOPs: all phases "
      "but observation, so with the whole overhead. Nothing is extrapolated: where a loss lies outside of what was measured, the table says so in place of a number. "
      "All numbers are in the table {}.tsv.",
      plain_quantity(all), family.baseline, stats::percent(all.confidence), family.file);
}

}  // namespace fader

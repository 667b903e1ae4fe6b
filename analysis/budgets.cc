#include "analysis/budgets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "analysis/cells.h"

namespace fader {
namespace {

using stats::kNaN;

constexpr std::size_t kDrawn = 64, kDraws = 2'000;

const Contender& reference_of(const Cell& cell) {
  const Contender* base = cell.comparison.baseline_contender();
  return base ? *base : cell.comparison.contenders[0];
}

/// Tokens of the runs that the cell is about; zero where nothing counts them.
double budget_of(const Cell& cell) { return reference_of(cell).runs[0]->budget(); }

/// All that a cell must share with others of its family, the varied length aside.
using Key = std::tuple<std::string, std::string, std::string, std::string, std::string, std::string, std::string>;
Key key_of(const Cell& cell, bool by_intervals) {
  const Contender& c = reference_of(cell);
  const RunRecord& run = *c.runs[0];
  return {c.name, run.corpus, run.model, run.environment, run.setup.rest, by_intervals ? "" : run.setup.intervals, by_intervals ? run.setup.interval_steps : ""};
}

bool several_budgets(const Study& study, const std::vector<std::size_t>& cells) {
  const double least = budget_of(study.cells[cells.front()]), most = budget_of(study.cells[cells.back()]);
  return cells.size() > 1 && most > least * (1 + stats::kOneBudget);
}

/// Cells in families, as indices, the least budget first, with the length that they differ in.
std::vector<std::pair<std::string, std::vector<std::size_t>>> grouped(const Study& study) {
  std::vector<std::pair<std::string, std::vector<std::size_t>>> out;
  std::set<std::size_t> placed;
  for (const bool by_intervals : {true, false}) {
    std::map<Key, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < study.cells.size(); ++i)
      if (!placed.contains(i) && budget_of(study.cells[i]) > 0 && !reference_of(study.cells[i]).runs[0]->setup.rest.empty())
        groups[key_of(study.cells[i], by_intervals)].push_back(i);
    for (auto& [key, cells] : groups) {
      std::ranges::stable_sort(cells, {}, [&](std::size_t i) { return budget_of(study.cells[i]); });
      if (!several_budgets(study, cells)) continue;
      placed.insert(cells.begin(), cells.end());
      out.emplace_back(by_intervals ? "train.intervals" : "train.steps_per_interval", std::move(cells));
    }
  }
  std::ranges::sort(out, {}, [](const auto& group) { return group.second.front(); });
  return out;
}

/// The settings that all cells of a family have, of those by which the study's cells differ.
std::string shared_settings(const Study& study, const std::vector<std::size_t>& cells) {
  std::string out;
  for (const auto& [axis, value] : study.cells[cells[0]].settings) {
    const bool same = std::ranges::all_of(cells, [&](std::size_t i) { return study.cells[i].settings.at(axis) == value; });
    if (same) out += fmt::format("{}{}={}", out.empty() ? "" : ", ", axis, value);
  }
  return out;
}

double tokens_of(const RunRecord& run) { return run.budget(); }
double flops_of(const RunRecord& run) { return run.spent.empty() ? kNaN : run.spent.back(); }
using Spent = double (*)(const RunRecord&);

/// The runs of one policy in a family, by cell and seed.
struct Lengths {
  std::string name;
  std::vector<std::vector<const RunRecord*>> runs;   // [cell of the family]; whole ones
};

Lengths lengths_of(const Study& study, const BudgetFamily& family, const std::string& name) {
  Lengths out{name, {}};
  for (const std::size_t i : family.cells) {
    std::vector<const RunRecord*>& runs = out.runs.emplace_back();
    for (const Contender& c : study.cells[i].comparison.contenders)
      if (c.name == name) std::ranges::copy_if(c.runs, std::back_inserter(runs), &RunRecord::whole);
  }
  return out;
}

const RunRecord* of_seed(const std::vector<const RunRecord*>& runs, std::uint64_t seed) {
  const auto found = std::ranges::find(runs, seed, &RunRecord::seed);
  return found == runs.end() ? nullptr : *found;
}

/// Seeds that have a run in every cell in which the policy has any.
std::set<std::uint64_t> full_seeds(const Lengths& of) {
  std::set<std::uint64_t> out;
  for (const auto& runs : of.runs)
    for (const RunRecord* run : runs) out.insert(run->seed);
  for (const auto& runs : of.runs)
    if (!runs.empty()) std::erase_if(out, [&](std::uint64_t seed) { return !of_seed(runs, seed); });
  return out;
}

std::vector<stats::BudgetPoint> points_of_seed(const Lengths& of, std::uint64_t seed, Spent spent) {
  std::vector<stats::BudgetPoint> out;
  for (const auto& runs : of.runs)
    if (const RunRecord* run = of_seed(runs, seed)) out.push_back({spent(*run), run->value});
  return out;
}

BudgetCurveOf curve_of(const Lengths& of, Spent spent, double confidence) {
  BudgetCurveOf out;
  std::vector<stats::BudgetPoint> points;
  for (const auto& runs : of.runs) {
    if (runs.empty()) continue;
    std::vector<double> budgets, losses;
    for (const RunRecord* run : runs) {
      budgets.push_back(spent(*run));
      losses.push_back(run->value);
      points.push_back({budgets.back(), losses.back()});
    }
    if (std::isnan(stats::mean(budgets))) return {};   // nobody counted them
    out.measured.push_back({stats::mean(budgets), stats::mean(losses), stats::t_interval(losses, confidence), runs.size()});
  }
  out.fit = stats::fitted_curve(points, kDrawn);
  return out;
}

stats::ToTarget to_target(const Lengths& of, Spent spent, double target) {
  std::vector<stats::BudgetPoint> points;
  for (const auto& runs : of.runs)
    for (const RunRecord* run : runs) points.push_back({spent(*run), run->value});
  return stats::budget_to_target(points, target);
}

stats::SpeedUp speed_up(const Lengths& base, const Lengths& of, Spent spent, double confidence, const std::string& what, std::size_t& seeds) {
  const std::set<std::uint64_t> one = full_seeds(of), other = full_seeds(base);
  std::vector<std::vector<stats::BudgetPoint>> method, baseline;
  for (const std::uint64_t seed : one) {
    if (!other.contains(seed)) continue;
    method.push_back(points_of_seed(of, seed, spent));
    baseline.push_back(points_of_seed(base, seed, spent));
  }
  seeds = method.size();
  if (seeds == 0) return {.note = "no seed has a run at every budget of both"};
  return stats::speed_up(method, baseline, {confidence, kDraws}, Rng(0, "analysis/speed_up/" + what));
}

std::set<std::string> names_in(const Study& study, const BudgetFamily& family) {
  std::set<std::string> out;
  for (const std::size_t i : family.cells)
    for (const Contender& c : study.cells[i].comparison.contenders) out.insert(c.name);
  return out;
}

/// One side of all policies, the baseline first.
void describe(const Study& study, BudgetFamily& family, BudgetCurveOf BudgetPolicy::* side, Spent spent, const std::string& unit) {
  const double confidence = study.cells[family.cells[0]].comparison.confidence;
  const Lengths base = lengths_of(study, family, family.baseline);
  double target = kNaN;
  for (BudgetPolicy& policy : family.policies) {
    const Lengths of = lengths_of(study, family, policy.name);
    BudgetCurveOf& curve = policy.*side = curve_of(of, spent, confidence);
    if (policy.is_baseline && !curve.fit.points.empty()) target = curve.fit.points.back().loss;
    if (std::isnan(target) || curve.measured.empty()) continue;
    curve.target = target;
    curve.to_target = to_target(of, spent, target);
    if (!policy.is_baseline) curve.speed_up = speed_up(base, of, spent, confidence, fmt::format("{}/{}/{}", family.file, policy.name, unit), curve.seeds);
  }
}

void describe_policies(const Study& study, BudgetFamily& family) {
  const Comparison& longest = study.cells[family.cells.back()].comparison;
  for (const std::string& name : names_in(study, family)) {
    BudgetPolicy& policy = family.policies.emplace_back();
    policy.name = name;
    policy.is_baseline = name == family.baseline;
    for (const Contender& c : longest.contenders)
      if (c.name == name) policy.line = c.line;
  }
  std::ranges::stable_partition(family.policies, &BudgetPolicy::is_baseline);
  describe(study, family, &BudgetPolicy::tokens, tokens_of, "tokens");
  describe(study, family, &BudgetPolicy::flops, flops_of, "FLOPs");
}

}  // namespace

std::vector<BudgetFamily> budget_families(const Study& study) {
  std::vector<BudgetFamily> out;
  std::set<std::string> files;
  const auto groups = grouped(study);
  for (const auto& [length, cells] : groups) {
    BudgetFamily& family = out.emplace_back();
    family.length = length;
    family.cells = cells;
    family.name = groups.size() > 1 ? shared_settings(study, cells) : "";
    family.file = "budget" + (family.name.empty() ? "" : "_" + file_name(family.name).substr(0, 100));
    while (!files.insert(family.file).second) family.file += "_";
    const Comparison& first = study.cells[cells[0]].comparison;
    const auto same = [&](std::size_t i) { return study.cells[i].comparison.baseline == first.baseline; };
    if (std::ranges::all_of(cells, same)) family.baseline = first.baseline;
    for (const std::size_t i : cells)
      family.cut_short += static_cast<std::size_t>(std::ranges::count(study.cells[i].collection.runs, false, &RunRecord::whole));
    if (first.metric.find("loss") == std::string::npos)
      family.note = fmt::format("a curve over budgets is one of losses, and the metric is {}; --metric final/loss_test chooses one", first.metric);
    else
      describe_policies(study, family);
  }
  return out;
}

}  // namespace fader

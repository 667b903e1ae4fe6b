#include "analysis/trends.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/regret.h"

namespace fader {
namespace {

/// Mean of a table of the runs that have one of the same columns as the first that has one.
template <class Same>
Stretches mean_of(const std::vector<const RunRecord*>& runs, Grid<double> RunRecord::* table, Same same) {
  std::vector<std::vector<double>> bounds;
  std::vector<const Grid<double>*> rows;
  const RunRecord* first = nullptr;
  for (const RunRecord* run : runs) {
    const Grid<double>& grid = run->*table;
    if (grid.rows() == 0 || (first && !same(*first, *run))) continue;
    if (!first) first = run;
    bounds.push_back(run->positions(grid.rows() + 1));
    rows.push_back(&grid);
  }
  return mean_stretches(bounds, rows);
}

Trace rewards_of(const RunRecord& run) {
  const std::vector<double> bounds = run.positions(run.rewards.size() + 1);
  return known_points({bounds.begin() + 1, bounds.end()}, run.rewards);
}

/// Mean over those runs that have a series of more than a point; no curve unless all have.
template <class Of>
Curve mean_over_runs(const std::vector<const RunRecord*>& runs, double confidence, Of of) {
  std::vector<Trace> all;
  for (const RunRecord* run : runs) {
    all.push_back(of(*run));
    if (all.back().x.size() < 2) return {};
  }
  return mean_curve(all, confidence);
}

/// At the FLOPs of the first run: those of the others are hardly different, and the union of all would be no finer.
Curve losses_by_flops(const std::vector<const RunRecord*>& runs, double confidence) {
  std::vector<Trace> all;
  for (const RunRecord* run : runs) {
    all.push_back(known_points(run->spent, run->reference));
    if (all.back().x.size() < 2) return {};
  }
  const std::vector<double> at = all[0].x;
  for (Trace& s : all) {
    Trace there;
    for (const double x : at) {
      there.x.push_back(x);
      there.y.push_back(s.at(x));
    }
    s = known_points(there.x, there.y);
  }
  return mean_curve(all, confidence);
}

/// Rewards up to the first that is not known.
std::vector<double> known_rewards(const RunRecord& run) {
  const auto end = std::ranges::find_if(run.rewards, [](double r) { return !std::isfinite(r); });
  return {run.rewards.begin(), end};
}

/// Paired by seed; begins with zero, before the first decision.
Curve regret_of(const Contender& best, const Contender& c, double confidence) {
  std::vector<std::vector<double>> fixed, rewards;
  for (const RunRecord* run : c.runs) {
    const auto match = std::ranges::find(best.runs, run->seed, &RunRecord::seed);
    if (match == best.runs.end() || run->rewards.empty() || (*match)->rewards.empty()) continue;
    fixed.push_back(known_rewards(**match));
    rewards.push_back(known_rewards(*run));
  }
  const stats::RegretCurve found = stats::regret(fixed, rewards, confidence);
  if (found.mean.empty()) return {};
  Curve out{{0}, {0}, {found.n > 1 ? stats::Interval{0, 0} : stats::Interval{}}, found.n};
  for (std::size_t t = 0; t < found.mean.size(); ++t) {
    out.x.push_back(static_cast<double>(t + 1));
    out.mean.push_back(found.mean[t]);
    out.band.push_back(found.interval[t]);
  }
  return out;
}

/// The tuned fixed weights of compare.baselines, which were chosen on other seeds; else the best by the metric of the policies that do not adapt, on
/// as many tokens as the others.
const Contender* best_fixed_of(const Comparison& all) {
  const Contender* best = nullptr;
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    const bool played = std::ranges::all_of(c.runs, [](const RunRecord* run) { return run->weights.rows() > 0 && !run->rewards.empty(); });
    if (c.adapts || !played || c.more_tokens()) continue;
    if (c.name == kTunedFixed) return &c;
    if (!best) best = &c;
  }
  return best;
}

}  // namespace

void describe_trends(Comparison& all) {
  std::set<std::string> estimators;
  all.reward_name = all.contenders[0].runs[0]->reward_name;
  for (Contender& c : all.contenders) {
    Trends& t = c.trends;
    t.exposure = mean_of(c.runs, &RunRecord::trained, [](const RunRecord& a, const RunRecord& b) { return a.trained_domains == b.trained_domains; });
    t.credit = mean_of(c.runs, &RunRecord::credit, [](const RunRecord& a, const RunRecord& b) { return a.credit_name == b.credit_name; });
    t.reward = mean_over_runs(c.runs, all.confidence, rewards_of);
    t.by_flops = losses_by_flops(c.runs, all.confidence);
    for (const RunRecord* run : c.runs)
      if (!run->credit_name.empty()) estimators.insert(run->credit_name);
  }
  if (estimators.size() == 1) all.credit_name = *estimators.begin();
  const Contender* best = best_fixed_of(all);
  if (!best) return;
  all.best_fixed = best->name;
  for (Contender& c : all.contenders)
    if (&c != best) c.trends.regret = regret_of(*best, c, all.confidence);
}

}  // namespace fader

#include "analysis/trend_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace fader {
namespace {

/// policy line from to <name>..., named policies alone, best first; of many intervals those that a figure can show.
TableText stretches_table(const Comparison& all, const std::string& what, const Stretches Trends::* of,
                          const std::vector<std::string> RunRecord::* names) {
  std::vector<std::string> columns = {"policy", "line", "from", "to"};
  const Contender* first = nullptr;
  for (const std::size_t i : all.ranking)
    if (!first && !(all.contenders[i].trends.*of).from.empty()) first = &all.contenders[i];
  const auto names_of = [&](const Contender& c) {
    const auto run = std::ranges::find_if(c.runs, [&](const RunRecord* r) { return !(r->*names).empty(); });
    return run == c.runs.end() ? std::vector<std::string>() : (*run)->*names;
  };
  const std::vector<std::string> known = first ? names_of(*first) : std::vector<std::string>();
  columns.insert(columns.end(), known.begin(), known.end());
  TableText out(provenance(all, what), columns);
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    const Stretches& s = c.trends.*of;
    if (s.from.empty() || c.line == 0 || names_of(c) != known) continue;
    for (std::size_t t = 0; t < s.from.size(); ++t) {
      out.add(c.name).add(c.line).add(s.from[t]).add(s.to[t]);
      for (const double value : s.values[t]) out.add(value);
      out.end_row();
    }
    out.separate();
  }
  return out;
}

double mean_share(const Contender& c, const std::string& phase, const std::vector<double> RunRecord::* spent) {
  std::vector<double> shares;
  for (const RunRecord* run : c.runs) {
    double all = 0, here = 0;
    for (std::size_t p = 0; p < run->phases.size(); ++p) {
      all += (run->*spent)[p];
      if (run->phases[p] == phase) here += (run->*spent)[p];
    }
    shares.push_back(here / all);
  }
  return stats::mean(shares);
}

TableText phases_table(const Comparison& all) {
  TableText out(provenance(all, "shares of the phases in seconds and in FLOPs, added up, mean over seeds"),
                {"row", "policy", "place", "phase", "seconds_from", "seconds_to", "flops_from", "flops_to"});
  std::size_t row = 0;
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    double seconds = 0, flops = 0;
    ++row;
    for (std::size_t p = 0; p < c.runs[0]->phases.size(); ++p) {
      const std::string& phase = c.runs[0]->phases[p];
      const double more_seconds = seconds + mean_share(c, phase, &RunRecord::seconds), more_flops = flops + mean_share(c, phase, &RunRecord::flops);
      out.add(row)
          .add(c.name)
          .add(p + 1)
          .add(phase)
          .add(seconds)
          .add(more_seconds)
          .add(std::isnan(more_flops) ? more_flops : flops)
          .add(more_flops)
          .end_row();
      seconds = more_seconds;
      flops = more_flops;
    }
  }
  return out;
}

TableText profiles_table(const Comparison& all) {
  double low = INFINITY, high = -INFINITY;
  for (const Contender& c : all.contenders)
    for (const double score : scores_of(all, c)) {
      low = std::min(low, score);
      high = std::max(high, score);
    }
  const double margin = high > low ? 0.03 * (high - low) : 1;
  TableText out(provenance(all, "share of runs whose score is above a threshold; it holds up to the next threshold"),
                {"policy", "line", "threshold", "share", "n"});
  for (const Contender* c : drawing_order(all)) {
    std::vector<double> scores = scores_of(all, *c);
    std::sort(scores.begin(), scores.end());
    const auto n = static_cast<double>(scores.size());
    const auto row = [&](double threshold, double share) { out.add(c->name).add(c->line).add(threshold).add(share).add(scores.size()).end_row(); };
    row(low - margin, 1);
    for (std::size_t i = 0; i < scores.size(); ++i)
      if (i + 1 == scores.size() || scores[i + 1] > scores[i]) row(scores[i], (n - static_cast<double>(i + 1)) / n);
    row(high + margin, 0);
    out.separate();
  }
  return out;
}

constexpr const char* kSweepMeaning = "mean over pairs of runs of equal seed; negative or positive as the quantity is";

std::size_t place_of(const Axis& axis, const std::string& value) {
  return static_cast<std::size_t>(std::ranges::find(axis.values, value) - axis.values.begin()) + 1;
}

/// The difference of a contender, zero for the baseline itself.
TableText& add_difference(TableText& out, const Contender& c) {
  if (c.is_baseline) return out.add(0.0).add(stats::kNaN).add(stats::kNaN).add(c.runs.size());
  return out.add(c.paired->difference).add(c.paired->interval.low).add(c.paired->interval.high).add(c.paired->n);
}

TableText line_table(const Comparison& all, const std::string& what) {
  return {provenance(all, fmt::format("difference to the baseline along {}: {}", what, kSweepMeaning)),
          {"policy", "line", "place", "value", "difference", "lo", "hi", "n"}};
}
TableText map_table(const Comparison& all, const std::string& what) {
  return {provenance(all, fmt::format("difference to the baseline over {}: {}", what, kSweepMeaning)),
          {"row", "first", "column", "second", "difference", "lo", "hi", "n"}};
}

NamedTable sweep_table(const Comparison& all, const Sweep& sweep) {
  const std::string name = "sweep_" + sweep.file;
  std::vector<std::string> names;
  for (const Axis& axis : sweep.axes) names.push_back(axis.name);
  const std::string what = fmt::format("{} of {}", fmt::join(names, " and "), sweep.policy);
  TableText out = sweep.axes.size() == 1 ? line_table(all, what) : map_table(all, what);
  std::vector<std::pair<std::vector<std::size_t>, std::size_t>> order;
  for (std::size_t p = 0; p < sweep.points.size(); ++p) {
    std::vector<std::size_t> place;
    for (std::size_t a = 0; a < sweep.axes.size(); ++a) place.push_back(place_of(sweep.axes[a], sweep.points[p].second[a]));
    order.emplace_back(place, p);
  }
  std::ranges::sort(order);
  for (const auto& [place, p] : order) {
    const auto& [contender, values] = sweep.points[p];
    if (sweep.axes.size() == 1)
      out.add(sweep.policy).add(std::size_t{2}).add(place[0]).add(values[0]);
    else
      out.add(place[0]).add(values[0]).add(place[1]).add(values[1]);
    add_difference(out, *contender).end_row();
  }
  return {name, std::move(out), sweep.policy};
}

template <class Has>
void add_if(std::vector<NamedTable>& out, const Comparison& all, Has has, const std::string& name, auto make) {
  if (std::ranges::any_of(all.contenders, has)) out.push_back({name, make(), ""});
}

}  // namespace

std::vector<double> scores_of(const Comparison& all, const Contender& c) {
  const Contender* base = all.baseline_contender();
  std::vector<double> out;
  for (const RunRecord* run : c.runs) out.push_back((all.lower_is_better ? -1 : 1) * (run->value - (base ? base->mean : 0)));
  return out;
}

std::vector<NamedTable> trend_tables(const Comparison& all) {
  std::vector<NamedTable> out;
  const std::string fixed = "cumulative reward of " + all.best_fixed + " less that of the policy, paired by seed, against decisions";
  add_if(
      out, all, [](const Contender& c) { return !c.trends.exposure.from.empty(); }, "exposure",
      [&] { return stretches_table(all, "share of tokens by domain, mean over seeds", &Trends::exposure, &RunRecord::trained_domains); });
  add_if(
      out, all, [](const Contender& c) { return !c.trends.credit.from.empty(); }, "credit",
      [&] {
        return stretches_table(all, fmt::format("credit by agent ({}), mean over the seeds in which it was measured", all.credit_name),
                               &Trends::credit, &RunRecord::agents);
      });
  add_if(
      out, all, [](const Contender& c) { return !c.trends.reward.x.empty(); }, "rewards",
      [&] { return curves_table(all, "reward of an interval, at its end", [](const Contender& c) -> const Curve& { return c.trends.reward; }); });
  add_if(
      out, all, [](const Contender& c) { return !c.trends.regret.x.empty(); }, "regret",
      [&] { return curves_table(all, fixed, [](const Contender& c) -> const Curve& { return c.trends.regret; }); });
  add_if(
      out, all, [](const Contender& c) { return !c.trends.by_flops.x.empty(); }, "flops",
      [&] {
        return curves_table(all, all.curve_quantity + " against FLOPs of all phases but observe (column tokens: FLOPs)",
                            [](const Contender& c) -> const Curve& { return c.trends.by_flops; });
      });
  add_if(out, all, [](const Contender& c) { return !c.runs[0]->phases.empty(); }, "phases", [&] { return phases_table(all); });
  if (all.contenders.size() > 1)
    add_if(out, all, [](const Contender& c) { return c.runs.size() > 1; }, "profiles", [&] { return profiles_table(all); });
  for (const Sweep& sweep : sweeps_of(all))
    if (!sweep.axes.empty() && sweep.axes.size() <= 2) out.push_back(sweep_table(all, sweep));
  return out;
}

std::vector<Placed> placed(const Study& study) {
  std::vector<Placed> out;
  for (const Cell& cell : study.cells)
    for (const Contender& c : cell.comparison.contenders) {
      if (!c.paired) continue;
      out.push_back({c.name, &cell, &c});
    }
  std::ranges::stable_sort(out, {}, &Placed::policy);
  return out;
}

std::vector<NamedTable> overview_tables(const Study& study) {
  std::vector<NamedTable> out;
  if (study.cells.size() < 2 || study.axes.size() > 2) return out;
  const Comparison& first = study.cells[0].comparison;
  const std::vector<Placed> all = placed(study);
  const Axis &down = study.axes.front(), &across = study.axes.back();
  TableText lines = line_table(first, down.name);
  std::size_t line = 1;
  std::set<std::string> files;
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::find_if(begin, all.end(), [&](const Placed& p) { return p.policy != begin->policy; });
    std::vector<Placed> ordered(begin, end);
    const auto place = [&](const Placed& p) {
      return std::pair(place_of(down, p.cell->settings.at(down.name)), place_of(across, p.cell->settings.at(across.name)));
    };
    std::ranges::sort(ordered, {}, place);
    TableText map = map_table(first, fmt::format("{} and {}, of {}", down.name, across.name, begin->policy));
    ++line;
    for (const Placed& p : ordered) {
      const auto [row, column] = place(p);
      if (study.axes.size() == 1)
        lines.add(p.policy).add(line <= kCurvesNamed ? line : 0).add(row).add(down.values[row - 1]);
      else
        map.add(row).add(down.values[row - 1]).add(column).add(across.values[column - 1]);
      add_difference(study.axes.size() == 1 ? lines : map, *p.contender).end_row();
    }
    lines.separate();
    std::string file = "heat_" + file_name(begin->policy).substr(0, 100);
    while (!files.insert(file).second) file += "_";
    if (study.axes.size() == 2) out.push_back({file, std::move(map), begin->policy});
    begin = end;
  }
  if (study.axes.size() == 1 && !all.empty()) out.push_back({"cells", std::move(lines), ""});
  return out;
}

}  // namespace fader

#include "analysis/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/aggregate.h"
#include "analysis/power.h"
#include "analysis/resample.h"
#include "analysis/significance.h"
#include "analysis/verdict.h"

namespace fader {
namespace {

constexpr std::size_t kDraws = 10'000;

std::vector<double> differences_of(const std::vector<Pair>& pairs) {
  std::vector<double> out;
  for (const Pair& p : pairs) out.push_back(p.value - p.baseline);
  return out;
}

/// The runs of a policy in a cell: those of its only point, or of the point that is named.
const Contender* contender_of(const Cell& cell, const std::string& policy, std::string& problem) {
  const Contender* found = nullptr;
  for (const Contender& c : cell.comparison.contenders) {
    if (c.name != policy && c.point != policy && c.runs[0]->policy != policy) continue;
    if (found) problem = fmt::format("policy '{}' has several points here; a hypothesis speaks of one, by its name in --dry-run", policy);
    found = &c;
  }
  if (!found) problem = fmt::format("policy '{}' has no complete run here", policy);
  return problem.empty() ? found : nullptr;
}

/// Values of the hypothesis's own metric by (point, seed).
using Values = std::map<std::pair<std::string, std::uint64_t>, double>;
Values values_of(const Study& study, const std::string& metric) {
  Values out;
  const Collection all = collect_runs(study.folder, {.metric = metric});
  if (all.metric != metric) return out;  // no run has it
  for (const RunRecord& run : all.runs) out[{run.point, run.seed}] = run.value;
  return out;
}

std::vector<Pair> pairs_by(const Values& values, const Contender& one, const Contender& other) {
  std::vector<Pair> out;
  for (const Pair& p : pairs_of(one, other)) {
    const auto a = values.find({one.point, p.seed}), b = values.find({other.point, p.seed});
    if (a != values.end() && b != values.end()) out.push_back({p.seed, a->second, b->second});
  }
  return out;
}

Tested::Outcome outcome_of(const Tested& t, double confidence) {
  using Outcome = Tested::Outcome;
  if (t.evidence.paired.n < kPairsForVerdict) return Outcome::too_few;
  if (!(t.evidence.p_holm <= 1 - confidence)) return Outcome::open;
  if (t.stated.direction == "different") return Outcome::supported;
  return (t.evidence.paired.difference < 0) == (t.stated.direction == "lower") ? Outcome::supported : Outcome::contradicted;
}

}  // namespace

Evidence evidence_of(const std::vector<Pair>& pairs, double confidence, bool lower_is_better, const std::string& what) {
  Evidence out;
  out.paired = paired(pairs, confidence);
  const std::vector<double> d = differences_of(pairs);
  if (d.size() < 2) return out;
  const stats::Bootstrap options{confidence, kDraws};
  out.studentised = stats::studentised_bootstrap(d, options, Rng(0, "analysis/studentised/" + what));
  out.p_t = stats::paired_t_p(d);
  out.p_wilcoxon = stats::wilcoxon(d).p;
  stats::Scores one(1), other(1);
  for (const Pair& p : pairs) {
    one[0].push_back(lower_is_better ? -p.value : p.value);
    other[0].push_back(lower_is_better ? -p.baseline : p.baseline);
  }
  const auto improvement = [](const stats::Scores& x, const stats::Scores& y) { return stats::probability_of_improvement(x, y); };
  out.improvement = improvement(one, other);
  out.improvement_interval = stats::stratified_bootstrap(one, other, improvement, {confidence, kDraws / 5}, Rng(0, "analysis/improvement/" + what));
  out.smallest_effect = stats::smallest_effect(d.size(), out.paired.sd, confidence);
  if (out.paired.difference != 0 && out.paired.sd > 0) out.seeds_needed = stats::seeds_needed(out.paired.sd, std::abs(out.paired.difference), confidence);
  return out;
}

void correct(std::vector<Evidence*> all) {
  std::vector<double> p;
  for (const Evidence* e : all) p.push_back(e->p_t);
  const std::vector<double> corrected = stats::holm(p);
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->p_holm = corrected[i];
}

std::vector<ContenderEvidence> evidence_against_baseline(const Cell& cell) {
  const Comparison& all = cell.comparison;
  std::vector<ContenderEvidence> out;
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    if (!c.paired) continue;
    ContenderEvidence& e = out.emplace_back();
    e.contender = &c;
    e.evidence = evidence_of(c.pairs, all.confidence, all.lower_is_better, cell.name + "/" + c.name);
    stats::Scores values(1);
    for (const RunRecord* run : c.runs) values[0].push_back(run->value);
    e.interquartile = stats::interquartile_mean(values);
    e.interquartile_interval = stats::stratified_bootstrap(values, [](const stats::Scores& s) { return stats::interquartile_mean(s); },
                                                           {all.confidence, kDraws / 5}, Rng(0, "analysis/interquartile/" + cell.name + "/" + c.name));
  }
  std::vector<Evidence*> asked;
  for (ContenderEvidence& e : out) asked.push_back(&e.evidence);
  correct(asked);
  return out;
}

std::vector<Tested> tested_hypotheses(const Study& study) {
  std::vector<Tested> out;
  const auto& plan = study.plan;
  std::map<std::string, Values> read;
  for (const Hypothesis& h : plan ? plan->hypotheses : std::vector<Hypothesis>())
    for (const Cell& cell : study.cells) {
      if (!h.cell.empty() && h.cell != cell.name) continue;
      Tested& t = out.emplace_back(Tested{h, cell.name, {}, "", "", h.metric != "return", Tested::Outcome::not_tested});
      const Contender* one = contender_of(cell, h.policy, t.problem);
      const Contender* other = t.problem.empty() ? contender_of(cell, h.against, t.problem) : nullptr;
      if (!one || !other) continue;
      for (const Contender* c : {one, other})
        if (const std::string apart = tokens_apart(cell.comparison, *c); !apart.empty()) t.unequal += fmt::format(" {} was {}.", c->name, apart);
      std::vector<Pair> pairs = pairs_of(*one, *other);
      if (h.metric != cell.collection.metric) {
        if (!read.count(h.metric)) read[h.metric] = values_of(study, h.metric);
        pairs = pairs_by(read[h.metric], *one, *other);
      }
      t.evidence = evidence_of(pairs, cell.comparison.confidence, t.lower_is_better, fmt::format("hypothesis/{}/{}/{}/{}", cell.name, h.policy, h.against, h.metric));
      if (t.evidence.paired.n == 0) t.problem = fmt::format("no two runs of equal seed have {}", h.metric);
    }
  std::vector<Evidence*> asked;
  for (Tested& t : out)
    if (t.problem.empty()) asked.push_back(&t.evidence);
  correct(asked);
  const double confidence = study.cells[0].comparison.confidence;
  for (Tested& t : out)
    if (t.problem.empty()) t.outcome = outcome_of(t, confidence);
  return out;
}

std::string sentence(const Tested& t, double confidence) {
  const Hypothesis& h = t.stated;
  std::string claim = h.direction == "different" ? fmt::format("{} ends elsewhere than {} in {}", h.policy, h.against, h.metric)
                                                 : fmt::format("{} ends {} than {} in {}", h.policy, h.direction, h.against, h.metric);
  if (!h.name.empty()) claim = h.name + " (" + claim + ")";
  if (!t.cell.empty()) claim += ", " + t.cell;
  if (!t.problem.empty()) return fmt::format("{}: not tested, {}.", claim, t.problem);
  const stats::Paired& p = t.evidence.paired;
  const std::string found = fmt::format("difference {} {}, {} {} t interval, {} pairs; p = {:.3g} after Holm's correction", signed_number(p.difference),
                                        bracket(p.interval), stats::percent(confidence), "paired", p.n, t.evidence.p_holm);
  using Outcome = Tested::Outcome;
  if (t.outcome == Outcome::supported) return fmt::format("{}: supported ({}).{}", claim, found, t.unequal);
  if (t.outcome == Outcome::contradicted) return fmt::format("{}: contradicted, the difference is the other way round ({}).{}", claim, found, t.unequal);
  if (t.outcome == Outcome::too_few) return fmt::format("{}: no verdict from fewer than {} pairs ({}).{}", claim, kPairsForVerdict, found, t.unequal);
  std::string power = std::isnan(t.evidence.smallest_effect) ? "" : fmt::format(" So many pairs show a difference of {} in 80 of 100 experiments;", number(t.evidence.smallest_effect));
  if (!power.empty())
    power += t.evidence.seeds_needed > 0 ? fmt::format(" one as found here would take {} seeds.", t.evidence.seeds_needed) : " one as found here would take more than 10,000 seeds.";
  return fmt::format("{}: not shown ({}).{}{}", claim, found, power, t.unequal);
}

}  // namespace fader

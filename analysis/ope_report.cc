#include "analysis/ope_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "analysis/tables.h"
#include "analysis/text_table.h"

namespace fader {
namespace {

using ope::Estimator;

std::string number(double x) { return std::isnan(x) ? "n/a" : fmt::format("{:#.4g}", x); }
/// Without the interval where that would promise more than so few can keep.
std::string with_interval(const ope::Estimate& e) {
  const bool shown = e.interval.known() && e.effective >= ope::kFewestEffective;
  return number(e.value) + (shown ? fmt::format(" [{}, {}]", number(e.interval.low), number(e.interval.high)) : " [n/a]");
}
std::string plural(std::size_t n, const std::string& what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

std::string sample_size(double effective, std::size_t n) {
  return fmt::format("{:.1f} of {}{}", effective, n, effective < ope::kFewestEffective ? ": too few" : "");
}

std::string value_cell(const OpeValue& value) { return value.refusal.empty() ? with_interval(value.estimate) : "not estimated"; }

Cells table_of(const OpeLogger& logger) {
  Cells rows = {{"what is played", "snipw", "dr", "effective sample size", "overlap", "largest weight", "whole episodes (wpdis)",
                 "effective episodes"}};
  for (const OpeTarget& target : logger.targets) {
    if (!target.refusal.empty()) {
      rows.push_back({target.name, "refused", "refused", "", "", "", "refused", ""});
      continue;
    }
    const OpeValue& whole = target.by(Estimator::wpdis);
    rows.push_back({target.name, value_cell(target.by(Estimator::snipw)), value_cell(target.by(Estimator::dr)),
                    sample_size(target.overlap.effective, logger.decisions), fmt::format("{:.0f}%", 100 * target.overlap.share),
                    fmt::format("{:.3g}", target.overlap.largest), value_cell(whole),
                    whole.refusal.empty() ? sample_size(whole.estimate.effective, logger.episodes) : ""});
  }
  return rows;
}

/// "who, who: why", a line each; the same reason once.
std::string reasons(const std::vector<std::pair<std::string, std::string>>& who_and_why, const std::string& indent) {
  std::vector<std::pair<std::string, std::vector<std::string>>> found;
  for (const auto& [who, why] : who_and_why) {
    const auto at = std::ranges::find(found, why, [](const auto& item) { return item.first; });
    if (at == found.end()) found.push_back({why, {who}});
    else at->second.push_back(who);
  }
  std::string out;
  for (const auto& [why, who] : found) out += fmt::format("{}{}: {}\n", indent, fmt::join(who, ", "), why);
  return out;
}

void add_lines(ReportDocument& out, const std::string& text) {
  Bullets list;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) list.items.push_back(line);
  if (!list.items.empty()) out.blocks.push_back(std::move(list));
}

std::string refusals(const OpeLogger& logger, const std::string& indent) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const OpeTarget& target : logger.targets)
    if (!target.refusal.empty()) out.push_back({target.name, "refused: " + target.refusal});
    else if (const OpeValue& whole = target.by(Estimator::wpdis); !whole.refusal.empty())
      out.push_back({target.name, "not estimated over whole episodes: " + whole.refusal});
  return reasons(out, indent);
}

std::string title(const OpeLogger& logger) {
  return logger.cell.empty() ? logger.policy : fmt::format("{} ({})", logger.policy, logger.cell);
}

std::string what_was_logged(const OffPolicyStudy& all, const OpeLogger& logger) {
  return fmt::format("Logged by {} (point {}): {}, {}, {}, {}; each arm that was drawn had a probability of {:.3g} to {:.3g}. As logged: {} {} a "
                     "decision.", title(logger), logger.point, plural(logger.runs, "run"), plural(logger.episodes, "episode"),
                     plural(logger.decisions, "decision"), plural(logger.arms, "arm"), logger.least_drawn, logger.greatest_drawn,
                     with_interval(logger.logged), all.reward);
}

bool any_estimated(const OpeLogger& logger) {
  return std::ranges::any_of(logger.targets, [](const OpeTarget& target) { return target.refusal.empty(); });
}

/// How sure the intervals of a logger are, in words.
std::string how_sure(const OffPolicyStudy& all, const OpeLogger& logger) {
  const std::string level = stats::percent(all.settings.confidence);
  if (logger.runs > 1)
    return fmt::format("Intervals: {} t, clustered by run (n = {} {}), since decisions within a run are not independent.", level,
                       logger.logged.clusters, logger.logged.independent);
  return fmt::format("Intervals: {} t over {} stretches of the time of one run. Decisions within a run are not independent: what lasts longer than a "
                     "stretch makes the true intervals wider, by an amount that one run cannot tell.", level, logger.logged.clusters);
}

/// The highest by the doubly robust estimate, among those that rest on enough.
std::string lead(const OffPolicyStudy& all, const OpeLogger& logger) {
  const OpeTarget* best = nullptr;
  std::size_t n = 0;
  for (const OpeTarget& target : logger.targets) {
    if (!target.refusal.empty() || target.overlap.effective < ope::kFewestEffective) continue;
    ++n;
    if (!best || target.by(Estimator::dr).estimate.value > best->by(Estimator::dr).estimate.value) best = &target;
  }
  if (!best) return "No target has an effective sample size that an estimate could rest on.";
  return fmt::format("Highest of {} by the doubly robust estimate: {}, {} {} a decision. Screening: some target has to be the highest, and "
                     "intervals are not corrected for looking at {}; what looks good is to be played, on other seeds.",
                     plural(n, "target"), best->name, with_interval(best->by(Estimator::dr).estimate), all.reward, n);
}

std::vector<std::string> caveats(const OffPolicyStudy& all) {
  return {
      "An estimate of one step answers a question about one interval: what if this decision, and no other, had been taken otherwise, in the "
      "states that the logger came to? Changing early weights changes later states, which snipw, dr and the other estimators of one step do "
      "not follow. Those over whole episodes do (pdis, wpdis), at the price of weights that degenerate with every decision.",
      "The training intervals of one pretraining run are not independent of each other; between runs scatters what differs by seed, no more.",
      fmt::format("An effective sample size stands beside each value, (sum w)^2 / sum w^2 of the target's importance weights; below {:.0f} the "
                  "value is not to be relied on and stands without its confidence interval. Overlap: share of decisions whose target arm had a "
                  "logged probability above {:.3g}.",
                  ope::kFewestEffective, all.settings.threshold),
      "Replay keeps the decisions in which the logger drew what the target plays, and is right only where the logger drew at random without "
      "regard to what it saw or had learned."};
}

std::string settings_line(const OffPolicyStudy& all) {
  return fmt::format("Reward model: ridge regression (penalty {:.3g}) on the arm{}, cross-fitted by run, or by stretches of time when there is "
                     "one run. switch_dr: tau = {:.3g}; dros: lambda = {:.3g}. dm, and the latter two where they cut weights, are as biased as the "
                     "model.", all.settings.ridge,
                     all.observations ? " and the numbers observed" : "", all.settings.tau, all.settings.lambda);
}

/// Why nothing could be said, run by run.
std::string refused_runs(const OffPolicyStudy& all, const std::string& indent) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const LeftOut& run : all.refused) out.push_back({run.place, run.reason});
  return reasons(out, indent);
}

void add_row(const OpeLogger& logger, const std::string& target, const std::string& arms, const std::string& estimator, const ope::Estimate& e,
             double share, const std::string& note, TableText& out) {
  const bool whole = estimator == "pdis" || estimator == "wpdis";
  out.add(logger.policy).add(logger.point).add(target).add(arms).add(estimator).add(e.value).add(e.standard_error);
  out.add(e.interval.low).add(e.interval.high).add(e.n).add(whole ? "episode" : "decision").add(e.clusters).add(e.independent);
  out.add(e.effective).add(e.largest).add(share).add(note).end_row();
}

void add_target(const OpeLogger& logger, const OpeTarget& target, TableText& out) {
  const std::string arms = fmt::format("{}", fmt::join(target.probability, ","));
  if (!target.refusal.empty()) add_row(logger, target.name, arms, "none", {}, stats::kNaN, target.refusal, out);
  for (const OpeValue& value : target.values) {
    const std::string note = !value.refusal.empty()                                  ? value.refusal
                             : value.estimate.effective < ope::kFewestEffective ? "effective sample size too small to rely on"
                                                                                     : "";
    add_row(logger, target.name, arms, ope::kEstimators[static_cast<std::size_t>(value.estimator)], value.estimate, target.overlap.share, note, out);
  }
}

}  // namespace

void add_off_policy(ReportDocument& out, const OffPolicyStudy& all) {
  out.heading(2, "What other choices would have earned (off-policy estimates)");
  if (!all.estimated()) out.say("Nothing could be estimated from these runs.");
  for (const OpeLogger& logger : all.loggers) {
    out.heading(3, "From what " + title(logger) + " logged");
    out.say(what_was_logged(all, logger));
    if (!logger.refusal.empty()) {
      out.say("Refused: " + logger.refusal);
      continue;
    }
    if (any_estimated(logger)) {
      out.say(lead(all, logger));
      out.blocks.push_back(CellRows{table_of(logger), {}});
      out.say(fmt::format("Mean {} a decision. {}", all.reward, how_sure(all, logger)));
    }
    add_lines(out, refusals(logger, ""));
  }
  if (all.estimated()) {
    out.say("What these numbers are, and are not:");
    out.blocks.push_back(Bullets{caveats(all)});
    out.say(settings_line(all) + " All estimators (replay, ipw, snipw, dm, dr, sndr, switch_dr, dros, pdis, wpdis) are in tables/ope.tsv.");
  }
  if (all.refused.empty()) return;
  out.say("Runs that nothing can be estimated from:");
  add_lines(out, refused_runs(all, ""));
}

std::string ope_text(const OffPolicyStudy& all) {
  std::string out = "\nWhat other choices would have earned (off-policy estimates)\n";
  if (!all.estimated()) out += "Nothing could be estimated from these runs.\n";
  for (const OpeLogger& logger : all.loggers) {
    out += "\n" + what_was_logged(all, logger) + "\n";
    if (!logger.refusal.empty()) {
      out += "Refused: " + logger.refusal + "\n";
      continue;
    }
    if (any_estimated(logger)) out += "\n" + aligned(table_of(logger)) + "\n" + lead(all, logger) + "\n" + how_sure(all, logger) + "\n";
    out += refusals(logger, "  ");
  }
  if (all.estimated()) {
    out += "\n";
    for (const std::string& caveat : caveats(all)) out += "Note: " + caveat + "\n";
  }
  if (!all.refused.empty()) out += fmt::format("Not estimated from ({}):\n{}", all.refused.size(), refused_runs(all, "  "));
  return out;
}

std::string ope_tsv(const OffPolicyStudy& all) {
  TableText out({fmt::format("off-policy estimates of the mean {} a decision, had the target's arms been played", all.reward),
                 fmt::format("intervals: {} t; of independent runs where there are several; decisions within one run are not independent",
                             stats::percent(all.settings.confidence)),
                 "n: what the value rests on, in units of decisions or episodes; clusters: what is taken for independent",
                 "estimators of one step answer a one-interval question: changing early weights changes later states",
                 fmt::format("overlap: share of decisions whose target arm had a probability above {:.3g}; switch_dr: tau {:.3g}; dros: lambda {:.3g}",
                             all.settings.threshold, all.settings.tau, all.settings.lambda)},
                {"logger", "point", "target", "arms", "estimator", "value", "standard_error", "lo", "hi", "n", "unit", "clusters", "independent",
                 "effective_sample_size", "largest_weight", "overlap", "note"});
  for (const OpeLogger& logger : all.loggers) {
    if (!logger.refusal.empty()) {
      add_row(logger, "any", "", "none", {}, stats::kNaN, logger.refusal, out);
      continue;
    }
    add_row(logger, "as logged", "", "mean", logger.logged, 1, "", out);
    for (const OpeTarget& target : logger.targets) add_target(logger, target, out);
  }
  return out.text();
}

}  // namespace fader

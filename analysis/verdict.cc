#include "analysis/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace fader {
namespace {

std::string gain(double x) { return std::isnan(x) ? "n/a" : x > 999 ? "> 999" : fmt::format("{:.1f}", x); }
std::string share(double x) { return std::isnan(x) ? "n/a" : fmt::format("{:.1f}%", 100 * x); }
std::string mean_sd(const Contender& c) { return c.runs.size() < 2 ? number(c.mean) : number(c.mean) + " ± " + number(c.sd); }
std::string runs_of(const Contender& c) {
  return c.left_out == 0 ? fmt::format("{}", c.runs.size()) : fmt::format("{} of {}", c.runs.size(), c.runs.size() + c.left_out);
}

std::string pairs_in_words(std::size_t n) { return fmt::format("{} pair{}", n, n == 1 ? "" : "s"); }

std::string measured(const stats::Paired& p) {
  return fmt::format("{} {}, {}", signed_number(p.difference), bracket(p.interval), pairs_in_words(p.n));
}

double mean_of(const Contender& c, double (*of)(const RunRecord&)) {
  std::vector<double> values;
  for (const RunRecord* run : c.runs) values.push_back(of(*run));
  return stats::mean(values);
}

/// " (trained on 102400 tokens against 81920)", or nothing.
std::string tokens_in_brackets(const Comparison& all, const Contender& c) {
  const std::string said = tokens_apart(all, c);
  return said.empty() ? "" : " (" + said + ")";
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
  return fmt::format(" Against {}, the runner-up{}: {}{}.", second.name, tokens_in_brackets(all, second), measured(p), verdict);
}

/// A column of a table in words: its name, and what it says of a policy.
struct WordColumn {
  std::string name;
  std::function<std::string(const Contender&)> of;
};

WordTable in_words(const Comparison& all, const std::vector<WordColumn>& columns, bool (*shown)(const Contender&)) {
  WordTable rows(1);
  for (const WordColumn& column : columns) rows[0].push_back(column.name);
  for (const std::size_t i : all.ranking) {
    const Contender& c = all.contenders[i];
    if (!shown(c)) continue;
    std::vector<std::string>& row = rows.emplace_back();
    for (const WordColumn& column : columns) row.push_back(column.of(c));
  }
  return rows;
}

std::string difference_in_words(const Contender& c) {
  if (c.is_baseline) return "baseline";
  return c.paired ? signed_number(c.paired->difference) + " " + bracket(c.paired->interval) : "no pairs";
}

}  // namespace

std::string number(double x) { return std::isnan(x) ? "n/a" : fmt::format("{:.4f}", x); }
std::string signed_number(double x) { return std::isnan(x) ? "n/a" : fmt::format("{:+.4f}", x); }
std::string bracket(const stats::Interval& i) { return i.known() ? fmt::format("[{:+.4f}, {:+.4f}]", i.low, i.high) : "[n/a]"; }
std::string plain_quantity(const Comparison& all) { return all.quantity.substr(0, all.quantity.find(" (")); }

WordTable policies_in_words(const Comparison& all) {
  std::vector<WordColumn> columns = {{"policy", [](const Contender& c) { return c.name; }}, {"runs", runs_of}, {plain_quantity(all), mean_sd}};
  if (!all.baseline.empty()) {
    columns.push_back({"difference to " + all.baseline, difference_in_words});
    columns.push_back({"wins", [&](const Contender& c) { return c.paired ? fmt::format("{}/{}", all.wins(*c.paired), c.paired->n) : ""; }});
  }
  columns.push_back({"overhead", [](const Contender& c) { return share(c.overhead_seconds); }});
  return in_words(all, columns, [](const Contender&) { return true; });
}

WordTable pairing_in_words(const Comparison& all) {
  const std::vector<WordColumn> columns = {
      {"policy", [](const Contender& c) { return c.name; }},
      {"pairs", [](const Contender& c) { return fmt::format("{}", c.paired->n); }},
      {"difference", [](const Contender& c) { return signed_number(c.paired->difference); }},
      {stats::percent(all.confidence) + " interval", [](const Contender& c) { return bracket(c.paired->interval); }},
      {"SD of differences", [](const Contender& c) { return number(c.paired->sd); }},
      {"correlation", [](const Contender& c) { return std::isnan(c.paired->correlation) ? "n/a" : fmt::format("{:.3f}", c.paired->correlation); }},
      {"unpaired interval", [](const Contender& c) { return bracket(c.paired->unpaired); }},
      {"gain", [](const Contender& c) { return gain(c.paired->gain); }},
      {"wins", [&](const Contender& c) { return fmt::format("{}", all.wins(*c.paired)); }},
      {"reading", [&](const Contender& c) { return reading(all, c); }}};
  return in_words(all, columns, [](const Contender& c) { return c.paired.has_value(); });
}

std::string reading(const Comparison& all, const Contender& c) {
  if (all.screening) return "screening";
  if (!c.paired) return "not compared";
  const stats::Paired& p = *c.paired;
  if (p.n < kPairsForVerdict) return fmt::format("too few pairs ({})", p.n);
  if (!p.interval.known() || p.interval.holds(0)) return "no difference shown";
  return (p.difference < 0) == all.lower_is_better ? "better" : "worse";
}

std::string tokens_apart(const Comparison& all, const Contender& c) {
  if (!c.more_tokens()) return "";
  const auto tokens = [](const RunRecord& run) { return run.budget(); };
  const auto flops = [](const RunRecord& run) { return run.spent.empty() ? stats::kNaN : run.spent.back(); };
  std::vector<double> others, others_flops;
  for (const Contender& other : all.contenders) {
    if (other.more_tokens()) continue;
    others.push_back(mean_of(other, tokens));
    others_flops.push_back(mean_of(other, flops));
  }
  if (others.empty()) return "";
  std::string out = fmt::format("trained on {:.0f} tokens a run against {:.0f} of the others: at equal FLOPs, not at equal tokens", mean_of(c, tokens), stats::mean(others));
  const auto [least, most] = std::ranges::minmax(others_flops);
  const std::string low = fmt::format("{:.3g}", least), high = fmt::format("{:.3g}", most);
  if (least > 0) out += fmt::format("; {:.3g} FLOPs, the others {}", mean_of(c, flops), low == high ? low : low + " to " + high);
  return out;
}

std::string verdict(const Comparison& all) {
  const Contender& best = all.contenders[all.ranking[0]];
  const std::string extreme = all.lower_is_better ? "lowest" : "highest", quantity = plain_quantity(all);
  if (all.contenders.size() == 1) return fmt::format("Only {} has complete runs: there is nothing to compare.", best.name);
  if (all.screening)
    return fmt::format(
        "A screening of {} policies, without verdicts: {} has the {} mean {}, as some policy must. Intervals are not corrected for "
        "looking at so many; what looks good is to be compared anew, on other seeds.",
        all.contenders.size(), best.name, extreme, quantity);
  if (best.is_baseline)
    return fmt::format("No policy has a {} mean {} than the baseline {}.", all.lower_is_better ? "lower" : "higher", quantity, best.name);
  const std::string at = tokens_in_brackets(all, best), leads = fmt::format("{}{} has the {} mean {}", best.name, at, extreme, quantity);
  if (all.baseline.empty()) return leads + "; without a baseline nothing is tested.";
  if (!best.paired) return fmt::format("{}, but shares no seed with {}: no pairs, no verdict.", leads, all.baseline);
  const stats::Paired& p = *best.paired;
  const std::string result = fmt::format("{}, better in {}", measured(p), all.wins(p));
  if (p.n < kPairsForVerdict)
    return fmt::format("{}; against {}: {}. Screening only: fewer than {} pairs give no verdict.{}", leads, all.baseline, result, kPairsForVerdict,
                       lead(all));
  if (reading(all, best) != "better") return fmt::format("No difference to {} could be shown: {}: {}.", all.baseline, leads, result);
  const std::size_t others = all.contenders.size() - 1;
  return fmt::format("{}{} beats {}: {} by {} (screening: {} compared with the baseline, intervals not corrected for that).{}", best.name, at, all.baseline,
                     quantity, result, others == 1 ? "one policy" : fmt::format("{} policies", others), lead(all));
}

}  // namespace fader

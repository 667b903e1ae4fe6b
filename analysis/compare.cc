#include "analysis/compare.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "analysis/trends.h"
#include "core/error.h"

namespace fader {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string unit_in_words(const std::string& unit) {
  if (unit.empty()) return "";
  if (unit == "nat/token") return " (nats per token)";
  if (unit == "bit/byte") return " (bits per byte)";
  return fmt::format(" ({})", unit);
}

std::string describe(const std::string& metric, const std::string& unit) {
  if (metric == "return") return "return (sum of rewards)";
  const std::string set = metric.starts_with("final/loss_") ? metric.substr(11) : "";
  return (set == "test" || set == "validation" || set == "reference" ? fmt::format("final {} loss", set) : metric) + unit_in_words(unit);
}

Stretches mean_weights(const std::vector<const RunRecord*>& runs) {
  std::vector<std::vector<double>> bounds;
  std::vector<const Grid<double>*> rows;
  for (const RunRecord* run : runs) {
    bounds.push_back(run->positions(run->weights.rows() + 1));
    rows.push_back(&run->weights);
  }
  return mean_stretches(bounds, rows);
}

/// A twenty-fifth of the longest run, but whole rounds and never fewer than five episodes.
std::size_t window_of(const std::vector<RunRecord>& runs) {
  std::size_t most = 0, members = 1;
  for (const RunRecord& run : runs) {
    if (run.played.size() < 2) continue;
    const auto learned = std::ranges::count_if(run.played, [](const PlayedEpisode& p) { return !p.evaluation; });
    most = std::max({most, static_cast<std::size_t>(learned), std::size_t{1}});
    members = std::max(members, run.members);
  }
  if (most == 0) return 0;
  const std::size_t wanted = std::max<std::size_t>(5, most / 25);
  return (wanted + members - 1) / members * members;
}

Learning learning_of(const Contender& c, std::size_t window) {
  std::map<std::int64_t, std::vector<double>> returns;  // by number of the episode
  for (const RunRecord* run : c.runs)
    for (const PlayedEpisode& p : run->played)
      if (run->played.size() > 1 && !p.evaluation && std::isfinite(p.total)) returns[p.number].push_back(p.total);
  Learning out;
  for (auto last = returns.begin(); last != returns.end(); ++last) {
    std::vector<double> recent;
    for (auto it = returns.upper_bound(last->first - static_cast<std::int64_t>(window)); it != std::next(last); ++it)
      recent.insert(recent.end(), it->second.begin(), it->second.end());
    out.episode.push_back(static_cast<double>(last->first));
    out.mean.push_back(stats::mean(recent));
    out.sd.push_back(stats::sd(recent));
    out.n.push_back(recent.size());
  }
  return out;
}

double share(const RunRecord& run, const std::vector<double>& of, bool count_setup) {
  double overhead = 0, train = 0;
  for (std::size_t p = 0; p < run.phases.size(); ++p) {
    if (run.phases[p] == "train") train += of[p];
    else if (run.phases[p] != "observe" && (count_setup || run.phases[p] != "setup")) overhead += of[p];
  }
  return overhead / (overhead + train);
}

template <class F>
double mean_over(const std::vector<const RunRecord*>& runs, F of) {
  std::vector<double> values;
  for (const RunRecord* run : runs) values.push_back(of(*run));
  return stats::mean(values);
}

void describe_runs(Contender& c, const Comparison& all, bool losses) {
  std::vector<double> values;
  std::vector<Trace> curves;
  bool weighted = true;
  for (const RunRecord* run : c.runs) {
    values.push_back(run->value);
    curves.push_back(curve_of(*run, losses));
    c.adapts |= run->adapts;
    weighted &= run->weights.rows() > 0;
    c.evaluated |= run->played.size() > 1 && std::ranges::any_of(run->played, &PlayedEpisode::evaluation);
  }
  c.learning = learning_of(c, all.window);
  c.mean = stats::mean(values);
  c.sd = stats::sd(values);
  c.median = stats::median(values);
  c.interquartile = stats::interquartile_mean(values);
  c.interval = stats::t_interval(values, all.confidence);
  c.overhead_seconds = mean_over(c.runs, overhead_seconds);
  c.overhead_flops = mean_over(c.runs, overhead_flops);
  c.curve = mean_curve(curves, all.confidence);
  if (weighted) {
    c.weights = mean_weights(c.runs);
    c.first_weights = mean_weights({c.runs[0]});
  }
}

void compare_to(const Contender& baseline, Contender& c, Comparison& all, bool losses) {
  c.pairs = pairs_of(c, baseline);
  if (c.pairs.size() < std::max(c.runs.size(), baseline.runs.size()))
    all.notes.push_back(fmt::format("{}: {} of its seeds and those of {} pair up; the others are not in the differences.", c.name,
                                    c.pairs.size(), baseline.name));
  if (c.pairs.empty()) return;
  c.paired = paired(c.pairs, all.confidence);
  std::vector<Trace> differences;
  for (const Pair& pair : c.pairs) {
    const auto of_seed = [&](const Contender& side) {
      return curve_of(**std::ranges::find(side.runs, pair.seed, &RunRecord::seed), losses);
    };
    differences.push_back(difference(of_seed(c), of_seed(baseline)));
  }
  c.difference = mean_curve(differences, all.confidence);
}

/// Of several points of one policy, each with the settings in which they differ: "ucb policy.c=0.5"; where these do not tell them
/// apart, the points' names.
void name_apart(std::vector<Contender*>& points) {
  const auto settings = [](const Contender* c) -> const std::vector<std::string>& { return c->runs[0]->varies; };
  std::set<std::string> names;
  for (Contender* c : points) {
    for (const std::string& setting : settings(c)) {
      const auto has = [&](const Contender* other) { return std::ranges::find(settings(other), setting) != settings(other).end(); };
      if (!std::ranges::all_of(points, has)) c->name += " " + setting;
    }
    names.insert(c->name);
  }
  if (names.size() == points.size()) return;
  for (Contender* c : points) c->name = c->point;
}

std::vector<Contender> contenders_of(const Collection& collection) {
  std::vector<Contender> out;
  std::map<std::string, std::vector<Contender*>> points;  // of a policy's name
  std::set<std::string> files;
  for (const RunRecord& run : collection.runs) {
    if (out.empty() || out.back().point != run.point) {
      out.emplace_back();
      out.back().point = run.point;
      out.back().name = run.policy;
    }
    out.back().runs.push_back(&run);
  }
  for (Contender& c : out) points[c.name].push_back(&c);
  for (auto& [policy, of_policy] : points)
    if (of_policy.size() > 1) name_apart(of_policy);
  for (Contender& c : out) {
    c.file = file_name(c.name);
    while (!files.insert(c.file).second) c.file += "_";
    for (const LeftOut& item : collection.left_out) c.left_out += item.point == c.point;
  }
  return out;
}

/// Marks the baseline and brings it to the front; a name that fits several points or none leaves the comparison without one.
void choose_baseline(const std::string& name, bool asked, Comparison& all) {
  std::vector<Contender*> found;
  std::vector<std::string> known;
  for (Contender& c : all.contenders) {
    known.push_back(c.name);
    if (c.name == name || c.point == name || c.runs[0]->policy == name) found.push_back(&c);
  }
  if (found.size() == 1) {
    found[0]->is_baseline = true;
    all.baseline = found[0]->name;
  } else if (asked) {
    throw ConfigError(fmt::format("--baseline {}: {}{}", name,
                                  found.empty() ? "no complete run of a policy of that name" : "names several points",
                                  suggestion(name, known)));
  } else if (name.empty()) {
    all.notes.push_back("The runs name no baseline, so nothing is compared with one; --baseline NAME chooses it.");
  } else if (found.empty()) {
    all.notes.push_back(fmt::format("The baseline '{}' has no complete run, so nothing is compared with it.", name));
  } else {
    all.notes.push_back(fmt::format("The baseline '{}' names {} points, so nothing is compared with it; --baseline POINT chooses one.",
                                    name, found.size()));
  }
  std::ranges::stable_sort(all.contenders, [](const Contender& a, const Contender& b) {
    return a.is_baseline != b.is_baseline ? a.is_baseline : a.name < b.name;
  });
}

/// What the metric of a run of several episodes is taken from.
std::string judge_of(const RunRecord& run) {
  const std::size_t n = run.judged.size();
  if (run.value_of_shown) return "their last episode that was kept in full";
  if (run.played[run.judged[0]].evaluation) return n == 1 ? "their evaluation episode" : fmt::format("the mean over their {} evaluation episodes", n);
  return n == 1 ? "their last learning episode" : fmt::format("the mean over their last {} learning episodes", n);
}

void note_episodes(const Collection& collection, Comparison& all) {
  std::map<std::string, std::vector<std::string>> judges;  // points by what judges them
  for (const RunRecord& run : collection.runs) {
    if (run.episodes < 2) continue;
    auto& points = judges[judge_of(run)];
    if (points.empty() || points.back() != run.point) points.push_back(run.point);
  }
  if (judges.empty()) return;
  std::string list;
  for (const auto& [judge, points] : judges) {
    list += (list.empty() ? "" : "; by ") + judge;
    if (judges.size() > 1) list += fmt::format(" ({})", fmt::join(points, ", "));
  }
  all.notes.push_back(fmt::format("Runs of several episodes are judged by {}. Curves, weights and costs are those of one episode that was "
                                  "kept in full: the last one played to evaluate, or else the last.", list));
}

void note_peculiarities(const Collection& collection, Comparison& all) {
  if (collection.metric_missing)
    all.notes.push_back(fmt::format("No run has a finite {}; the return (sum of rewards) stands in for it.", collection.runs[0].metric));
  note_episodes(collection, all);
  for (const LeftOut& item : collection.left_out)
    if (item.reason.starts_with("failed"))
      all.notes.push_back(fmt::format("{} failed and is not in the means: they flatter its policy.", item.place));
}

/// Needs the ranking.
void choose_lines(Comparison& all) {
  const std::size_t n = all.contenders.size();
  std::vector<bool> named(n, n <= kCurvesNamed);
  std::size_t best = 0;
  for (const std::size_t i : all.ranking) {
    if (all.contenders[i].is_baseline || best++ < kBestNamed) named[i] = true;
  }
  named[all.ranking.back()] = true;
  std::size_t line = all.baseline.empty() ? 1 : 0;
  for (std::size_t i = 0; i < n; ++i)
    if (named[i]) all.contenders[i].line = ++line;
}

}  // namespace

std::string file_name(std::string text) {
  std::ranges::replace_if(text, [](char x) { return !std::isalnum(static_cast<unsigned char>(x)) && std::string_view("._=,+-").find(x) == std::string_view::npos; }, '_');
  return text;
}

Trace curve_of(const RunRecord& run, bool losses) {
  if (losses) return known_points(run.positions(run.reference.size()), run.reference);
  std::vector<double> sum(run.rewards.size() + 1, 0.0);
  std::partial_sum(run.rewards.begin(), run.rewards.end(), sum.begin() + 1);
  return known_points(run.positions(sum.size()), sum);
}

double overhead_seconds(const RunRecord& run) { return share(run, run.seconds, false); }
double overhead_flops(const RunRecord& run) { return share(run, run.flops, true); }

std::vector<Pair> pairs_of(const Contender& one, const Contender& other) {
  std::vector<Pair> out;
  for (const RunRecord* run : one.runs)
    for (const RunRecord* match : other.runs)
      if (run->seed == match->seed) out.push_back({run->seed, run->value, match->value});
  return out;
}

stats::Paired paired(const std::vector<Pair>& pairs, double confidence) {
  std::vector<double> x, y;
  for (const Pair& pair : pairs) {
    x.push_back(pair.value);
    y.push_back(pair.baseline);
  }
  return stats::paired(x, y, confidence);
}

const Contender* Comparison::baseline_contender() const {
  return !contenders.empty() && contenders[0].is_baseline ? &contenders[0] : nullptr;
}

std::size_t Comparison::named() const {
  return static_cast<std::size_t>(std::ranges::count_if(contenders, [](const Contender& c) { return c.line > 0; }));
}

Comparison compare(const Collection& collection, const std::string& baseline) {
  const RunRecord& first = collection.runs.at(0);
  Comparison all;
  all.experiment = first.experiment;
  all.question = first.question;
  all.metric = collection.metric;
  all.quantity = describe(collection.metric, first.value_unit);
  all.confidence = first.confidence;
  all.screening = first.screening;
  all.lower_is_better = contains(all.metric, "loss") || contains(all.metric, "regret");
  const bool losses = std::ranges::all_of(collection.runs, [](const RunRecord& r) { return !r.reference.empty(); });
  all.curve_quantity = losses ? "reference loss" + unit_in_words(first.reference_unit) : "return so far (sum of rewards)";
  const bool tokens = first.tokens_unit.empty() || first.tokens_unit == "token";
  all.x_name = first.budget() == 0 ? "intervals" : tokens ? "tokens seen" : first.tokens_unit + "s";
  all.window = window_of(collection.runs);
  all.contenders = contenders_of(collection);
  note_peculiarities(collection, all);
  choose_baseline(baseline.empty() ? first.baseline : baseline, !baseline.empty(), all);
  for (Contender& c : all.contenders) describe_runs(c, all, losses);
  if (const Contender* base = all.baseline_contender())
    for (Contender& c : all.contenders)
      if (!c.is_baseline) compare_to(*base, c, all, losses);
  all.ranking.resize(all.contenders.size());
  std::iota(all.ranking.begin(), all.ranking.end(), std::size_t{0});
  std::ranges::stable_sort(all.ranking, [&](std::size_t a, std::size_t b) {
    const double x = all.contenders[a].mean, y = all.contenders[b].mean;
    return all.lower_is_better ? x < y : x > y;
  });
  choose_lines(all);
  describe_trends(all);
  return all;
}

}  // namespace fader

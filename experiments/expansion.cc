#include "experiments/expansion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "core/error.h"
#include "experiments/axes.h"
#include "experiments/baselines.h"
#include "experiments/halving.h"
#include "experiments/options_reader.h"
#include "experiments/point_reader.h"
#include "experiments/resolve.h"

namespace fader {
namespace {

const std::vector<std::string> kTopLevel = {"name", "base",   "run",      "corpus", "model",  "train",
                                            "env",  "agents", "policies", "policy", "compare", "sweep", "hypotheses"};
const std::vector<std::string> kMayVary = {"run", "corpus", "model", "train", "env", "agents"};  // by `set` of a policy

constexpr double kMostPoints = 100'000;

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// The name of an experiment whose file does not give one.
std::string plain_name(const std::string& stem) {
  std::string out;
  for (const char c : stem) out += name_problem(fmt::format("_{}", c), "_-+.").empty() ? c : '_';
  if (!name_problem(out.substr(0, 1), "_").empty()) out = fmt::format("_{}", out);
  return out.substr(0, 64);
}

const TomlValue* walk(const TomlValue& tree, const std::string& path) {
  const TomlValue* at = &tree;
  for (std::size_t begin = 0; at && begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    at = at->find(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return at;
}

// A TOML value as part of a folder name: ["a", "b"] is a_b.
std::string in_a_name(const std::string& value) {
  std::string out;
  for (const char c : value) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || std::string_view("._+-").find(c) != std::string_view::npos;
    if (plain) out += c;
    else if (!out.empty() && out.back() != '_') out += '_';
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

// "env.selection=top_k" for all that the policy's `set` names, with the values that it ended up with.
std::string varied(const Point& point, const TomlValue* set) {
  std::string out;
  if (!set) return out;
  for (const Setting& s : settings(point)) {
    std::string path = s.path();
    if (s.section.rfind("agents.", 0) == 0)  // by name in the file, by number in the settings
      path = fmt::format("agents.{}.{}", point.agents[std::stoul(s.section.substr(7))].name, s.key);
    if (walk(*set, path)) out += fmt::format(",{}={}", path, in_a_name(s.value));
  }
  return out;
}

class Expansion {
 public:
  Expansion(ExperimentTree tree, std::vector<TomlValue> assignments, Problems& problems)
      : tree_(std::move(tree)), assignments_(std::move(assignments)), problems_(problems) {
    for (const TomlValue& assignment : assignments_) apply_override(tree_.root, assignment, problems_);
  }

  Experiment resolve(const std::filesystem::path& file) {
    Experiment out;
    out.file = file;
    out.question = tree_.question;
    out.name = experiment_name(file);
    check_top_level();
    check_unique("agents");
    check_unique("policies");
    OptionsReader(problems_, {}).read(tree_.root.find("compare"), "compare", "compare", out.compare, {}, tree_.file);
    const TomlValue* sweep = tree_.root.find("sweep");
    OptionsReader(problems_, {}).read(sweep, "sweep", "sweep", out.sweep, {"over"}, tree_.file);
    if (sweep && sweep->find("over")) axes_ = read_axes(*sweep->find("over"), tree_.root, problems_);
    else if (sweep && sweep->table() && out.compare.baselines == "none") problems_.add(sweep->place, "sweep: nothing varies; write [sweep.over] and what is to vary, over which values");
    read_points(out);
    check_baseline(out);
    read_hypotheses(out);
    problems_.raise();
    check_different(out);
    problems_.raise();
    return out;
  }

 private:
  std::string experiment_name(const std::filesystem::path& file) {
    const TomlValue* name = tree_.root.find("name");
    if (!name) return plain_name(file.stem().string());
    const std::string problem =
        name->text() ? name_problem(*name->text(), "_-+.") : fmt::format("is {}; expected a text", name->found());
    if (!problem.empty()) problems_.add(name->place, "name " + problem);
    return name->text() ? *name->text() : "";
  }

  void check_top_level() {
    for (const TomlEntry& entry : *tree_.root.table()) {
      if (contains(kTopLevel, entry.key)) continue;
      const std::string hint = nearest(entry.key, kTopLevel).empty() ? hint_section(entry.key) : "";
      problems_.add(entry.place, fmt::format("unknown key '{}'{}", entry.key,
                                             hint.empty() ? suggestion(entry.key, kTopLevel) : hint));
    }
  }

  void check_unique(const std::string& key) {
    const TomlValue* list = tree_.root.find(key);
    if (!list || !list->list()) return;
    std::map<std::string, Place> taken;
    for (const TomlValue& element : *list->list()) {
      const std::string name = name_of(element);
      const auto [first, fresh] = taken.emplace(name, element.place);
      if (!name.empty() && !fresh)
        problems_.add(element.place, fmt::format("two {} are called '{}', the other at {}; give one of them a name of its own: "
                                                 "name = \"...\"", key, name, first->second.shown()));
    }
  }

  void read_points(Experiment& out) {
    const TomlValue* list = tree_.root.find("policies");
    if (list && !list->list())
      problems_.add(list->place, fmt::format("policies is {}; write [[policies]], in two brackets, once for each policy",
                                             list->found()));
    else if (!list || list->list()->empty())
      problems_.add(list ? list->place : tree_.file,
                    fmt::format("there is no policy; write [[policies]] and kind = one of: {}",
                                fmt::join(policies().names(), ", ")));
    if (!list || !list->list() || list->list()->empty()) {
      read_point(tree_.root, nullptr, "", tree_.file, problems_);  // for what else is wrong
      return;
    }
    for (std::size_t p = 0; p < list->list()->size(); ++p) expand(out, p);
    if (out.compare.baselines != "none" && problems_.empty()) add_baselines(out);
  }

  // --- the sweep

  const TomlValue& policy_at(std::size_t p) const { return (*tree_.root.find("policies")->list())[p]; }

  std::vector<const SweepAxis*> axes_of(const std::string& policy) const {
    std::vector<const SweepAxis*> out;
    for (const SweepAxis& axis : axes_)
      if (axis.policy().empty() || axis.policy() == policy) out.push_back(&axis);
    return out;
  }

  /// Values of these axes by the sweep's method; `chosen`: some of many, of which one is looked for.
  std::vector<Combination> combinations(const std::vector<const SweepAxis*>& axes, const SweepMethod& sweep, bool chosen) {
    double product = 1;
    bool listed = true;
    for (const SweepAxis* axis : axes) {
      product *= static_cast<double>(axis->choices().size());
      listed = listed && axis->is_list();
    }
    const bool grid = sweep.method == "grid" && !chosen;
    if (!grid && !(listed && product <= static_cast<double>(sweep.samples)))
      return drawn_combinations(axes, static_cast<std::size_t>(sweep.samples), static_cast<std::uint64_t>(sweep.seed));
    for (const SweepAxis* axis : axes)
      if (!axis->is_list())
        problems_.add(axis->place(), fmt::format("sweep.over.{} is a range, which a grid cannot go through; list values, or set sweep.method = \"random\"", axis->name()));
    if (product > kMostPoints)
      problems_.add(axes[0]->place(), fmt::format("the grid has {:.0f} points for one policy; at most {} are taken: vary less, or draw some with "
                                                  "sweep.method = \"random\"", product, kMostPoints));
    if (!problems_.empty()) return {{}};  // for what else is wrong
    return all_combinations(axes);
  }

  /// All points of a policy.
  void expand(Experiment& out, std::size_t p) {
    const auto all = combinations(axes_of(name_of(policy_at(p))), out.sweep, out.sweep.method == "halving");
    if (out.sweep.method == "halving" && all.size() > 1 && problems_.empty()) return search(out, p, out.sweep, all);
    for (const Combination& combination : all) read_as(out, p, combination, {});
  }

  struct Search {
    std::vector<std::size_t> last_rung;
    std::vector<Combination> candidates;
    std::function<std::optional<std::size_t>(const Results&)> winner;
  };
  using Cell = std::pair<std::string, std::string>;  // a policy, in a cell

  /// Candidates of a search, rung by rung, and the point that the best of them becomes.
  void search(Experiment& out, std::size_t p, const SweepMethod& sweep, const std::vector<Combination>& candidates, const std::string& cell = "") {
    const std::vector<Point> finals = finals_of(out, p, candidates, cell, {});
    if (finals.empty()) return;
    Halving halving{candidates.size(), static_cast<std::size_t>(sweep.rungs), static_cast<std::size_t>(sweep.eta), sweep.metric, true};
    if (halving.metric.empty()) halving.metric = finals[0].trains() ? "final/loss_validation" : "return";
    halving.lower_is_better = halving.metric != "return";
    std::vector<std::vector<std::size_t>> rungs(halving.rungs);
    for (std::size_t r = 0; r < halving.rungs; ++r)
      for (std::size_t c = 0; c < candidates.size(); ++c) {
        rungs[r].push_back(out.points.size());
        read_as(out, p, candidates[c], {static_cast<std::ptrdiff_t>(r), rung_settings(halving, sweep, finals[c], r)});
        if (!problems_.empty()) return;
      }
    link_rungs(halving, rungs, out.points);
    const Search found{rungs.back(), candidates, winner(halving, rungs.back(), out.points)};
    searches_[{name_of(policy_at(p)), cell}] = found;
    add_winner(out, found, finals);
  }

  /// What each candidate is in the end.
  std::vector<Point> finals_of(const Experiment& like, std::size_t p, const std::vector<Combination>& candidates, const std::string& cell,
                               const std::vector<TomlValue>& settings) {
    std::vector<Point> finals;
    for (const Combination& candidate : candidates) {
      Experiment alone;
      alone.file = like.file;
      read_as(alone, p, candidate, {-1, settings});
      if (alone.points.empty() || !problems_.empty()) return {};
      Point& one = alone.points[0];
      one.slug = slug_of(fmt::format("policy={}{}{}", one.policy.name, varied(one, policy_at(p).find("set")), cell.empty() ? "" : "," + in_a_name(cell)));
      one.cell = cell;
      one.toml = resolved_toml(experiment_name(like.file), tree_.question, one);
      finals.push_back(std::move(one));
    }
    return finals;
  }

  void add_winner(Experiment& out, const Search& found, std::vector<Point> finals) {
    Point final = finals[0];
    final.varies.clear();
    final.after = found.last_rung;
    for (Point& one : finals) one.after = found.last_rung;
    final.settle = [choose = found.winner, finals = std::move(finals)](const Results& results, std::int64_t) {
      const auto best = choose(results);
      if (!best)
        throw RunError(fmt::format("no candidate of the search for '{}' has come to an end with a number to choose by; journal.jsonl says what became "
                                   "of them", finals[0].policy.name));
      return finals[*best];
    };
    push(out, std::move(final));
  }

  /// What a candidate plays at a rung otherwise than in the end.
  std::vector<TomlValue> rung_settings(const Halving& halving, const SweepMethod& sweep, const Point& final, std::size_t rung) {
    const std::string resource = sweep.resource != "auto" ? sweep.resource : final.trains() ? "train.intervals" : "none";
    const auto shift = resource == "none" ? static_cast<std::int64_t>(rung * sweep.seeds.size()) : 0;
    std::vector<std::string> seeds;
    for (const std::int64_t seed : sweep.seeds) seeds.push_back(fmt::format("{}", seed + shift));
    std::vector<TomlValue> out = {assignment(fmt::format("run.seeds=[{}]", fmt::join(seeds, ",")))};
    if (resource == "none") return out;
    for (const Setting& s : settings(final)) {
      std::int64_t whole = 0;
      if (s.path() != resource || std::from_chars(s.value.data(), s.value.data() + s.value.size(), whole).ptr != s.value.data() + s.value.size()) continue;
      out.push_back(assignment(fmt::format("{}={}", resource, resource_at(halving, whole, rung))));
      return out;
    }
    problems_.add(tree_.root.find("sweep")->place, fmt::format("sweep.resource is '{}'; expected a whole number of the run, such as train.intervals, "
                                                               "or \"auto\" or \"none\"", resource));
    return out;
  }

  TomlValue assignment(const std::string& text) { return parse_assignment(text, 0, problems_); }

  // --- the preset of baselines

  void add_baselines(Experiment& out) {
    const Point* console = console_of(out);
    if (!console) return;
    BaselineScene scene{agents_of(*console), "", console->trains(), out.compare.baselines == "full_and_oracle", console->policy.name};
    scene.quality = scene.agents[0];
    for (const Chosen& agent : console->agents)
      if (agent.kind == "quality") scene.quality = agent.name;
    const auto source = std::make_shared<const Source>(Source{"compare.baselines", "baselines", fs_folder(out), 0});
    const std::vector<AddedBaseline> all = full_baselines(scene);
    for (const AddedBaseline& b : all) {
      TomlValue table = parse_toml(fmt::format("name = \"{}\"\n{}", b.name, b.toml), source, problems_);
      tree_.root.find("policies")->list()->push_back(std::move(table));
    }
    problems_.raise();
    const std::size_t first = tree_.root.find("policies")->list()->size() - all.size();
    SweepMethod tuning = out.sweep;
    tuning.samples = std::max(out.compare.baseline_samples, out.sweep.method == "halving" ? out.sweep.samples : std::int64_t{0});
    for (std::size_t i = 0; i < all.size(); ++i) {
      const AddedBaseline& b = all[i];
      if (b.from == AddedBaseline::From::itself) {
        expand(out, first + i);
        continue;
      }
      if (!b.over.empty()) tune_over(b, source);
      for (const Combination& cell : cells(out)) add_baseline(out, first + i, b, tuning, cell);
    }
    problems_.raise();
  }

  void tune_over(const AddedBaseline& b, const std::shared_ptr<const Source>& source) {
    TomlValue over = parse_toml(fmt::format("[policies.{}]\n{}", b.name, b.over), source, problems_);
    for (SweepAxis& axis : read_axes(over, tree_.root, problems_)) axes_.push_back(std::move(axis));
  }

  /// What of the environment the sweep varies and does not choose from.
  std::vector<Combination> cells(const Experiment& out) {
    if (out.sweep.method == "halving") return {{}};
    return combinations(axes_of(""), out.sweep, false);
  }

  void add_baseline(Experiment& out, std::size_t p, const AddedBaseline& b, const SweepMethod& tuning, const Combination& cell) {
    const std::string name = shown(cell);
    if (b.from == AddedBaseline::From::search) {
      std::vector<const SweepAxis*> axes;
      for (const SweepAxis* axis : axes_of(b.name))
        if (out.sweep.method == "halving" || !axis->policy().empty()) axes.push_back(axis);
      std::vector<Combination> candidates = combinations(axes, tuning, true);
      for (Combination& candidate : candidates) candidate.insert(candidate.begin(), cell.begin(), cell.end());
      return search(out, p, tuning, candidates, name);
    }
    if (b.from == AddedBaseline::From::winner) {
      const auto found = searches_.find({b.of, name});
      if (found == searches_.end()) return;
      std::vector<Combination> candidates = found->second.candidates;
      for (Combination& candidate : candidates)
        for (Choice& choice : candidate)
          for (TomlValue& a : choice.assignments) rename(a, b.of, b.name);
      const std::vector<Point> finals = finals_of(out, p, candidates, name, {assignment(b.settings)});
      if (!finals.empty()) add_winner(out, found->second, finals);
      return;
    }
    add_derived(out, p, b, cell);
  }

  /// `policies.from.x = y` becomes `policies.to.x = y`.
  static void rename(TomlValue& assignment, const std::string& from, const std::string& to) {
    TomlValue* policies = assignment.find("policies");
    for (TomlEntry& entry : policies && policies->table() ? *policies->table() : *assignment.table())
      if (entry.key == from) entry.key = to;
  }

  /// A point that is made of what others have played.
  void add_derived(Experiment& out, std::size_t p, const AddedBaseline& b, const Combination& cell) {
    const auto source = final_.find({b.of, shown(cell)});
    if (source == final_.end()) return;  // the console is not in this cell
    Experiment alone;
    alone.file = out.file;
    read_as(alone, p, cell, {});
    if (alone.points.empty() || !problems_.empty()) return;
    Point point = std::move(alone.points[0]);
    const std::size_t console = source->second;
    const bool flops = b.from == AddedBaseline::From::same_flops;
    const auto random = final_.find({"b0_random", shown(cell)});
    point.after = {console};
    if (flops && random == final_.end()) return;
    if (flops) point.after.push_back(random->second);
    point.stage = flops ? "same_flops" : "derived";
    const auto found = searches_.find({flops ? "b0_random" : b.of, shown(cell)});
    const auto tuned = found == searches_.end() ? std::optional<Search>() : found->second;
    const std::size_t cheap = flops ? random->second : console;
    point.settle = [=, tree = tree_, assignments = assignments_, axes = axes_, file = out.file, like = point](const Results& results, std::int64_t seed) {
      Problems problems;
      Expansion again(tree, assignments, problems);
      again.axes_ = axes;
      const std::string setting = flops ? intervals_of_flops(like, results, console, cheap, seed) : other_run(like.policy.name, results, console, seed);
      Combination combination = cell;
      if (const auto best = tuned ? tuned->winner(results) : std::nullopt)
        for (const Choice& choice : tuned->candidates[*best])
          if (again.is_of_environment(choice)) combination.push_back(choice);
      Experiment made;
      made.file = file;
      again.read_as(made, p, combination, {-1, {again.assignment(setting)}});
      problems.raise();
      Point& settled = made.points.at(0);
      settled.slug = like.slug;
      settled.cell = like.cell;
      settled.stage = like.stage;
      return settled;
    };
    push(out, std::move(point));
  }

  /// The run of the console with the next seed.
  static std::string other_run(const std::string& policy, const Results& results, std::size_t console, std::int64_t seed) {
    const auto runs = results.outcomes(console);
    if (runs.empty()) throw RunError("no run of the console that it follows is complete");
    std::vector<std::int64_t> seeds;
    for (const auto& run : runs) seeds.push_back(run.first);
    std::sort(seeds.begin(), seeds.end());
    const auto next = std::upper_bound(seeds.begin(), seeds.end(), seed);
    const auto file = std::filesystem::absolute(results.run_file(console, next == seeds.end() ? seeds.front() : *next));
    return fmt::format("policies.{}.from={}", policy, toml_quote(file.string()));
  }

  /// As many intervals as make random picks cost what the console's run of this seed did.
  static std::string intervals_of_flops(const Point& point, const Results& results, std::size_t console, std::size_t random, std::int64_t seed) {
    const auto flops = [&](std::size_t of) {
      double sum = 0, n = 0;
      for (const auto& [s, outcome] : results.outcomes(of)) {
        const auto value = outcome.find("flops");
        if (value == outcome.end() || !(value->second > 0)) continue;
        if (s == seed) return value->second;
        sum += value->second;
        ++n;
      }
      if (n == 0) throw RunError("no run of the console, or of random picks, is complete, whose FLOPs it is to match");
      return sum / n;
    };
    const double ratio = flops(console) / flops(random);
    return fmt::format("train.intervals={}", std::max<std::int64_t>(1, std::llround(static_cast<double>(point.train.intervals) * ratio)));
  }

  /// compare.console, or the first policy that learns.
  const Point* console_of(const Experiment& out) {
    static const std::vector<std::string> kFixed = {"uniform", "one_hot", "fixed", "schedule", "dirichlet", "replay", "average", "oracle_greedy"};
    for (const Point& point : out.points)
      if (out.compare.console.empty() ? !contains(kFixed, point.policy.kind) : point.policy.name == out.compare.console) return &point;
    problems_.add(tree_.file, out.compare.console.empty() ? std::string("compare.baselines: none of the policies learns; name the one that baselines are for: compare.console")
                                                          : fmt::format("compare.console: there is no policy '{}'", out.compare.console));
    return nullptr;
  }

  static std::vector<std::string> agents_of(const Point& point) {
    std::vector<std::string> names;
    for (const Chosen& agent : point.agents) names.push_back(agent.name);
    if (!point.trains()) names = environments().at(point.env.kind).make(*point.env.options, {})->spec().agents;
    return names;
  }

  static std::filesystem::path fs_folder(const Experiment& out) { return std::filesystem::absolute(out.file).parent_path(); }

  // --- points

  /// What is otherwise than the combination says, at a rung of a search (-1: none).
  struct Extra {
    std::ptrdiff_t rung = -1;
    std::vector<TomlValue> settings;
  };

  /// Reads a point and says what it is called. Left out where the policy speaks of an agent that the combination leaves out.
  void read_as(Experiment& out, std::size_t p, const Combination& combination, const Extra& extra) {
    const TomlValue& policy = policy_at(p);
    const std::string name = name_of(policy);
    const std::string shown = tree_.root.find("policies")->list()->size() == 1 ? "policy" : name.empty() ? fmt::format("policy {}", p + 1) : "policies." + name;
    for (const Choice& choice : combination)
      if (const TomlValue* agent = policy.find("agent"); choice.agents && agent && agent->text() && !contains(*choice.agents, *agent->text())) return;
    const TomlValue root = varied_tree(policy, shown, combination, extra.settings);
    const TomlValue* list = root.find("policies");
    Point point = read_point(root, list && list->list() && p < list->list()->size() ? &(*list->list())[p] : &policy, shown, tree_.file, problems_);
    if (problems_.empty()) identify(point, out, policy, combination, extra.rung);
    push(out, std::move(point));
  }

  /// A baseline of the preset that the file has already is not played twice.
  void push(Experiment& out, Point point) {
    const Cell key{point.policy.name, point.cell};
    if (point.stage.empty() && !point.settle && point.policy.name.starts_with("b"))
      for (std::size_t i = 0; i < out.points.size(); ++i)
        if (out.points[i].hash == point.hash && out.points[i].stage.empty() && !out.points[i].settle && at_[point.slug].source->shown == "compare.baselines") {
          final_[key] = i;
          return;
        }
    if (point.stage != "search") final_[key] = out.points.size();
    out.points.push_back(std::move(point));
  }

  void identify(Point& point, const Experiment& out, const TomlValue& policy, const Combination& combination, std::ptrdiff_t rung) {
    std::string slug = rung >= 0 ? fmt::format("search={},rung={}", point.policy.name, rung) : "policy=" + point.policy.name;
    slug += varied(point, policy.find("set"));
    for (const Choice& choice : combination) {
      std::string key = choice.axis;
      for (const std::string& own : {"policies." + point.policy.name + ".", std::string("policy.")})
        if (key.starts_with(own)) key.erase(0, own.size());
      slug += fmt::format(",{}={}", key, in_a_name(choice.text));
      point.varies.push_back(fmt::format("{}={}", key == choice.axis ? key : "policy." + key, choice.text));
      if (is_of_environment(choice)) point.cell += (point.cell.empty() ? "" : ",") + choice.shown();
    }
    if (rung >= 0) point.stage = "search";
    const bool single = axes_.empty() && tree_.root.find("policies")->list()->size() == 1;
    point.slug = single ? "base" : slug_of(slug);
    at_[point.slug] = policy.place;
    point.hash = point_hash(point);
    point.toml = resolved_toml(experiment_name(out.file), tree_.question, point);
  }

  bool is_of_environment(const Choice& choice) const {
    return std::any_of(axes_.begin(), axes_.end(), [&](const SweepAxis& axis) { return axis.name() == choice.axis && axis.policy().empty(); });
  }

  // The tree as this point has it: `set` over the file, the sweep over that, --set over all.
  TomlValue varied_tree(const TomlValue& policy, const std::string& shown, const Combination& combination, const std::vector<TomlValue>& rung) {
    TomlValue root = tree_.root;
    const TomlValue* set = policy.find("set");
    if (set && !set->table()) {
      problems_.add(set->place, fmt::format("{}.set is {}; expected a table, as in set = {{ \"train.batch\" = 8 }}", shown,
                                            set->found()));
      return root;
    }
    for (const TomlEntry& entry : set ? *set->table() : TomlTable()) {
      if (!contains(kMayVary, entry.key))
        problems_.add(entry.place, fmt::format("{}.set: '{}' cannot be set for one policy; expected a key below {}", shown,
                                               entry.key, fmt::join(kMayVary, ", ")));
      else if (entry.key == "run" && entry.value.find("seeds"))
        problems_.add(entry.place, fmt::format("{}.set: run.seeds are the same for all policies, so that comparisons are paired",
                                               shown));
      else merge_named(root, {TomlTable{entry}, set->place, ""}, problems_);
    }
    for (const Choice& choice : combination) {
      for (const TomlValue& assignment : choice.assignments) apply_override(root, assignment, problems_);
      if (TomlValue* agents = root.find("agents"); choice.agents && agents && agents->list())
        std::erase_if(*agents->list(), [&](const TomlValue& agent) { return !contains(*choice.agents, name_of(agent)); });
    }
    if (!set && combination.empty() && rung.empty()) return root;
    for (const TomlValue& assignment : assignments_) apply_override(root, assignment, problems_);
    for (const TomlValue& setting : rung) apply_override(root, setting, problems_);
    return root;
  }

  void check_baseline(Experiment& out) {
    std::vector<std::string> names;
    for (const Point& point : out.points) names.push_back(point.policy.name);
    if (out.compare.baseline.empty()) {
      if (!names.empty()) out.compare.baseline = names[0];
    } else if (!contains(names, out.compare.baseline)) {
      const TomlValue* given = walk(tree_.root, "compare.baseline");
      problems_.add(given ? given->place : tree_.file,
                    fmt::format("compare.baseline: the experiment has no policy '{}'{}", out.compare.baseline,
                                suggestion(out.compare.baseline, names)));
    }
  }

  void read_hypotheses(Experiment& out) {
    const TomlValue* list = tree_.root.find("hypotheses");
    if (!list) return;
    if (!list->list()) return problems_.add(list->place, fmt::format("hypotheses is {}; write [[hypotheses]], in two brackets, once for each", list->found()));
    for (const TomlValue& element : *list->list()) {
      HypothesisOptions read;
      OptionsReader(problems_, {}).read(&element, "hypotheses", "hypotheses", read, {}, element.place);
      Hypothesis& h = read.stated;
      if (h.against.empty()) h.against = out.compare.baseline;
      if (h.metric.empty()) h.metric = out.compare.metric;
      for (const std::string& name : {h.policy, h.against})
        if (std::none_of(out.points.begin(), out.points.end(), [&](const Point& p) { return p.policy.name == name || p.slug == name; }))
          problems_.add(element.place, fmt::format("hypotheses: the experiment has no policy '{}', nor a point of that name", name));
      if (h.policy == h.against) problems_.add(element.place, fmt::format("hypotheses: '{}' is compared with itself; say against what", h.policy));
      if (!h.cell.empty() && std::none_of(out.points.begin(), out.points.end(), [&](const Point& p) { return p.cell == h.cell; }))
        problems_.add(element.place, fmt::format("hypotheses: the sweep has no cell '{}'; --dry-run shows which there are", h.cell));
      out.hypotheses.push_back(std::move(h));
    }
  }

  void check_different(const Experiment& out) {
    std::map<std::string, const Point*> seen;
    for (const Point& point : out.points) {
      if (!point.stage.empty() || point.settle) continue;  // a search's last rung is what it finds, on other seeds
      if (const auto [first, fresh] = seen.emplace(point.hash, &point); !fresh)
        problems_.add(at_[point.slug],
                      fmt::format("{} are the same configuration, and would repeat each other bit for bit; leave one out",
                                  point.varies.empty() ? fmt::format("policies '{}' and '{}'", first->second->policy.name, point.policy.name)
                                                       : fmt::format("points '{}' and '{}'", first->second->slug, point.slug)));
    }
  }

  ExperimentTree tree_;
  std::vector<TomlValue> assignments_;
  Problems& problems_;
  std::vector<SweepAxis> axes_;
  std::map<std::string, Place> at_;  // of the policy of each point, by slug
  std::map<Cell, Search> searches_;
  std::map<Cell, std::size_t> final_;  // the point that is compared
};

}  // namespace

Experiment expand_experiment(const ExperimentTree& tree, const std::vector<TomlValue>& assignments, const std::filesystem::path& file, Problems& problems) {
  return Expansion(tree, assignments, problems).resolve(file);
}

}  // namespace fader

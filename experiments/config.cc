#include "experiments/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "core/error.h"
#include "experiments/axes.h"
#include "experiments/control.h"
#include "experiments/experiment_tree.h"
#include "experiments/halving.h"
#include "experiments/options_reader.h"
#include "experiments/point_reader.h"
#include "experiments/resolve.h"
#include "trainer/ranks.h"

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

class Resolver {
 public:
  Resolver(ExperimentTree tree, std::vector<TomlValue> assignments, Problems& problems)
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
    else if (sweep && sweep->table()) problems_.add(sweep->place, "sweep: nothing varies; write [sweep.over] and what is to vary, over which values");
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
  }

  /// All points of a policy.
  void expand(Experiment& out, std::size_t p) {
    const TomlValue& policy = (*tree_.root.find("policies")->list())[p];
    std::vector<const Axis*> axes;
    for (const Axis& axis : axes_)
      if (axis.policy().empty() || axis.policy() == name_of(policy)) axes.push_back(&axis);
    const SweepMethod& sweep = out.sweep;
    double product = 1;
    for (const Axis* axis : axes) {
      product *= static_cast<double>(axis->choices().size());
      if (!axis->is_list() && sweep.method == "grid")
        problems_.add(axis->place(), fmt::format("sweep.over.{} is a range, which a grid cannot go through; list values, or set sweep.method = \"random\"", axis->name()));
    }
    if (!problems_.empty()) return read_as(out, p, {}, {});  // for what else is wrong
    if (product > kMostPoints && sweep.method == "grid")
      return problems_.add(axes[0]->place(), fmt::format("the grid has {:.0f} points for one policy; at most {} are taken: vary less, or draw some with "
                                                         "sweep.method = \"random\"", product, kMostPoints));
    const bool listed = std::all_of(axes.begin(), axes.end(), [](const Axis* axis) { return axis->is_list(); });
    const bool drawn = sweep.method != "grid" && !(listed && product <= static_cast<double>(sweep.samples));
    const auto combinations = drawn ? drawn_combinations(axes, static_cast<std::size_t>(sweep.samples), static_cast<std::uint64_t>(sweep.seed)) : all_combinations(axes);
    if (sweep.method == "halving" && combinations.size() > 1) return search(out, p, combinations);
    for (const Combination& combination : combinations) read_as(out, p, combination, {});
  }

  /// Candidates of a search, rung by rung, and the point that the best of them becomes.
  void search(Experiment& out, std::size_t p, const std::vector<Combination>& candidates) {
    const SweepMethod& sweep = out.sweep;
    Halving halving{candidates.size(), static_cast<std::size_t>(sweep.rungs), static_cast<std::size_t>(sweep.eta), sweep.metric, true};
    std::vector<Point> finals;
    for (const Combination& candidate : candidates) {
      Experiment alone;
      read_as(alone, p, candidate, {});
      if (alone.points.empty() || !problems_.empty()) return;
      finals.push_back(std::move(alone.points[0]));
    }
    if (halving.metric.empty()) halving.metric = finals[0].trains() ? "final/loss_validation" : "return";
    halving.lower_is_better = halving.metric != "return";
    std::vector<std::vector<std::size_t>> rungs(halving.rungs);
    for (std::size_t r = 0; r < halving.rungs; ++r)
      for (std::size_t c = 0; c < candidates.size(); ++c) {
        rungs[r].push_back(out.points.size());
        read_as(out, p, candidates[c], {{static_cast<std::ptrdiff_t>(r), rung_settings(halving, sweep, finals[c], r)}});
        if (!problems_.empty()) return;
      }
    link_rungs(halving, rungs, out.points);
    Point final = finals[0];
    final.slug = slug_of("policy=" + final.policy.name);
    final.cell.clear();
    link_winner(halving, rungs.back(), out.points, std::move(finals), final);
    out.points.push_back(std::move(final));
  }

  /// What a candidate plays at a rung otherwise than in the end.
  std::vector<TomlValue> rung_settings(const Halving& halving, const SweepMethod& sweep, const Point& final, std::size_t rung) {
    const Place place = tree_.root.find("sweep")->place;
    const auto set = [&](const std::string& path, TomlValue value) {
      std::string rest = path;
      for (std::size_t dot; (dot = rest.rfind('.')) != std::string::npos; rest.resize(dot)) value = {TomlTable{{rest.substr(dot + 1), place, std::move(value)}}, place, ""};
      return TomlValue{TomlTable{{rest, place, std::move(value)}}, place, ""};
    };
    TomlList seeds;
    const auto shift = sweep.resource.empty() ? static_cast<std::int64_t>(rung * sweep.seeds.size()) : 0;
    for (const std::int64_t seed : sweep.seeds) seeds.push_back({seed + shift, place, ""});
    std::vector<TomlValue> out = {set("run.seeds", {std::move(seeds), place, ""})};
    if (sweep.resource.empty()) return out;
    for (const Setting& s : settings(final)) {
      if (s.path() != sweep.resource) continue;
      std::int64_t whole = 0;
      if (std::from_chars(s.value.data(), s.value.data() + s.value.size(), whole).ptr == s.value.data() + s.value.size()) {
        out.push_back(set(sweep.resource, {resource_at(halving, whole, rung), place, ""}));
        return out;
      }
    }
    problems_.add(place, fmt::format("sweep.resource is '{}'; expected a whole number of the run, such as train.intervals, or \"\"", sweep.resource));
    return out;
  }

  struct Rung {
    std::ptrdiff_t index;
    std::vector<TomlValue> settings;
  };

  /// Reads a point and says what it is called. Left out where the policy speaks of an agent that the combination leaves out.
  void read_as(Experiment& out, std::size_t p, const Combination& combination, const std::optional<Rung>& rung) {
    const TomlValue& policy = (*tree_.root.find("policies")->list())[p];
    const std::string name = name_of(policy);
    const std::string shown = tree_.root.find("policies")->list()->size() == 1 ? "policy" : name.empty() ? fmt::format("policy {}", p + 1) : "policies." + name;
    for (const Choice& choice : combination)
      if (const TomlValue* agent = policy.find("agent"); choice.agents && agent && agent->text() && !contains(*choice.agents, *agent->text())) return;
    const TomlValue root = varied_tree(policy, shown, combination, rung ? rung->settings : std::vector<TomlValue>());
    const TomlValue* list = root.find("policies");
    Point point = read_point(root, list && list->list() && p < list->list()->size() ? &(*list->list())[p] : &policy, shown, tree_.file, problems_);
    if (problems_.empty()) identify(point, out, policy, combination, rung);
    out.points.push_back(std::move(point));
  }

  void identify(Point& point, const Experiment& out, const TomlValue& policy, const Combination& combination, const std::optional<Rung>& rung) {
    std::string slug = rung ? fmt::format("search={},rung={}", point.policy.name, rung->index) : "policy=" + point.policy.name;
    slug += varied(point, policy.find("set"));
    for (const Choice& choice : combination) {
      std::string key = choice.axis;
      for (const std::string& own : {"policies." + point.policy.name + ".", std::string("policy.")})
        if (key.starts_with(own)) key.erase(0, own.size());
      slug += fmt::format(",{}={}", key, in_a_name(choice.text));
      point.varies.push_back(choice.shown());
      if (is_of_environment(choice)) point.cell += (point.cell.empty() ? "" : ",") + choice.shown();
    }
    if (rung) point.stage = "search";
    const bool single = axes_.empty() && tree_.root.find("policies")->list()->size() == 1;
    point.slug = single ? "base" : slug_of(slug);
    at_[point.slug] = policy.place;
    point.hash = point_hash(point);
    point.toml = resolved_toml(experiment_name(out.file), tree_.question, point);
  }

  bool is_of_environment(const Choice& choice) const {
    return std::any_of(axes_.begin(), axes_.end(), [&](const Axis& axis) { return axis.name() == choice.axis && axis.policy().empty(); });
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
    if (!set && combination.empty()) return root;
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
        if (std::none_of(out.points.begin(), out.points.end(), [&](const Point& p) { return p.policy.name == name; }))
          problems_.add(element.place, fmt::format("hypotheses: the experiment has no policy '{}'", name));
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
  std::vector<Axis> axes_;
  std::map<std::string, Place> at_;  // of the policy of each point, by slug
};

}  // namespace

void RunOptions::fields(Fields& f) {
  constexpr double kMany = 1e9;
  f("seeds", seeds, "one run each; equal seeds pair the policies", 0).not_in_hash();
  f("device", device, "where language models are trained").one_of({"cpu", "cuda"});
  f("threads", threads, "of one run", 1, 1024);
  f("pinned", pinned, "whether threads are bound to cores of their own, where there are any left").not_in_hash();
  f("processes", processes, "that train one model together, each on a part of every batch: start as many, with mpirun or torchrun", 1, kMostRanks);
  f("rank_seconds", rank_seconds, "how long one of several processes may be silent before the others take it for lost", 1, 1e6).not_in_hash();
  f("episodes", episodes, "pretraining runs that a policy learns from, one after another; one that does not learn plays none of them when there "
    "are episodes of evaluation", 1, kMany);
  f("members", members, "episodes that are played at once, in lockstep, under one policy", 1, 4096);
  f("evaluation_episodes", evaluation_episodes, "played afterwards with the policy frozen; what is compared is their mean", 0, kMany);
  f("log_episodes", log_episodes, "kept in full in run.h5, spread evenly over all; the others are a row of /summary", 1, 10000);
  f("log_steps", log_steps, "a row of run.h5 for every optimiser step").not_in_hash();
  f("checkpoint_seconds", checkpoint_seconds, "between checkpoints; 0: only when a signal asks for one", 0, kMany).not_in_hash();
  f("checkpoints_kept", checkpoints_kept, "how many of the newest checkpoints stay", 1, kMany).not_in_hash();
  f("checkpoint_intervals", checkpoint_intervals, "a checkpoint after every so many intervals, kept for good; 0: none", 0, kMany).not_in_hash();
}

void RunOptions::validate() const {
  if (device == "cuda" && processes > 1)
    throw ConfigError(fmt::format("processes is {} and device is \"cuda\", whose models are not shared among processes; set one of "
                                  "them otherwise", processes));
  if (seeds.empty()) throw ConfigError("seeds: the list is empty; expected at least one seed");
  std::set<std::int64_t> seen;
  for (const std::int64_t seed : seeds)
    if (!seen.insert(seed).second)
      throw ConfigError(fmt::format("seeds: {} is listed twice; a seed's run can be made once only", seed));
}

void Deployment::fields(Fields& f) {
  f("init_from", init_from, "a run's folder, or its console.bin: what that console has learned is what this one begins with").path().not_in_hash();
  f("init_sha256", init_sha256, "of that console; found when it is read, and compared when it is given");
  f("frozen", frozen, "plays the best it knows and learns nothing");
  f("control", control, "a null control: what the policy is fed is spoiled on purpose").one_of(control_names());
}

void Deployment::validate() const {
  if (!init_sha256.empty() && init_from.empty()) throw ConfigError("init_sha256 is given and init_from is not; say where the console is");
}

void CompareOptions::fields(Fields& f) {
  f("baseline", baseline, "name of the policy that the others are compared with; empty: the first");
  f("metric", metric, "what is compared, lower being better: a number of each episode in run.h5");
  f("confidence", confidence, "of the intervals", 0.5, 0.9999);
  f("screening", screening, "many policies are looked at to find those worth a closer look: the report gives no verdict");
}

void HypothesisOptions::fields(Fields& f) {
  f("name", stated.name, "what is claimed, in words");
  f("policy", stated.policy, "name of the policy that it is about");
  f("against", stated.against, "the policy that it is compared with; empty: compare.baseline");
  f("metric", stated.metric, "what is compared; empty: compare.metric");
  f("direction", stated.direction, "how `policy` is said to end, compared with `against`").one_of({"lower", "higher", "different"});
  f("cell", stated.cell, "of a sweep of the environment, the cell that it speaks of; empty: every one");
}

void SweepMethod::fields(Fields& f) {
  f("method", method, "grid: all combinations; random: some, by chance; halving: for each policy, the best of some by successive halving")
      .one_of({"grid", "random", "halving"});
  f("samples", samples, "random, halving: combinations that are drawn; all, where there are no more", 1, 100000);
  f("seed", seed, "random, halving: of these draws", 0);
  f("rungs", rungs, "halving: rounds of a search", 1, 10);
  f("eta", eta, "halving: one in so many goes on to the next round, with so many times as much of the resource", 2, 100);
  f("seeds", seeds, "halving: that candidates are tried on; the winner plays run.seeds", 0);
  f("resource", resource, "halving: the whole number of the run that candidates get less of in early rounds; empty: all rounds are whole, on seeds of their own");
  f("metric", metric, "halving: what the best is chosen by; empty: final/loss_validation, lower being better, or where nothing is trained the return");
}

void SweepMethod::validate() const {
  if (method != "halving") return;
  if (seeds.empty()) throw ConfigError("seeds: the list is empty; expected at least one seed to try candidates on");
}

Experiment load_experiment(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  Problems problems;
  ExperimentTree tree = read_experiment(file, problems);
  std::vector<TomlValue> assignments;
  for (std::size_t i = 0; i < overrides.size(); ++i)
    assignments.push_back(parse_assignment(overrides[i], 1000 + static_cast<int>(i), problems));
  if (!tree.complete) problems.raise();
  return Resolver(std::move(tree), std::move(assignments), problems).resolve(file);
}

Experiment load_resolved(const std::filesystem::path& file) {
  Problems problems;
  ExperimentTree tree = read_experiment(file, problems, true);
  if (!tree.complete) problems.raise();
  return Resolver(std::move(tree), {}, problems).resolve(file);
}

}  // namespace fader

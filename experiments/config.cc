#include "experiments/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/error.h"
#include "experiments/control.h"
#include "experiments/experiment_tree.h"
#include "experiments/options_reader.h"
#include "experiments/point_reader.h"
#include "experiments/resolve.h"
#include "trainer/ranks.h"

namespace fader {
namespace {

const std::vector<std::string> kTopLevel = {"name", "base",   "run",      "corpus", "model",  "train",
                                            "env",  "agents", "policies", "policy", "compare"};
const std::vector<std::string> kMayVary = {"run", "corpus", "model", "train", "env", "agents"};  // by `set` of a policy

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

// "policy=ucb,env.selection=top_k": what distinguishes a point, with the values that it ended up with.
std::string varied(const Point& point, const TomlValue* set) {
  std::string out = "policy=" + point.policy.name;
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
    read_points(out);
    OptionsReader(problems_, {}).read(tree_.root.find("compare"), "compare", "compare", out.compare, {}, tree_.file);
    check_baseline(out);
    problems_.raise();
    identify(out);
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
    for (const TomlValue& policy : *list->list()) {
      const std::string name = name_of(policy);
      const std::string shown = list->list()->size() == 1 ? "policy"
                                : name.empty()            ? fmt::format("policy {}", out.points.size() + 1)
                                                          : "policies." + name;
      out.points.push_back(read_point(varied_tree(policy, shown), &policy, shown, tree_.file, problems_));
    }
  }

  // The tree as this policy has it: `set` over the file, --set over both.
  TomlValue varied_tree(const TomlValue& policy, const std::string& shown) {
    TomlValue root = tree_.root;
    const TomlValue* set = policy.find("set");
    if (!set) return root;
    if (!set->table()) {
      problems_.add(set->place, fmt::format("{}.set is {}; expected a table, as in set = {{ \"train.batch\" = 8 }}", shown,
                                            set->found()));
      return root;
    }
    for (const TomlEntry& entry : *set->table()) {
      if (!contains(kMayVary, entry.key))
        problems_.add(entry.place, fmt::format("{}.set: '{}' cannot be set for one policy; expected a key below {}", shown,
                                               entry.key, fmt::join(kMayVary, ", ")));
      else if (entry.key == "run" && entry.value.find("seeds"))
        problems_.add(entry.place, fmt::format("{}.set: run.seeds are the same for all policies, so that comparisons are paired",
                                               shown));
      else merge_named(root, {TomlTable{entry}, set->place, ""}, problems_);
    }
    for (const TomlValue& assignment : assignments_) apply_override(root, assignment, problems_);
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

  // Hash, slug and text of points that are otherwise in order.
  void identify(Experiment& out) {
    std::map<std::string, std::string> seen;  // hash -> policy
    const TomlList& list = *tree_.root.find("policies")->list();
    for (std::size_t i = 0; i < out.points.size(); ++i) {
      Point& point = out.points[i];
      point.hash = point_hash(point);
      point.slug = out.points.size() == 1 ? "base" : slug_of(varied(point, list[i].find("set")));
      point.toml = resolved_toml(out.name, out.question, point);
      if (const auto [first, fresh] = seen.emplace(point.hash, point.policy.name); !fresh)
        problems_.add(list[i].place, fmt::format("policies '{}' and '{}' are the same configuration, and would repeat each "
                                                 "other bit for bit; leave one out", first->second, point.policy.name));
    }
  }

  ExperimentTree tree_;
  std::vector<TomlValue> assignments_;
  Problems& problems_;
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

#include "experiments/point_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "env/reward.h"
#include "experiments/options_reader.h"
#include "experiments/saved_console.h"
#include "policies/presets.h"
#include "policies/replay.h"
#include "store/store.h"

namespace fader {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Full names of the options of all sections, to point at when a key stands in the wrong one.
const std::vector<std::string>& option_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    const auto add = [&](const std::string& section, Options& options) {
      for (const Option& o : options.list())
        if (!contains(out, section + "." + o.name)) out.push_back(section + "." + o.name);
    };
    Point point;
    CompareOptions compare;
    add("run", point.run);
    add("corpus", point.corpus);
    add("model", point.model);
    add("train", point.train);
    for (const std::string& kind : environments().names()) add("env", *environments().at(kind).options());
    add("compare", compare);
    return out;
  }();
  return names;
}

class PointReader {
 public:
  PointReader(const TomlValue& root, const Place& file, Problems& problems)
      : root_(root), file_(file), problems_(problems), reader_(problems, option_names()) {}

  Point read(const TomlValue* policy, const std::string& shown) {
    read_env();
    section("run", point_.run);
    const bool known = point_.env.options != nullptr;
    if (known && !point_.trains()) {
      refuse_training();
    } else {  // an unknown environment probably trains: say what else is wrong
      section("corpus", point_.corpus);
      section("model", point_.model);
      section("train", point_.train);
      read_agents(known);
    }
    if (policy) read_policy(*policy, shown);
    for (const auto& [path, place] : reader_.places()) point_.origins[path] = place.origin();
    settle_precision();
    return std::move(point_);
  }

 private:
  void section(const std::string& name, Options& options) { reader_.read(root_.find(name), name, name, options, {}, file_); }

  // Once and for all: a run that goes on elsewhere, or is repeated there, computes as it began.
  void settle_precision() {
    if (point_.env.options == nullptr || !point_.trains() || point_.train.precision != "auto") return;
    point_.train = point_.train.resolved();
    if (point_.run.device == "cuda") point_.train.precision = "bfloat16";
    point_.origins["train.precision"] = "auto, on the machine that began";
  }

  void read_env() {
    const std::size_t before = problems_.size();
    if (const TomlValue* env = root_.find("env")) point_.env = chosen(environments(), *env, "env", "env", {"kind"});
    else problems_.add(file_, fmt::format("there is no environment; write [env] and kind = one of: {}",
                                          fmt::join(environments().names(), ", ")));
    env_sound_ = problems_.size() == before;
  }

  void read_policy(const TomlValue& policy, const std::string& shown) {
    const std::size_t before = problems_.size();
    std::vector<std::string> skip = {"kind", "name", "set"}, own = skip;
    for (const Option& o : point_.deployment.list()) skip.push_back(o.name);
    point_.policy = chosen(policies(), policy, shown, "policy", skip);
    if (point_.policy.options == nullptr) return;
    for (const Option& o : point_.policy.options->list()) own.push_back(o.name);
    reader_.read(&policy, shown, "policy", point_.deployment, own, file_);
    if (problems_.size() > before) return;
    identify_console(policy, shown);
    read_schedule(policy, shown);
    if (point_.env.options) check_policy(policy, shown);
  }

  // What a policy begins with is known by its content, not by where it lies.
  void identify_console(const TomlValue& policy, const std::string& shown) {
    Deployment& d = point_.deployment;
    if (d.init_from.empty()) return;
    const Place& place = policy.find("init_from")->place;
    std::string found;
    try {
      found = console_sha256(d.init_from);
    } catch (const DataError& error) {
      if (d.init_sha256.empty()) problems_.add(place, fmt::format("{}.init_from: {}", shown, error.what()));
      return;  // of a resolved file: it may have been moved since, and is looked for again when the run is made
    }
    if (!d.init_sha256.empty() && d.init_sha256 != found)
      return problems_.add(place, fmt::format("{}.init_from: {} has another content than when this was written: its sha256 is {}, {} is expected",
                                              shown, d.init_from, found, d.init_sha256));
    d.init_sha256 = found;
    point_.origins["policy.init_sha256"] = "the content of init_from";
  }

  // A replay is of what was played, not of where that lies now: the weights themselves become part of the configuration.
  void read_schedule(const TomlValue& policy, const std::string& shown) {
    auto* logged = dynamic_cast<LoggedOptions*>(point_.policy.options.get());
    if (!logged || logged->from.empty() || !logged->schedule.empty()) return;
    const Place& place = policy.find("from")->place;
    try {
      const std::filesystem::path given = logged->from;
      const RunReader run(std::filesystem::is_directory(given) ? given / "run.h5" : given);
      const auto episodes = static_cast<std::int64_t>(run.episodes()), asked = logged->episode;
      if (asked >= episodes) throw DataError(fmt::format("has {} episodes in full, and episode {} is asked for", episodes, asked));
      const std::vector<double> actions = run.read(static_cast<std::size_t>(asked < 0 ? episodes - 1 : asked), "actions");
      const std::size_t k = run.labels("actions").size();
      if (k == 0 || actions.empty()) throw DataError("has played nothing yet");
      if (const auto agents = agents_of_env(); !agents.empty() && run.labels("actions") != agents)
        throw DataError(fmt::format("mixes the agents {}, and here are {}", fmt::join(run.labels("actions"), ", "), fmt::join(agents, ", ")));
      for (std::size_t i = 0; i < actions.size(); i += k)
        logged->schedule.emplace_back(actions.begin() + static_cast<std::ptrdiff_t>(i), actions.begin() + static_cast<std::ptrdiff_t>(i + k));
      point_.origins["policy.schedule"] = "the run that from names";
    } catch (const DataError& error) {
      problems_.add(place, fmt::format("{}.from: {}: {}", shown, logged->from, error.what()));
    }
  }

  void read_agents(bool needed) {
    const TomlValue* list = root_.find("agents");
    const std::string advice = fmt::format("write [[agents]] and kind = one of: {}", fmt::join(agents().names(), ", "));
    if (list && !list->list())
      return problems_.add(list->place, fmt::format("agents is {}; write [[agents]], in two brackets, once for each agent",
                                                    list->found()));
    if (!list || list->list()->empty()) {
      if (needed)
        problems_.add(list ? list->place : file_,
                      fmt::format("there are no agents, and environment '{}' needs at least one; {}", point_.env.kind, advice));
      return;
    }
    for (std::size_t i = 0; i < list->list()->size(); ++i) {
      const TomlValue& agent = (*list->list())[i];
      const std::string name = name_of(agent);
      point_.agents.push_back(chosen(agents(), agent, name.empty() ? fmt::format("agent {}", i + 1) : "agents." + name,
                                     fmt::format("agents.{}", i), {"kind", "name"}));
    }
  }

  void refuse_training() {
    for (const auto& [name, shown] : {std::pair{"corpus", "[corpus]"}, {"model", "[model]"}, {"train", "[train]"},
                                      {"agents", "[[agents]]"}})
      if (const TomlValue* present = root_.find(name))
        problems_.add(present->place, fmt::format("environment '{}' has a known answer and trains nothing; leave {} out, or "
                                                  "choose an env.kind that trains", point_.env.kind, shown));
  }

  // What a policy says of agents and rewards is looked up when it is made; what can be known before is said before, with its
  // place.
  void check_policy(const TomlValue& policy, const std::string& shown) {
    const std::vector<std::string> names = agents_of_env();
    if (names.empty() || contains(names, "")) return;
    for (const Option& o : point_.policy.options->list()) {
      const TomlValue* given = policy.find(o.name);
      if (!given) continue;
      const auto* text = std::get_if<std::string*>(&o.target);
      const auto* weights = std::get_if<std::vector<double>*>(&o.target);
      const auto* bandit = dynamic_cast<const BanditOptions*>(point_.policy.options.get());
      const auto refuse = [&](const std::string& what) { problems_.add(given->place, fmt::format("{}.{}", shown, what)); };
      const auto look_up = [&](const std::string& noun, const std::vector<std::string>& known) {
        if (!(*text)->empty() && !contains(known, **text))
          refuse(fmt::format("{}: there is no {} '{}'{}", o.name, noun, **text, suggestion(**text, known)));
      };
      try {
        if (text && o.name == "agent") look_up("agent", names);
        if (text && o.name == "reward" && point_.trains()) look_up("reward", rewards().names());
        if (weights && o.name == "weights" && !(*weights)->empty()) checked_weights(**weights, names, o.name);
        if (bandit && o.name == "presets_list") make_presets(*bandit, PolicyContext{names, {}, 1, 0, 1});
      } catch (const ConfigError& e) {
        refuse(e.what());
      }
    }
  }

  // Empty while they are not known.
  std::vector<std::string> agents_of_env() const {
    std::vector<std::string> names;
    if (!point_.trains() && env_sound_) names = environments().at(point_.env.kind).make(*point_.env.options, {})->spec().agents;
    for (const Chosen& agent : point_.agents) names.push_back(agent.name);
    return names;
  }

  // `skip`: keys that are not options; "name" is among them when the thing has one.
  template <class Shelf>
  Chosen chosen(const Shelf& shelf, const TomlValue& table, const std::string& shown, const std::string& path,
                const std::vector<std::string>& skip) {
    Chosen out;
    const std::vector<std::string> known = shelf.names();
    if (!table.table()) {
      problems_.add(table.place, fmt::format("{} is {}; expected a table with a kind, one of: {}", shown, table.found(),
                                             fmt::join(known, ", ")));
      return out;
    }
    if (contains(skip, "name")) read_name(table, shown, path, out);
    const TomlValue* kind = table.find("kind");
    if (!kind || !kind->text()) {
      const std::string has = kind ? "has a kind that is " + kind->found() : "has no kind";
      problems_.add(kind ? kind->place : table.place,
                    fmt::format("{} {}; expected kind = one of: {}", shown, has, fmt::join(known, ", ")));
      return out;
    }
    out.kind = *kind->text();
    if (out.name.empty()) out.name = out.kind;
    if (!shelf.has(out.kind)) {
      problems_.add(kind->place, fmt::format("no {} '{}'{}", shelf.noun(), out.kind, suggestion(out.kind, known)));
      return out;
    }
    reader_.note(path + ".kind", kind->place);
    out.options = shelf.at(out.kind).options();
    reader_.read(&table, shown, path, *out.options, skip, file_);
    return out;
  }

  void read_name(const TomlValue& table, const std::string& shown, const std::string& path, Chosen& out) {
    const TomlValue* name = table.find("name");
    if (!name) return;
    const std::string problem =
        name->text() ? name_problem(*name->text(), "_-+") : fmt::format("is {}; expected a text", name->found());
    if (!problem.empty()) return problems_.add(name->place, fmt::format("{}: name {}", shown, problem));
    out.name = *name->text();
    reader_.note(path + ".name", name->place);
  }

  const TomlValue& root_;
  const Place& file_;
  Problems& problems_;
  OptionsReader reader_;
  Point point_;
  bool env_sound_ = false;
};

}  // namespace

Point read_point(const TomlValue& root, const TomlValue* policy, const std::string& shown, const Place& file,
                 Problems& problems) {
  return PointReader(root, file, problems).read(policy, shown);
}

std::string name_problem(const std::string& name, const std::string& also) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool fine = !name.empty() && name.size() <= 64 && (plain(name[0]) || name[0] == '_') &&
                    std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || also.find(c) != std::string::npos; });
  return fine ? "" : fmt::format("is '{}'; expected 1 to 64 letters, digits or any of {}, a letter, digit or _ first", name,
                                 fmt::join(also, " "));
}

std::string hint_section(const std::string& key) {
  Problems none;
  return OptionsReader(none, option_names()).hint_elsewhere(key);
}

}  // namespace fader

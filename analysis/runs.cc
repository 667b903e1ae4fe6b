#include "analysis/runs.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

#include "analysis/run_setup.h"
#include "analysis/stats.h"
#include "core/error.h"
#include "store/store.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSeed = "seed-";

std::vector<fs::path> folders_in(const fs::path& dir) {
  std::vector<fs::path> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(dir, ignored))
    if (entry.is_directory(ignored) && entry.path().filename().string()[0] != '.') out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

bool is_seed_folder(const fs::path& p) { return p.filename().string().starts_with(kSeed); }
bool is_point_folder(const fs::path& p) { return std::ranges::any_of(folders_in(p), is_seed_folder); }
bool is_experiment_folder(const fs::path& p) { return std::ranges::any_of(folders_in(p), is_point_folder); }

std::optional<std::uint64_t> seed_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  const char *begin = name.data() + kSeed.size(), *end = name.data() + name.size();
  std::uint64_t seed = 0;
  const auto [rest, error] = std::from_chars(begin, end, seed);
  return error == std::errc() && rest == end ? std::optional(seed) : std::nullopt;
}

std::string as_text(const Attribute& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string>) return v;
        else if constexpr (std::is_arithmetic_v<T>) return fmt::format("{}", v);
        else return fmt::format("{}", fmt::join(v, ","));
      },
      value);
}

std::string text(const Attributes& attributes, const std::string& name, const std::string& otherwise = "") {
  const auto found = attributes.find(name);
  return found == attributes.end() ? otherwise : as_text(found->second);
}

std::string need(const Attributes& attributes, const std::string& name) {
  const std::string value = text(attributes, name);
  if (value.empty()) throw DataError(fmt::format("a run without the attribute '{}': not written by run_experiment?", name));
  return value;
}

/// What a file holds of one episode, absent columns being empty.
class EpisodeReader {
 public:
  EpisodeReader(const RunReader& reader, std::size_t episode) : reader_(reader), episode_(episode) {}
  std::vector<double> column(const std::string& path) const {
    if (!reader_.has(path)) return {};
    std::vector<double> values = reader_.read(episode_, path);
    const bool known = std::ranges::any_of(values, [](double v) { return std::isfinite(v); });
    return known ? values : std::vector<double>{};
  }
  double number(const std::string& path) const {
    const std::vector<double> values = column(path);
    return values.size() == 1 ? values[0] : stats::kNaN;
  }
  /// The last of the rows of `width` numbers.
  std::vector<double> last_row(const std::string& path, std::size_t width) const {
    std::vector<double> values = column(path);
    if (values.size() < width) return std::vector<double>(width, stats::kNaN);
    return {values.end() - static_cast<std::ptrdiff_t>(width), values.end()};
  }
  std::vector<std::string> labels(const std::string& path) const {
    return reader_.has(path) ? reader_.labels(path) : std::vector<std::string>{};
  }
  std::string unit(const std::string& path) const { return said(path, &Column::unit); }
  /// What the file says about a column.
  std::string said(const std::string& path, std::string Column::* what) const {
    const auto column = std::ranges::find(reader_.columns(), path, &Column::path);
    return column == reader_.columns().end() ? "" : (*column).*what;
  }

  /// Rows of `width` numbers; empty when they are not there or of another width.
  Grid<double> grid(const std::string& path, std::size_t width) const {
    const std::vector<double> values = column(path);
    Grid<double> out;
    if (width == 0 || values.size() % width != 0) return out;
    out.resize(values.size() / width, width);
    std::ranges::copy(values, out.view().flat().begin());
    return out;
  }

 private:
  const RunReader& reader_;
  std::size_t episode_;
};

void require_complete(const RunReader& reader) {
  if (reader.episodes() == 0) throw DataError("holds no episode");
  const Committed done = reader.committed(reader.episodes() - 1);
  if (reader.status() == RunStatus::running)
    throw DataError(fmt::format("not complete: {} intervals so far (running, or stopped half-way; --resume goes on)", done.intervals));
  if (reader.status() == RunStatus::failed) throw DataError(fmt::format("failed after {} intervals", done.intervals));
}

void read_weights(const EpisodeReader& episode, RunRecord& run) {
  const std::vector<double> arms = episode.column("console/arm");
  run.agents = episode.labels("actions");
  const std::size_t k = run.agents.size();
  run.weights = episode.grid("actions", k);
  if (run.weights.rows() == 0) return;
  run.adapts = std::ranges::any_of(arms, [](double arm) { return arm >= 0; });
  const std::span<const double> actions = run.weights.view().flat();
  for (std::size_t i = k; i < actions.size(); ++i) run.adapts |= std::abs(actions[i] - actions[i % k]) > 1e-12;
}

/// The estimator that is measured unless the experiment asks for others, or else the first of those that it asked for.
std::string shown_credit(const RunReader& reader) {
  const std::string prefix = "credit/", usual = prefix + "byproduct_regression";
  if (reader.has(usual)) return usual;
  std::string first;
  for (const Column& c : reader.columns()) {
    const bool free_of_charge = c.path == "credit/training_loss" || c.path == "credit/seed_code" || c.path == "credit/agent_reward";
    if (!c.path.starts_with(prefix) || c.path.ends_with("_se")) continue;
    if (first.empty() || (!free_of_charge && c.path < first)) first = c.path;
  }
  return first;
}

void read_credit(const RunReader& reader, const EpisodeReader& episode, RunRecord& run) {
  const std::string path = shown_credit(reader);
  if (path.empty()) return;
  run.credit = episode.grid(path, run.agents.size());
  if (run.credit.rows() > 0) run.credit_name = path.substr(path.find('/') + 1);
}

void read_exposure(const EpisodeReader& episode, RunRecord& run) {
  run.trained_domains = episode.labels("corpus/domain_tokens");
  run.trained = episode.grid("corpus/domain_tokens", run.trained_domains.size());
  for (std::size_t t = 0; t < run.trained.rows(); ++t) {
    const std::span<double> row = run.trained[t];
    const double all = std::accumulate(row.begin(), row.end(), 0.0);
    for (double& tokens : row) tokens /= all;
  }
}

void read_costs(const EpisodeReader& episode, RunRecord& run) {
  run.phases = episode.labels("cost/seconds");
  run.seconds = episode.last_row("cost/seconds", run.phases.size());
  run.flops = episode.last_row("cost/flops", run.phases.size());
  run.phase_tokens = episode.last_row("cost/tokens", run.phases.size());
  run.total_seconds = episode.last_row("cost/total_seconds", 1)[0];
  const Grid<double> rows = episode.grid("cost/flops", run.phases.size());
  if (rows.rows() == 0 || run.episodes > 1) return;   // what episodes before this one cost is not in its rows
  const auto sum = [&](std::size_t t, bool setup_alone) {
    double flops = 0;
    for (std::size_t p = 0; p < run.phases.size(); ++p)
      if (setup_alone ? run.phases[p] == "setup" : run.phases[p] != "observe") flops += rows[t][p];
    return flops;
  };
  run.spent.push_back(sum(0, true));
  for (std::size_t t = 0; t < rows.rows(); ++t) run.spent.push_back(sum(t, false));
  const auto train = std::ranges::find(run.phases, "train");
  if (train == run.phases.end() || run.flops[static_cast<std::size_t>(train - run.phases.begin())] <= 0) run.spent.clear();  // nothing was trained
}

void read_identity(const RunReader& reader, const Reading& reading, RunRecord& run) {
  const Attributes& root = reader.root();
  run.policy = need(root, "policy_name");
  run.experiment = need(root, "experiment");
  const std::string seed = need(root, "seed");
  if (seed != std::to_string(run.seed))
    throw DataError(fmt::format("is a run of seed {}, in the folder of another: copied or moved by hand?", seed));
  run.question = text(root, "question");
  run.baseline = text(root, "baseline");
  run.metric = reading.metric.empty() ? text(root, "metric", "final/loss_test") : reading.metric;
  run.corpus = text(root, "corpus_hash");
  run.model = text(root, "model", text(root, "model_parameters"));
  run.config = text(root, "config_sha256");
  run.environment = text(root, "env", text(reader.episode(0), "env"));
  run.program = text(root, "version", "of unknown version") + (root.contains("git_commit") ? ", commit " + text(root, "git_commit") : "");
  run.cell = text(root, "cell");
  run.stage = text(root, "stage");
  run.home = text(root, "point");
  run.setup = read_setup(text(root, "config_toml"));
  if (const auto found = root.find("varies"); found != root.end()) {
    const auto* list = std::get_if<std::vector<std::string>>(&found->second);
    if (!list) throw DataError("states what varies otherwise than as a list of texts");
    for (const std::string& setting : *list)
      if (setting.find('=') == std::string::npos) throw DataError(fmt::format("varies '{}'; expected key=value", setting));
    run.varies = *list;
  }
  if (const auto found = root.find("confidence"); found != root.end())
    if (const double* value = std::get_if<double>(&found->second)) run.confidence = *value;
  if (const auto found = root.find("screening"); found != root.end())
    if (const bool* value = std::get_if<bool>(&found->second)) run.screening = *value;
  if (!(run.confidence > 0 && run.confidence < 1))
    throw DataError(fmt::format("states a confidence of {}; expected a number between 0 and 1", run.confidence));
}

/// The last episode kept in full that was played to evaluate, or else the last.
std::size_t shown_episode(const RunReader& reader) {
  for (std::size_t e = reader.episodes(); e-- > 0;)
    if (text(reader.episode(e), "phase") == "evaluate") return e;
  return reader.episodes() - 1;
}

/// The episodes that the summary has, and those among them that the run is judged by.
void read_summary(const RunReader& reader, RunRecord& run) {
  run.episodes = reader.episodes();
  if (const auto found = reader.root().find("members"); found != reader.root().end())
    if (const auto* members = std::get_if<std::int64_t>(&found->second); members && *members > 0)
      run.members = static_cast<std::size_t>(*members);
  const auto column = [&](const std::string& path) {
    const bool there = std::ranges::find(reader.summary_columns(), path, &Column::path) != reader.summary_columns().end();
    return there ? reader.summary(path) : std::vector<double>(reader.summary_rows(), stats::kNaN);
  };
  const std::vector<double> number = column("episode"), evaluation = column("evaluation"), value = column(run.metric), total = column("return");
  for (std::size_t r = 0; r < number.size(); ++r)
    if (std::isfinite(number[r])) run.played.push_back({static_cast<std::int64_t>(number[r]), evaluation[r] == 1, value[r], total[r]});
  std::ranges::stable_sort(run.played, {}, &PlayedEpisode::number);
  if (run.played.empty()) return;
  run.episodes = run.played.size();
  for (std::size_t i = 0; i < run.played.size(); ++i)
    if (run.played[i].evaluation) run.judged.push_back(i);
  if (!run.judged.empty()) return;
  for (std::size_t i = run.played.size() - std::min(run.members, run.played.size()); i < run.played.size(); ++i) run.judged.push_back(i);
}

template <class Of>
double mean_judged(const RunRecord& run, Of of) {
  double sum = 0;
  for (const std::size_t i : run.judged) sum += run.played[i].*of;
  return sum / static_cast<double>(run.judged.size());
}

RunRecord read_run(const fs::path& folder, std::uint64_t seed, const Reading& reading) {
  const fs::path file = folder / "run.h5";
  if (!fs::exists(file)) throw DataError("no run.h5: not started yet, or removed");
  const RunReader reader(file);
  RunRecord run;
  run.point = folder.parent_path().filename().string();
  run.place = run.point + "/" + folder.filename().string();
  run.seed = seed;
  require_complete(reader);
  read_identity(reader, reading, run);
  read_summary(reader, run);
  const std::size_t shown = shown_episode(reader);
  const EpisodeReader episode(reader, shown);
  const bool summed_up = std::ranges::find(reader.summary_columns(), run.metric, &Column::path) != reader.summary_columns().end();
  run.value_of_shown = run.judged.empty() || !summed_up;
  run.value = run.value_of_shown ? episode.number(run.metric) : mean_judged(run, &PlayedEpisode::value);
  run.value_unit = episode.unit(run.metric);
  run.reference_unit = episode.unit("infos/loss_reference");
  run.tokens_unit = episode.unit("infos/tokens");
  run.loss_reference = episode.number("final/loss_reference");
  run.loss_validation = episode.number("final/loss_validation");
  run.loss_test = episode.number("final/loss_test");
  run.domains = episode.labels("final/loss_test_domain");
  run.loss_test_domain = episode.last_row("final/loss_test_domain", run.domains.size());
  run.tokens = episode.column("infos/tokens");
  run.reference = episode.column("infos/loss_reference");
  run.train = episode.column("infos/loss_train");
  run.validation = episode.column("infos/loss_validation");
  run.rewards = episode.column("rewards");
  const std::string planned = text(reader.episode(shown), "total_steps");
  run.whole = planned.empty() || planned == fmt::format("{}", reader.committed(shown).intervals);
  run.reward_name = episode.said("rewards", &Column::note);
  run.reward_name = run.reward_name.substr(0, run.reward_name.find(','));
  read_weights(episode, run);
  read_credit(reader, episode, run);
  read_exposure(episode, run);
  read_costs(episode, run);
  return run;
}

/// What the message of an error says beyond the name of the file, which is named beside it.
std::string reason_of(const std::string& message, const fs::path& folder) {
  const std::string prefix = (folder / "run.h5").string() + ": ";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
}

using Runs = std::vector<const RunRecord*>;

/// A quantity in which these runs have to agree.
void require_same(const Collection& c, const Runs& these, const std::string& what, std::string (*of)(const RunRecord&)) {
  std::map<std::string, Runs> kinds;
  for (const RunRecord* run : these) kinds[of(*run)].push_back(run);
  if (kinds.size() < 2) return;
  std::string list;
  for (const auto& [value, runs] : kinds)
    list += fmt::format("\n  {}: {} run{}, such as {}", value.empty() ? "(not stated)" : value, runs.size(), runs.size() == 1 ? "" : "s",
                        runs[0]->place);
  throw DataError(fmt::format("{}: these runs cannot be pooled, they differ in {}:{}\nMove those that do not belong to this comparison "
                              "out of the folder, or give each kind an experiment of its own.", c.folder.string(), what, list));
}

/// The whole experiment asks one question; within a cell everything but the policy is the same.
void require_poolable(const Collection& c) {
  Runs all;
  std::map<std::string, Runs> cells;
  for (const RunRecord& run : c.runs) {
    all.push_back(&run);
    cells[run.cell].push_back(&run);
  }
  require_same(c, all, "experiment", [](const RunRecord& r) { return r.experiment; });
  require_same(c, all, "metric", [](const RunRecord& r) { return r.metric; });
  require_same(c, all, "baseline", [](const RunRecord& r) { return r.baseline; });
  require_same(c, all, "confidence", [](const RunRecord& r) { return fmt::format("{}", r.confidence); });
  for (auto& [name, runs] : cells) {
    const std::string where = name.empty() ? "" : fmt::format(" (cell {})", name);
    require_same(c, runs, "corpus" + where, [](const RunRecord& r) { return r.corpus; });
    require_same(c, runs, "model" + where, [](const RunRecord& r) { return r.model; });
    require_same(c, runs, "environment" + where, [](const RunRecord& r) { return r.environment; });
    std::erase_if(runs, [](const RunRecord* r) { return r->stage == "same_flops"; });
    require_same(c, runs, "token budget" + where, [](const RunRecord& r) { return fmt::format("{} tokens", r.budget()); });
  }
  for (std::size_t i = 1; i < c.runs.size(); ++i) {
    const RunRecord &one = c.runs[i - 1], &other = c.runs[i];
    const bool same_config = one.config == other.config || (!one.stage.empty() && one.stage == other.stage);  // made for its seed
    if (one.point == other.point && (one.agents != other.agents || one.policy != other.policy || !same_config || one.cell != other.cell))
      throw DataError(fmt::format("{}: {} and {} are seeds of one point but differ in {}: they cannot be averaged; run the point again "
                                  "or remove the older ones", c.folder.string(), one.place, other.place,
                                  one.policy != other.policy ? "policy" : one.agents != other.agents ? "agents" : "configuration"));
  }
}

/// The metric of runs that have none is taken from their rewards when no run has it; else such runs are left out.
void settle_metric(Collection& c) {
  c.metric = c.runs[0].metric;
  c.metric_missing = std::ranges::none_of(c.runs, [](const RunRecord& r) { return std::isfinite(r.value); });
  const bool rewarded = std::ranges::all_of(c.runs, [](const RunRecord& r) { return std::isfinite(r.judged_return()); });
  if (c.metric_missing && !rewarded)
    throw DataError(fmt::format("{}: no complete run has a finite {}; --metric names another dataset of one number an episode",
                                c.folder.string(), c.metric));
  if (c.metric_missing) {
    for (RunRecord& run : c.runs) {
      run.value = run.judged_return();
      run.value_of_shown = run.judged.empty();
    }
    c.metric = "return";
  }
  std::erase_if(c.runs, [&](const RunRecord& run) {
    if (std::isfinite(run.value)) return false;
    c.left_out.push_back({run.place, run.point, fmt::format("complete, but {} is missing or not a number", run.metric)});
    return true;
  });
}

void collect_point(const fs::path& point, const Reading& reading, Collection& c) {
  const std::string name = point.filename().string();
  for (const fs::path& folder : folders_in(point)) {
    const std::string place = name + "/" + folder.filename().string();
    const auto seed = is_seed_folder(folder) ? seed_of(folder) : std::nullopt;
    if (!seed) {
      c.left_out.push_back({place, name, "not a folder of a run; expected seed-<number>"});
      continue;
    }
    try {
      c.runs.push_back(read_run(folder, *seed, reading));
    } catch (const DataError& error) {
      c.left_out.push_back({place, name, reason_of(error.what(), folder)});
    }
  }
}

}  // namespace

std::vector<double> RunRecord::positions(std::size_t moments) const {
  if (budget() > 0 && tokens.size() == moments) return tokens;
  std::vector<double> out(moments);
  std::iota(out.begin(), out.end(), 0.0);
  return out;
}

double RunRecord::episode_return() const {
  return rewards.empty() ? stats::kNaN : std::accumulate(rewards.begin(), rewards.end(), 0.0);
}

double RunRecord::judged_return() const { return judged.empty() ? episode_return() : mean_judged(*this, &PlayedEpisode::total); }

std::vector<fs::path> experiment_folders(const fs::path& dir) {
  if (!fs::is_directory(dir)) throw DataError(fmt::format("{}: no such folder; expected that of an experiment, runs/<name>", dir.string()));
  if (is_experiment_folder(dir)) return {dir};
  std::vector<fs::path> out;
  for (const fs::path& child : folders_in(dir))
    if (is_experiment_folder(child)) out.push_back(child);
  if (!out.empty()) return out;
  if (is_point_folder(dir))
    throw DataError(fmt::format("{}: the folder of one point; give that of its experiment, one above", dir.string()));
  throw DataError(fmt::format("{}: holds no runs; expected {}/<point>/seed-<n>/run.h5", dir.string(), dir.string()));
}

namespace {

/// One run in the folders of two points would count twice: the one that lies where it says it belongs stays, or else the first.
void leave_out_copies(Collection& c) {
  std::map<std::pair<std::string, std::uint64_t>, std::string> kept;   // places
  for (const bool at_home : {true, false})
    for (const RunRecord& run : c.runs)
      if (!run.home.empty() && (run.home == run.point) == at_home) kept.try_emplace({run.home, run.seed}, run.place);
  std::erase_if(c.runs, [&](const RunRecord& run) {
    if (run.home.empty()) return false;
    const std::string& place = kept.at({run.home, run.seed});
    if (place == run.place) return false;
    c.left_out.push_back({run.place, run.point, fmt::format("a second run of point {} and seed {}, as {} is: copied by hand?", run.home, run.seed, place)});
    return true;
  });
}

/// Runs that nobody would find: not in a folder of their seed.
void name_strays(const fs::path& folder, const std::string& below, const std::string& point, Collection& c) {
  std::set<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.is_regular_file(ignored) && entry.path().extension() == ".h5") names.insert(entry.path().filename().string());
  for (const std::string& name : names) c.left_out.push_back({below + name, point, "not in the folder of a seed; expected <point>/seed-<n>/run.h5"});
}

void set_candidates_apart(Collection& c) {
  std::map<std::string, Searched> searched;
  std::erase_if(c.runs, [&](const RunRecord& run) {
    if (run.stage != "search") return false;
    Searched& s = searched[run.policy];
    s.policy = run.policy;
    ++s.runs;
    s.tokens += run.budget();
    s.unit = run.tokens_unit;
    s.seeds.insert(run.seed);
    return true;
  });
  for (auto& [policy, s] : searched) c.searched.push_back(std::move(s));
}

/// What was planned and is nowhere. Candidates of a search may well not have been played.
void name_missing(Collection& c) {
  if (!c.plan) return;
  std::set<std::string> found;
  for (const RunRecord& run : c.runs) found.insert(run.place);
  for (const LeftOut& item : c.left_out) found.insert(item.place);
  for (const PlannedPoint& point : c.plan->points)
    for (const std::int64_t seed : point.seeds)
      if (const std::string place = fmt::format("{}/seed-{}", point.slug, seed); point.stage != "search" && !found.count(place))
        c.left_out.push_back({place, point.slug, "planned, and not there"});
}

}  // namespace

Collection collect_runs(const fs::path& experiment, const Reading& reading) {
  Collection c;
  c.folder = experiment;
  name_strays(experiment, "", "", c);
  for (const fs::path& child : folders_in(experiment)) {
    const std::string name = child.filename().string();
    if (is_point_folder(child)) {
      name_strays(child, name + "/", name, c);
      collect_point(child, reading, c);
    } else if (name != "tables" && name != "figures" && name != "slurm") c.left_out.push_back({name, "", "not a folder of a point: holds no seed-<n>"});
  }
  std::ranges::stable_sort(c.runs, {}, [](const RunRecord& r) { return std::tie(r.point, r.seed); });
  leave_out_copies(c);
  set_candidates_apart(c);
  c.plan = read_plan(experiment);
  name_missing(c);
  if (c.runs.empty()) {
    std::string list;
    for (const LeftOut& item : c.left_out) list += fmt::format("\n  {}: {}", item.place, item.reason);
    throw DataError(fmt::format("{}: no complete run to report on{}", experiment.string(), list));
  }
  require_poolable(c);
  settle_metric(c);
  return c;
}

}  // namespace fader

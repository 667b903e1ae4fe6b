#include "experiments/sweep.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "core/files.h"
#include "experiments/child.h"
#include "experiments/claims.h"
#include "experiments/outcome.h"
#include "experiments/run.h"
#include "store/plan_file.h"
#include "trainer/cuda/cuda_bank.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr int kStopped = 128;  // exit codes above it: a signal asked for the end

/// Earlier results are never overwritten: the folder gets the first free name of <name>.old-1, .old-2, ...
void move_aside(const fs::path& folder, Display& display) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored) || fs::is_empty(folder, ignored)) return;
  for (int k = 1;; ++k) {
    const fs::path aside = folder.string() + fmt::format(".old-{}", k);
    if (fs::exists(aside)) continue;
    fs::rename(folder, aside);
    display.note(fmt::format("earlier results are now in {} (--resume continues them instead)", aside.string()));
    return;
  }
}

/// Reports of a child shown by the parent.
class Relay final : public Progress {
 public:
  explicit Relay(const Child::Report& report) : report_(report) {}
  void update(std::string_view what, double done, double total, std::string_view unit) override {
    report_({{"what", what}, {"done", done}, {"total", total}, {"unit", unit}});
  }
  void note(std::string_view line) override { report_({{"note", line}}); }

 private:
  Child::Report report_;
};

void show(const nlohmann::json& message, Display& display) {
  if (message.contains("note")) display.note(message["note"].get<std::string>());
  if (message.contains("what"))
    display.update(message["what"].get<std::string>(), message["done"], message["total"], message["unit"].get<std::string>());
}

RunOutcome to_outcome(const nlohmann::json& values) {
  RunOutcome out;
  for (const auto& [name, value] : values.items()) out[name] = value.is_number() ? value.get<double>() : std::nan("");
  return out;
}

/// Of its run.h5, in bytes; 0: there is none.
std::uint64_t size_of_run(const fs::path& folder) {
  std::error_code absent;
  const std::uint64_t bytes = fs::file_size(folder / "run.h5", absent);
  return absent ? 0 : bytes;
}

/// What a sweep finds before it plays anything.
struct Prepared {
  std::vector<std::string> corpus;              ///< by task: hash of its content; "" without one
  std::vector<std::optional<RunOutcome>> found;    ///< by task: complete runs of an earlier start
  std::vector<bool> gone;                       ///< by task: the journal says complete, and its file is not
};

/// Builds what the runs share, checks that every point can be put together, and says which runs are complete already; in a
/// child of its own: libraries that start threads, and files of earlier starts, stay out of the process that forks.
class Preparation {
 public:
  Preparation(const Experiment& experiment, const SweepOptions& options, const Plan& plan, fs::path folder, fs::path cache)
      : experiment_(experiment), options_(options), plan_(plan), folder_(std::move(folder)), cache_(std::move(cache)) {}

  /// Throws what the child found.
  Prepared run(Display& display, const std::atomic<int>& stop) {
    const std::size_t n = plan_.tasks().size();
    Prepared out{std::vector<std::string>(n), std::vector<std::optional<RunOutcome>>(n), std::vector<bool>(n)};
    Child child([&](const Child::Report& report) { work(report); });
    while (!child.ended()) {
      pollfd wait{child.descriptor(), POLLIN, 0};
      ::poll(&wait, 1, 200);
      for (const auto& message : child.receive()) {
        if (message.contains("corpus")) out.corpus.at(message["task"].get<std::size_t>()) = message["corpus"];
        else if (message.contains("values")) out.found.at(message["task"].get<std::size_t>()) = to_outcome(message["values"]);
        else if (message.contains("gone")) out.gone.at(message["task"].get<std::size_t>()) = true;
        else show(message, display);
      }
      if (stop != 0) throw Stopped(stop, "stopped while preparing; nothing was run");  // the child is killed; half-built caches are temporary
    }
    display.clear();
    if (child.ended()->code != 0) throw Error(static_cast<Exit>(child.ended()->code), child.ended()->message);
    return out;
  }

 private:
  void work(const Child::Report& report) {
    Relay relay(report);
    std::map<const Point*, std::string> corpora;
    for (std::size_t i = 0; i < plan_.tasks().size(); ++i) {
      const Point& point = plan_.point(i);
      if (!corpora.count(&point)) corpora[&point] = try_out(point, plan_.tasks()[i].seed, relay);
      if (!corpora[&point].empty()) report({{"task", i}, {"corpus", corpora[&point]}});
    }
    if (!options_.resume || !fs::exists(folder_)) return;
    const Board board = read_board();
    const std::vector<RunKey> keys = plan_.keys();
    for (std::size_t i = 0; i < plan_.tasks().size(); ++i)
      if (const auto outcome = found(i, corpora[&plan_.point(i)], board)) report({{"task", i}, {"values", *outcome}});
      else if (board.of(keys[i]).stage == RunState::Stage::complete && !is_as_left(i, board.of(keys[i]))) report({{"task", i}, {"gone", true}});
  }

  /// Returns the hash of the point's corpus.
  std::string try_out(const Point& point, std::int64_t seed, Progress& progress) const {
    try {
      if (point.run.device == "cuda") first_gpu();  // says that there is none before a corpus is built for nothing
      const auto corpus = corpus_of(point, cache_, progress);
      assemble(point, seed, corpus, progress);
      return corpus ? corpus->hash() : "";
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}: {}", experiment_.file.string(), error.what()));
    }
  }

  Board read_board() const {
    Board board;
    if (!fs::exists(folder_ / "journal.jsonl")) return board;
    Journal journal(folder_ / "journal.jsonl", folder_ / "journal.jsonl");
    for (const auto& line : journal.news()) board.read(line);
    return board;
  }

  /// What a run of an earlier start came to, if it is complete. The journal is believed where the file is as it left it; files that
  /// it does not speak of are looked into.
  std::optional<RunOutcome> found(std::size_t task, const std::string& corpus, const Board& board) const {
    const Point& point = plan_.point(task);
    const std::int64_t seed = plan_.tasks()[task].seed;
    const fs::path folder = run_folder(folder_, point, seed);
    const RunState& state = board.of({point.slug, seed});
    const bool as_it_was = state.stage == RunState::Stage::complete && is_as_left(task, state) && state.corpus == corpus;
    if (as_it_was && (point.settle || state.hash == point.hash)) return state.outcome;
    if (point.settle || !is_complete({experiment_, point, seed, folder, cache_, {}}, corpus)) return std::nullopt;
    return outcome_of(folder / "run.h5", experiment_.compare.metric);
  }

  bool is_as_left(std::size_t task, const RunState& state) const {
    const std::uint64_t bytes = size_of_run(run_folder(folder_, plan_.point(task), plan_.tasks()[task].seed));
    return bytes > 0 && bytes == state.bytes;
  }

  const Experiment& experiment_;
  const SweepOptions& options_;
  const Plan& plan_;
  const fs::path folder_, cache_;
};

nlohmann::json to_json(const Beat& b) {
  return {{"interval", b.interval}, {"horizon", b.horizon}, {"episode", b.episode}, {"episodes", b.episodes},
          {"tokens", b.tokens}, {"loss", b.loss}, {"weights", b.weights}, {"seconds", b.seconds}};
}
Beat to_beat(const nlohmann::json& j) {
  Beat b;
  b.interval = j["interval"];
  b.horizon = j["horizon"];
  b.episode = j["episode"];
  b.episodes = j["episodes"];
  b.tokens = j["tokens"];
  b.loss = j["loss"].is_number() ? j["loss"].get<double>() : std::nan("");
  for (const auto& w : j["weights"]) b.weights.push_back(w.is_number() ? w.get<double>() : 0);
  for (const auto& s : j["seconds"]) b.seconds.push_back(s.get<double>());
  return b;
}

/// Tells the parent how a run goes.
class Teller final : public RunWatcher {
 public:
  explicit Teller(const Child::Report& report) : report_(report) {}
  void beat(const Beat& beat) override {  // of decisions that take no time, ten a second are enough
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    report_(to_json(beat));
  }
  void event(const std::string& kind, const std::string& text) override { report_({{"journal", kind}, {"text", text}}); }

 private:
  Child::Report report_;
  std::chrono::steady_clock::time_point last_{};
};

/// The pool of processes.
class Pool {
 public:
  /// `signals`: what handlers set; a forked child has its own copy, and hears of them from this process alone.
  Pool(const Experiment& experiment, const SweepOptions& options, const Plan& plan, const Prepared& prepared, Claims& claims, Display& display,
       SweepResult& result, const Signals& signals)
      : experiment_(experiment), options_(options), plan_(plan), prepared_(prepared), claims_(claims), display_(display), result_(result), signals_(signals) {}

  void play(std::size_t jobs) {
    int passed_on = 0, asked = signals_.checkpoints;
    while (true) {
      const int stop = signals_.stop != 0 ? signals_.stop.load() : stopped_;
      if (stop != 0 && passed_on == 0) {
        passed_on = stop;
        pass_on(stop);
      }
      if (asked != signals_.checkpoints) {
        asked = signals_.checkpoints;
        pass_on(SIGUSR1);
      }
      const bool leaving = stop != 0 || result_.lost;
      while (!leaving && working_.size() < jobs) {
        auto claim = claims_.next(standing_);
        if (!claim) break;
        start(std::move(*claim));
      }
      display_.runs(claims_.ended(), plan_.tasks().size());
      if (working_.empty() && (leaving || claims_.all_ended(standing_))) break;
      listen();
      claims_.beat();
    }
    result_.signal = signals_.stop != 0 ? signals_.stop.load() : stopped_;
  }

 private:
  struct Worker {
    Claim claim;
    Point point;      // settled
    nlohmann::json came_to = nlohmann::json::object();
    std::optional<Child> child;
  };

  void pass_on(int signal) {
    for (const auto& [id, worker] : working_) worker.child->signal(signal);
  }

  fs::path folder_of(const Worker& worker) const { return run_folder(result_.folder, worker.point, plan_.tasks()[worker.claim.run].seed); }

  void start(Claim claim) {
    const std::size_t id = next_++, task = claim.run;
    display_.clear();
    Point point;
    try {
      point = plan_.settled(task, claims_, result_.folder);
    } catch (const Error& error) {
      return end(task, {static_cast<int>(error.code()), error.what()}, {});
    }
    Worker& worker = working_.emplace(id, Worker{std::move(claim), std::move(point), {}, {}}).first->second;
    worker.child.emplace([&, id, task](const Child::Report& report) { play_one(id, task, report); });
    display_.started(id, plan_.label(task));
  }

  /// In the child.
  void play_one(std::size_t id, std::size_t task, const Child::Report& report) {
    for (auto& [other, worker] : working_)
      if (other != id) worker.claim.release();  // a copy of the parent's
    const Worker& own = working_.at(id);
    const Run run{experiment_, own.point, plan_.tasks()[task].seed, folder_of(own), options_.out / "cache", options_.provenance};
    Relay relay(report);
    Teller teller(report);
    try {
      const Leader* leader = options_.leader;
      if (!leader && was_completed(run, task)) report({{"found", true}});
      else execute(run, signals_, relay, teller, leader ? leader->meet(id, run, plan_.tasks()[task].point, signals_) : nullptr);
    } catch (const LostRank&) {
      report({{"lost", true}});
      throw;
    }
    report({{"values", outcome_of(run.folder / "run.h5", experiment_.compare.metric)}});
  }

  /// By a process that was killed before it could say so, after this one had looked.
  bool was_completed(const Run& run, std::size_t task) const {
    try {
      return is_complete(run, prepared_.corpus[task]);
    } catch (const ConfigError&) {
      if (!plan_.point(task).settle) throw;
      return false;  // of what it had turned out to be before
    }
  }

  void listen() {
    std::vector<pollfd> waits;
    for (const auto& [id, worker] : working_) waits.push_back({worker.child->descriptor(), POLLIN, 0});
    ::poll(waits.data(), waits.size(), 200);
    for (auto it = working_.begin(); it != working_.end();) {
      Worker& worker = it->second;
      for (const auto& message : worker.child->receive()) {
        if (message.contains("interval")) display_.beat(it->first, to_beat(message));
        else if (message.contains("lost")) result_.lost = true;
        else if (message.contains("values") || message.contains("found")) worker.came_to.update(message);
        else if (message.contains("journal")) claims_.note(worker.claim.run, message["journal"], message["text"]);
        else show(message, display_);
      }
      if (!worker.child->ended()) {
        ++it;
        continue;
      }
      nlohmann::json facts = std::move(worker.came_to);
      facts["hash"] = worker.point.hash;
      facts["bytes"] = size_of_run(folder_of(worker));
      end(worker.claim.run, *worker.child->ended(), std::move(facts));
      display_.ended(it->first);
      it = working_.erase(it);
    }
  }

  void end(std::size_t task, const Ending& ending, nlohmann::json facts) {
    if (ending.code == 0) {
      facts["corpus"] = prepared_.corpus[task];
      claims_.complete(task, std::move(facts));
    } else if (ending.code > kStopped) {
      stopped_ = ending.code - kStopped;  // another process of the launch may have been asked
      claims_.stopped(task);
    } else {
      claims_.failed(task, ending.code, ending.message);
      display_.note(fmt::format("failed: {}: {}", plan_.label(task), ending.message));
    }
  }

  const Experiment& experiment_;
  const SweepOptions& options_;
  const Plan& plan_;
  const Prepared& prepared_;
  Claims& claims_;
  Display& display_;
  SweepResult& result_;
  const Signals& signals_;
  const Claims::Standings standing_ = [this](std::size_t task) { return plan_.standing(task, claims_); };
  std::map<std::size_t, Worker> working_;
  std::size_t next_ = 0;
  int stopped_ = 0;  // the signal that a run was stopped by
};

PlanFile plan_of(const Experiment& experiment, const Plan& plan) {
  const CompareOptions& c = experiment.compare;
  PlanFile out{experiment.name, experiment.question, c.baseline, c.metric, c.confidence, c.screening, experiment.hypotheses, {}};
  std::vector<std::ptrdiff_t> at(experiment.points.size(), -1);
  for (const Task& task : plan.tasks()) {
    const Point& p = experiment.points[task.point];
    if (at[task.point] < 0) {
      at[task.point] = static_cast<std::ptrdiff_t>(out.points.size());
      out.points.push_back({p.slug, p.policy.name, p.cell, p.stage, p.settle ? "" : p.hash, p.settle ? std::vector<std::string>() : p.varies, {}});
    }
    out.points[static_cast<std::size_t>(at[task.point])].seeds.push_back(task.seed);
  }
  return out;
}

/// Decides whether this process begins anew, goes on, or works beside others, and makes the folder ready for that. The caller holds
/// the lock of those who decide.
std::unique_ptr<Claims> enter(const Plan& plan, const Experiment& experiment, const SweepOptions& options, const fs::path& folder, Display& display) {
  const bool there = fs::exists(folder / "journal.jsonl");
  auto claims = there ? std::make_unique<Claims>(folder, options.launch) : nullptr;
  if (claims) claims->refresh();
  const auto other = claims ? claims->other(plan.hash()) : std::nullopt;
  if (other && other->plan != plan.hash())
    throw RunError(fmt::format("{}: another run_experiment is at work there, on another configuration; wait for it, or choose another --out",
                               folder.string()));
  if (other && other->launch != claims->launch() && !options.resume)
    throw RunError(fmt::format("{}: another run_experiment is at work there; wait for it, choose another --out, or work beside it with --resume",
                               folder.string()));
  const bool go_on = options.resume || other || (claims && claims->of_this_launch());
  if (!go_on) {
    claims.reset();
    move_aside(folder, display);
  }
  make_folder(folder);
  if (!other) write_plan(folder, plan_of(experiment, plan));
  return claims ? std::move(claims) : std::make_unique<Claims>(folder, options.launch);
}

FileLock lock_of_those_who_decide(const fs::path& folder) {
  return FileLock(folder.parent_path() / fmt::format(".{}.lock", folder.filename().string()));
}

std::unique_ptr<Claims> join(const Plan& plan, const Prepared& prepared, const Experiment& experiment, const SweepOptions& options,
                             const fs::path& folder, Display& display) {
  const FileLock alone = lock_of_those_who_decide(folder);
  auto claims = enter(plan, experiment, options, folder, display);
  claims->join(plan.hash(), plan.keys(), {{"file", experiment.file.string()}});
  for (std::size_t task = 0; task < plan.tasks().size(); ++task) {
    const std::uint64_t bytes = size_of_run(run_folder(folder, plan.point(task), plan.tasks()[task].seed));
    if (prepared.gone[task] && claims->has_ended(task) && bytes != claims->state(task).bytes)
      claims->stopped(task);  // somebody took the file away, or it did not survive a power cut
    if (prepared.found[task] && !claims->has_ended(task))  // complete, and whoever played it could not say so any more
      claims->complete(task, {{"found", true}, {"hash", plan.point(task).hash}, {"corpus", prepared.corpus[task]}, {"bytes", bytes},
                              {"values", *prepared.found[task]}});
  }
  return claims;
}

std::vector<SummaryRow> summary_of(const Plan& plan, const Claims& claims, const fs::path& folder) {
  static constexpr const char* kStatus[] = {"open", "running", "complete", "failed"};
  std::vector<SummaryRow> rows;
  for (std::size_t task = 0; task < plan.tasks().size(); ++task) {
    const RunState& state = claims.state(task);
    const Point& point = plan.point(task);
    if (state.stage == RunState::Stage::open && !fs::exists(run_folder(folder, point, plan.tasks()[task].seed) / "run.h5")) continue;
    rows.push_back({point.slug, point.policy.name, plan.tasks()[task].seed, kStatus[static_cast<std::size_t>(state.stage)], state.outcome});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const SummaryRow& a, const SummaryRow& b) { return a.point < b.point; });
  return rows;
}

}  // namespace

std::size_t prepare(const Experiment& experiment, const SweepOptions& options, Display& display, const Signals& signals) {
  const Plan plan(experiment, options.seeds, options.points);
  const fs::path folder = options.out / experiment.name;
  make_folder(options.out);
  Preparation(experiment, options, plan, folder, options.out / "cache").run(display, signals.stop);
  const FileLock alone = lock_of_those_who_decide(folder);
  enter(plan, experiment, options, folder, display);
  return plan.tasks().size();
}

std::size_t jobs_of(const Plan& plan, const SweepOptions& options) {
  if (options.leader || options.jobs > 0) return options.leader ? 1 : static_cast<std::size_t>(options.jobs);
  std::int64_t threads = 1;
  for (std::size_t task = 0; task < plan.tasks().size(); ++task) threads = std::max(threads, plan.point(task).run.threads);
  return std::max<std::size_t>(1, std::thread::hardware_concurrency() / static_cast<std::size_t>(threads));
}

SweepResult sweep(const Experiment& experiment, const SweepOptions& options, Display& display, const Signals& signals) {
  const Plan plan(experiment, options.seeds, options.points);
  const std::size_t all = plan.tasks().size();
  if (options.leader && options.jobs > 1) throw ConfigError("--jobs: with run.processes above 1 all processes play one run at a time");
  SweepResult result;
  result.folder = options.out / experiment.name;
  make_folder(options.out);
  const Prepared prepared = Preparation(experiment, options, plan, result.folder, options.out / "cache").run(display, signals.stop);
  const auto claims = join(plan, prepared, experiment, options, result.folder, display);

  for (std::size_t task = 0; task < all; ++task) result.kept += claims->state(task).stage == RunState::Stage::complete ? 1 : 0;
  Pool(experiment, options, plan, prepared, *claims, display, result, signals).play(jobs_of(plan, options));
  display.clear();
  for (std::size_t task = 0; task < all; ++task) {
    const RunState& state = claims->state(task);
    if (state.stage == RunState::Stage::complete) ++result.complete;
    else if (claims->has_ended(task)) ++result.failed;
    else if (plan.standing(task, *claims) != Claims::Standing::out) ++result.left;
  }
  const nlohmann::json counts = {{"complete", result.complete}, {"failed", result.failed}, {"left", result.left}};
  result.last = result.left > 0 || claims->first_to_end(counts);
  if (result.last) write_summary(result.folder, summary_of(plan, *claims, result.folder));
  claims->leave(counts);
  return result;
}

}  // namespace fader

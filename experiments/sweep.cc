#include "experiments/sweep.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <deque>
#include <thread>

#include "core/files.h"
#include "experiments/child.h"
#include "experiments/run.h"
#include "trainer/cuda/cuda_bank.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr int kStopped = 128;  // exit codes above it: a signal asked for the end

struct Task {
  const Point* point = nullptr;
  std::int64_t seed = 0;
  fs::path folder;
  std::string label() const { return fmt::format("{} seed {}", point->policy.name, seed); }
};

/// Appends a line an event; each line is one write, so that lines of several processes do not mix.
class Journal {
 public:
  explicit Journal(const fs::path& path) : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0) throw RunError(fmt::format("{}: cannot be written", path.string()));
  }
  ~Journal() { ::close(descriptor_); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void write(const std::string& event, nlohmann::json facts) {
    char stamp[32];
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    facts["time"] = stamp;
    facts["event"] = event;
    const std::string line = facts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw RunError("journal.jsonl: cannot be written; is the disk full?");
  }
  void write(const std::string& event, const Task& task, nlohmann::json facts = nlohmann::json::object()) {
    facts["point"] = task.point->slug;
    facts["seed"] = task.seed;
    write(event, std::move(facts));
  }

 private:
  int descriptor_;
};

std::vector<Task> tasks_of(const Experiment& experiment, const SweepOptions& options, const fs::path& folder) {
  std::vector<Task> tasks;
  for (const std::size_t p : options.points)
    if (p >= experiment.points.size()) throw ConfigError(fmt::format("--point {}: there are {} points, 0 to {}", p, experiment.points.size(), experiment.points.size() - 1));
  for (std::size_t p = 0; p < experiment.points.size(); ++p) {
    if (!options.points.empty() && std::find(options.points.begin(), options.points.end(), p) == options.points.end()) continue;
    const Point& point = experiment.points[p];
    for (const std::int64_t seed : options.seeds.empty() ? point.run.seeds : options.seeds)
      tasks.push_back({&point, seed, run_folder(folder, point, seed)});
  }
  // seed by seed: paired runs end together, and an experiment that is stopped has whole seeds
  std::stable_sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) { return a.seed < b.seed; });
  return tasks;
}

/// Two sweeps in one folder would write the same files. The processes of one that was killed need a moment to go.
std::unique_ptr<FileLock> sole_use(const fs::path& folder) {
  constexpr int kTries = 40;
  const fs::path file = folder.parent_path() / fmt::format(".{}.lock", folder.filename().string());
  for (int i = 1;; ++i) {
    bool taken = false;
    try {
      return std::make_unique<FileLock>(file, [&] {
        taken = true;
        throw RunError(fmt::format("{}: another run_experiment is at work there; wait for it, or choose another --out", folder.string()));
      });
    } catch (const RunError&) {
      if (!taken || i == kTries) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

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

/// Builds what the runs share, checks that every point can be put together, and says which runs are complete already; in a
/// child of its own: libraries that start threads, and files of earlier starts, stay out of the process that forks.
class Preparation {
 public:
  Preparation(const Experiment& experiment, const SweepOptions& options, const std::vector<Task>& tasks, fs::path cache)
      : experiment_(experiment), options_(options), tasks_(tasks), cache_(std::move(cache)) {}

  /// Throws what the child found. Returns whether each task is complete.
  std::vector<bool> run(Display& display, const std::atomic<int>& stop) {
    Child child([&](const Child::Report& report) { work(report); });
    std::vector<bool> complete(tasks_.size());
    while (!child.ended()) {
      pollfd wait{child.descriptor(), POLLIN, 0};
      ::poll(&wait, 1, 200);
      for (const auto& message : child.receive()) {
        if (message.contains("complete")) complete.at(message["complete"].get<std::size_t>()) = true;
        else show(message, display);
      }
      if (stop != 0) throw Stopped(stop, "stopped while preparing; nothing was run");  // the child is killed; half-built caches are temporary
    }
    display.clear();
    if (child.ended()->code != 0) throw Error(static_cast<Exit>(child.ended()->code), child.ended()->message);
    return complete;
  }

 private:
  void work(const Child::Report& report) {
    Relay relay(report);
    if (options_.resume)
      for (std::size_t i = 0; i < tasks_.size(); ++i)
        if (is_complete(run_of(tasks_[i]))) report({{"complete", i}});
    std::map<const Point*, std::string> corpora;
    for (const Task& task : tasks_) {
      if (!corpora.count(task.point)) corpora[task.point] = try_out(task, relay);
      if (options_.resume) is_complete(run_of(task), corpora[task.point]);
    }
  }

  /// Returns the hash of the point's corpus.
  std::string try_out(const Task& task, Progress& progress) const {
    try {
      if (task.point->run.device == "cuda") first_gpu();  // says that there is none before a corpus is built for nothing
      const auto corpus = corpus_of(*task.point, cache_, progress);
      assemble(*task.point, task.seed, corpus, progress);
      return corpus ? corpus->hash() : "";
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}: {}", experiment_.file.string(), error.what()));
    }
  }
  Run run_of(const Task& task) const { return {experiment_, *task.point, task.seed, task.folder, cache_, {}}; }

  const Experiment& experiment_;
  const SweepOptions& options_;
  const std::vector<Task>& tasks_;
  fs::path cache_;
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
  Pool(const Experiment& experiment, const SweepOptions& options, fs::path cache, Display& display, Journal& journal, SweepResult& result,
       const Signals& signals)
      : experiment_(experiment), options_(options), cache_(std::move(cache)), display_(display), journal_(journal), result_(result), signals_(signals) {}

  void play(std::deque<Task> waiting, std::size_t jobs, std::size_t total) {
    int passed_on = 0, asked = signals_.checkpoints;
    display_.runs(result_.kept, total);
    while (!waiting.empty() || !working_.empty()) {
      const int stop = signals_.stop != 0 ? signals_.stop.load() : stopped_;
      if ((stop != 0 || result_.lost) && !waiting.empty()) {
        result_.left += waiting.size();
        waiting.clear();
      }
      if (stop != 0 && passed_on == 0) {
        passed_on = stop;
        pass_on(stop);
      }
      if (asked != signals_.checkpoints) {
        asked = signals_.checkpoints;
        pass_on(SIGUSR1);
      }
      while (!waiting.empty() && working_.size() < jobs) {
        start(waiting.front());
        waiting.pop_front();
      }
      listen();
      display_.runs(result_.complete + result_.kept + result_.failed, total);
    }
    result_.signal = signals_.stop != 0 ? signals_.stop.load() : stopped_;
  }

 private:
  struct Worker {
    Task task;
    Child child;
  };

  void pass_on(int signal) {
    for (const auto& [id, worker] : working_) worker.child.signal(signal);
  }

  void start(const Task& task) {
    const std::size_t id = next_++;
    const Run run{experiment_, *task.point, task.seed, task.folder, cache_, options_.provenance};
    const auto point = static_cast<std::size_t>(task.point - experiment_.points.data());
    display_.clear();
    working_.emplace(id, Worker{task, Child([run, point, id, this](const Child::Report& report) {
                                  Relay relay(report);
                                  Teller teller(report);
                                  try {
                                    const Leader* leader = options_.leader;
                                    execute(run, signals_, relay, teller, leader ? leader->meet(id, run, point, signals_) : nullptr);
                                  } catch (const LostRank&) {
                                    report({{"lost", true}});
                                    throw;
                                  }
                                })});
    display_.started(id, task.label());
    journal_.write("start", task);
  }

  void listen() {
    std::vector<pollfd> waits;
    for (const auto& [id, worker] : working_) waits.push_back({worker.child.descriptor(), POLLIN, 0});
    ::poll(waits.data(), waits.size(), 200);
    for (auto it = working_.begin(); it != working_.end();) {
      Worker& worker = it->second;
      for (const auto& message : worker.child.receive()) {
        if (message.contains("interval")) display_.beat(it->first, to_beat(message));
        else if (message.contains("lost")) result_.lost = true;
        else if (message.contains("journal")) journal_.write(message["journal"], worker.task, {{"text", message["text"]}});
        else show(message, display_);
      }
      if (!worker.child.ended()) {
        ++it;
        continue;
      }
      end(worker.task, *worker.child.ended());
      display_.ended(it->first);
      it = working_.erase(it);
    }
  }

  void end(const Task& task, const Ending& ending) {
    if (ending.code == 0) {
      ++result_.complete;
      journal_.write("complete", task);
    } else if (ending.code > kStopped) {
      ++result_.left;
      stopped_ = ending.code - kStopped;  // another process of the launch may have been asked
      journal_.write("stopped", task);
    } else {
      ++result_.failed;
      journal_.write("failed", task, {{"code", ending.code}, {"message", ending.message}});
      display_.note(fmt::format("failed: {}: {}", task.label(), ending.message));
    }
  }

  const Experiment& experiment_;
  const SweepOptions& options_;
  fs::path cache_;
  Display& display_;
  Journal& journal_;
  SweepResult& result_;
  const Signals& signals_;
  std::map<std::size_t, Worker> working_;
  std::size_t next_ = 0;
  int stopped_ = 0;  // the signal that a run was stopped by
};

}  // namespace

SweepResult sweep(const Experiment& experiment, const SweepOptions& options, Display& display, const Signals& signals) {
  SweepResult result;
  result.folder = options.out / experiment.name;
  const fs::path cache = options.out / "cache";
  const std::vector<Task> tasks = tasks_of(experiment, options, result.folder);
  make_folder(options.out);
  const auto lock = sole_use(result.folder);
  const std::vector<bool> complete = Preparation(experiment, options, tasks, cache).run(display, signals.stop);
  if (!options.resume) move_aside(result.folder, display);
  make_folder(result.folder);
  Journal journal(result.folder / "journal.jsonl");
  journal.write("sweep", {{"runs", tasks.size()}, {"file", experiment.file.string()}});

  std::deque<Task> waiting;
  std::int64_t threads = 1;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    threads = std::max(threads, tasks[i].point->run.threads);
    if (complete[i]) ++result.kept;
    else waiting.push_back(tasks[i]);
  }
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (options.leader && options.jobs > 1) throw ConfigError("--jobs: with run.processes above 1 all processes play one run at a time");
  const auto jobs = options.leader ? 1 : static_cast<std::size_t>(options.jobs > 0 ? options.jobs : std::max(1, cores / static_cast<int>(threads)));
  Pool pool(experiment, options, cache, display, journal, result, signals);
  pool.play(std::move(waiting), jobs, tasks.size());
  display.clear();
  journal.write("end", {{"complete", result.complete}, {"kept", result.kept}, {"failed", result.failed}, {"left", result.left}});
  write_summary(experiment, result.folder);
  return result;
}

}  // namespace fader

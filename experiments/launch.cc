#include "experiments/launch.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/error.h"

namespace fader {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kEver = std::chrono::hours(24 * 365);
constexpr milliseconds kStarter{60'000};   // for what started us to keep its store
constexpr milliseconds kDelay{60'000};     // for those who are there to begin a run
constexpr milliseconds kFarewell{10'000};  // for them to hear of the end
constexpr milliseconds kWordless{5000};    // for what may be waited for without a word
constexpr milliseconds kLook{5};           // between two looks

struct Names {
  const char *rank, *size, *starter;
};
constexpr Names kNames[] = {{"RANK", "WORLD_SIZE", "torchrun --no-python --nproc-per-node"},
                            {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "mpirun -n"},
                            {"PMI_RANK", "PMI_SIZE", "mpirun -n"},
                            {"SLURM_PROCID", "SLURM_NTASKS", "srun -n"}};

int whole(const std::string& text, const char* name, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw ConfigError(fmt::format("{} is '{}' in the environment; expected a whole number, {} to {}", name, text, least, most));
  return value;
}

/// Leaves whatever is waited for when a signal asked for it.
auto leaving(const Signals& signals) {
  return [&signals] {
    if (signals.stop != 0) throw Stopped(signals.stop, "stopped while waiting for the other processes");
  };
}

/// LostRank where they do not come together: no other run could be played then either.
std::shared_ptr<Ranks> meet_for(const Run& run, std::size_t task, const Launch& launch, Rendezvous& at, const Signals& signals) {
  Membership member{.rank = launch.rank, .size = launch.size, .patience = patience_of(run.point), .waiting = leaving(signals)};
  member.delay = std::min(member.patience, kDelay);
  member.check = fmt::format("configuration {}, seed {}", run.point.hash.substr(0, 12), run.seed);
  for (const char* name : {"version", "git_commit", "libtorch_version"})
    if (const auto it = run.provenance.find(name); it != run.provenance.end())
      member.check += fmt::format(", {} {}", name, std::get<std::string>(it->second));
  try {
    return Ranks::meet(at, launch.key(fmt::format("run/{}", task)), member);
  } catch (const RunError& error) {
    throw LostRank(error.what());
  }
}

struct Silence final : Progress, RunWatcher {
  void update(std::string_view, double, double, std::string_view) override {}
  void note(std::string_view) override {}
  void beat(const Beat&) override {}
  void event(const std::string&, const std::string&) override {}
};

}  // namespace

std::string of_process(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

milliseconds patience_of(const Point& point) { return milliseconds(static_cast<std::int64_t>(point.run.rank_seconds * 1000)); }

int processes_of(const Experiment& experiment, std::span<const std::size_t> points) {
  std::int64_t out = 0;
  const auto look = [&](const Point& point) {
    if (out != 0 && point.run.processes != out)
      throw ConfigError(fmt::format("{}: run.processes is {} for one policy and {} for another; one start plays points with equal "
                                    "numbers only: choose them with --point", experiment.file.string(), out, point.run.processes));
    out = point.run.processes;
    if (out > 1 && !point.trains())
      throw ConfigError(fmt::format("{}: run.processes is {}, but {} trains no model whose batches could be shared",
                                    experiment.file.string(), out, point.env.kind));
  };
  if (points.empty())
    for (const Point& point : experiment.points) look(point);
  for (const std::size_t p : points)
    if (p < experiment.points.size()) look(experiment.points[p]);
  return static_cast<int>(std::max<std::int64_t>(out, 1));
}

Launch launch_of(int processes, const Environment& environment) {
  const auto how = fmt::format("mpirun -n {0} ./run_experiment FILE, or: torchrun --no-python --nproc-per-node {0} ./run_experiment FILE",
                               processes);
  Launch out;
  for (const Names& names : kNames) {
    if (environment(names.rank).empty() || environment(names.size).empty()) continue;
    out.size = whole(environment(names.size), names.size, 1, kMostRanks);
    out.rank = whole(environment(names.rank), names.rank, 0, out.size - 1);
    out.command = fmt::format("{} {} ", names.starter, processes);
    if (out.size != processes)
      throw ConfigError(fmt::format("run.processes is {}, and {} processes were started ({}); start: {}", processes, out.size, names.size, how));
    break;
  }
  if (out.command.empty())
    throw ConfigError(fmt::format("run.processes is {}, and this is one process alone; start: {}", processes, how));
  if (const std::string host = environment("MASTER_ADDR"); !host.empty()) out.place.host = host;
  if (const std::string port = environment("MASTER_PORT"); !port.empty()) out.place.port = whole(port, "MASTER_PORT", 1, 65535);
  out.kept = environment("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (const std::string start = environment("TORCHELASTIC_RESTART_COUNT"); out.kept && !start.empty()) out.start = start;
  return out;
}

std::string Launch::key(const std::string& name) const { return fmt::format("fader/{}/{}", start, name); }

Leader::Leader(const Launch& launch, milliseconds patience, const Signals& signals) : launch_(launch) {
  // in a process of its own, since the store has threads, and lives until a signal tells it to say the end
  keeper_.emplace([&signals, launch, patience](const Child::Report& report) {
    Rendezvous at = launch.kept ? Rendezvous::reach(launch.place, kStarter) : Rendezvous::keep(launch.place);
    const int before = signals.checkpoints;
    const std::int64_t others = launch.size - 1;
    const auto all = [&](const char* key, milliseconds limit) {
      for (milliseconds waited{0}; at.add(launch.key(key), 0) < others; waited += kLook) {
        if (waited >= limit) return false;
        std::this_thread::sleep_for(kLook);
      }
      return true;
    };
    if (!all("arrived", patience))
      throw RunError(fmt::format("{} of {} processes did not come within {:g} s; all must be started with the same command",
                                 others - at.add(launch.key("arrived"), 0), launch.size, static_cast<double>(patience.count()) / 1000));
    report({{"together", true}});
    while (signals.checkpoints == before) std::this_thread::sleep_for(kLook);
    at.set(launch.key("end"), "1");
    all("left", kFarewell);
  });
  const auto begin = std::chrono::steady_clock::now();
  for (bool together = false, said = false; !together;) {
    pollfd wait{keeper_->descriptor(), POLLIN, 0};
    ::poll(&wait, 1, 200);
    together = !keeper_->receive().empty();
    if (keeper_->ended()) throw Error(static_cast<Exit>(keeper_->ended()->code), keeper_->ended()->message);
    if (signals.stop != 0) throw Stopped(signals.stop, "stopped while waiting for the other processes; nothing was run");
    if (!together && !said && std::chrono::steady_clock::now() - begin > kWordless) {
      fmt::print(stderr, "waiting at {} for the other processes; {} must be started with the same command\n", launch.place.name(), launch.size);
      said = true;
    }
  }
}

void Leader::end() {
  keeper_->signal(SIGUSR1);
  while (!keeper_->ended()) {
    pollfd wait{keeper_->descriptor(), POLLIN, 0};
    ::poll(&wait, 1, 200);
    keeper_->receive();
  }
}

std::shared_ptr<Ranks> Leader::meet(std::size_t task, const Run& run, std::size_t point, const Signals& signals) const {
  Rendezvous at = Rendezvous::reach(launch_.place, patience_of(run.point));
  at.set(launch_.key(fmt::format("task/{}", task)), nlohmann::json({{"point", point}, {"seed", run.seed}}).dump());
  return meet_for(run, task, launch_, at, signals);
}

namespace {

/// The others' side: one run after another, in one process.
class Follower {
 public:
  Follower(const Experiment& experiment, const std::filesystem::path& out, const Attributes& provenance, const Launch& launch,
           const Signals& signals)
      : experiment_(experiment), out_(out), provenance_(provenance), launch_(launch), signals_(signals) {}

  /// Throws LostRank and Stopped; a run that failed in another way is said, and the next one follows.
  void play(const Child::Report& report) {
    Rendezvous at = Rendezvous::reach(launch_.place, patience_of(experiment_.points.at(0)));
    at.add(launch_.key("arrived"), 1);
    for (std::size_t task = 0; next(at, task); ++task) {
      const nlohmann::json said = nlohmann::json::parse(at.wait(launch_.key(fmt::format("task/{}", task)), kEver));
      const std::size_t point = said["point"];
      if (point >= experiment_.points.size()) throw RunError("rank 0 plays another experiment; start all processes with the same command");
      const Point& p = experiment_.points[point];
      const std::int64_t seed = said["seed"];
      const auto folder = run_folder(out_ / experiment_.name, p, seed);
      const Run run{experiment_, p, seed, folder, out_ / "cache", provenance_};
      const auto ranks = meet_for(run, task, launch_, at, signals_);
      try {
        Silence silence;
        execute(run, signals_, silence, silence, ranks);
      } catch (const LostRank&) {
        throw;
      } catch (const RunError& error) {
        report({{"failed", error.what()}});
      }
    }
    at.add(launch_.key("left"), 1);
  }

 private:
  /// Whether there is one: waits until rank 0 has said so.
  bool next(Rendezvous& at, std::size_t task) {
    const std::string begun = launch_.key(fmt::format("task/{}", task)), end = launch_.key("end");
    return at.wait_for_one({begun, end}, kEver, leaving(signals_)) == 0;
  }

  const Experiment& experiment_;
  const std::filesystem::path& out_;
  const Attributes& provenance_;
  const Launch& launch_;
  const Signals& signals_;
};

}  // namespace

int follow(const Experiment& experiment, const std::filesystem::path& out, const Attributes& provenance, const Launch& launch,
           const Signals& signals) {
  int code = 0, passed_on = 0, asked = signals.checkpoints;
  const auto say = [&](const std::string& text) { fmt::print(stderr, "rank {}: {}\n", launch.rank, text); };
  Child child([&](const Child::Report& report) { Follower(experiment, out, provenance, launch, signals).play(report); });
  while (!child.ended()) {
    pollfd wait{child.descriptor(), POLLIN, 0};
    ::poll(&wait, 1, 200);
    for (const auto& message : child.receive()) {
      say(message["failed"].get<std::string>());
      code = static_cast<int>(Exit::run);
    }
    if (const int stop = signals.stop; stop != passed_on) child.signal(passed_on = stop);
    if (asked != signals.checkpoints) {
      asked = signals.checkpoints;
      child.signal(SIGUSR1);
    }
  }
  if (child.ended()->code == 0) return code;
  if (child.ended()->code < 128) say(child.ended()->message);
  return child.ended()->code;
}

}  // namespace fader

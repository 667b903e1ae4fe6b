// fader: the program behind ./run_experiment. The only place that turns errors into exit codes.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>

#include "experiments/claims.h"
#include "experiments/command_line.h"
#include "experiments/config.h"
#include "experiments/explain.h"
#include "experiments/outlook.h"
#include "experiments/launch.h"
#include "experiments/provenance.h"
#include "experiments/report_program.h"
#include "experiments/slurm.h"
#include "experiments/sweep.h"
#include "experiments/tool.h"

namespace fader {
namespace {

Signals g_signals;
static_assert(std::atomic<int>::is_always_lock_free);

/// The first INT, TERM or HUP asks for an orderly stop, the second ends at once.
void on_signal(int number) {
  if (g_signals.stop.exchange(number) != 0) ::_exit(128 + number);
}

void on_checkpoint(int) { ++g_signals.checkpoints; }

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (const int s : {SIGINT, SIGTERM}) ::sigaction(s, &action, nullptr);
  struct sigaction before {};
  ::sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);  // a closed terminal; nohup says that it is none of ours
  action.sa_handler = on_checkpoint;
  ::sigaction(SIGUSR1, &action, nullptr);
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the write, with its name
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::vector<std::int64_t> seeds_of(const CommandLine& line, const Point& point) { return line.seeds.empty() ? point.run.seeds : line.seeds; }

SweepOptions sweep_options(const CommandLine& line, const Attributes& origin) {
  SweepOptions options;
  options.out = line.out;
  options.seeds = line.seeds;
  options.points.assign(line.points.begin(), line.points.end());
  options.jobs = static_cast<int>(line.jobs);
  options.resume = line.resume;
  options.launch = launch_of_environment(of_process);
  options.provenance = origin;
  return options;
}

std::string outlook_of(const Experiment& experiment, const SweepOptions& options) {
  const Plan plan(experiment, options.seeds, options.points);
  return outlook(plan, jobs_of(plan, options), options.out);
}

void dry_run(const CommandLine& line, const Experiment& experiment) {
  print(fmt::format("{}\n{}\n\n{:>5}  {:<40} {:>5} {:>9} {:>12}  {}\n", experiment.name, experiment.question, "point", "name", "seeds", "decisions",
                    "tokens a run", "hash"));
  for (std::size_t i = 0; i < experiment.points.size(); ++i) {
    const Point& p = experiment.points[i];
    const std::size_t seeds = seeds_of(line, p).size();
    const std::string tokens = p.trains() ? fmt::format("{}", p.train.steps() * p.train.batch * p.model.context * p.run.episodes) : "-";
    const std::string decisions = p.trains() ? fmt::format("{}", p.train.intervals * p.run.episodes) : "-";
    print(fmt::format("{:>5}  {:<40} {:>5} {:>9} {:>12}  {}\n", i, p.slug, seeds, decisions, tokens, p.hash.substr(0, 12)));
  }
  print(fmt::format("\n{}nothing was run\n", outlook_of(experiment, sweep_options(line, {}))));
}

/// What goes on with a file's runs, --jobs apart.
std::vector<std::string> arguments_to_resume(const CommandLine& line, const std::filesystem::path& file) {
  std::vector<std::string> out = {file.string(), "--resume"};
  for (const std::string& o : line.overrides) out.insert(out.end(), {"--set", o});
  for (const auto s : line.seeds) out.insert(out.end(), {"--seed", fmt::format("{}", s)});
  for (const auto p : line.points) out.insert(out.end(), {"--point", fmt::format("{}", p)});
  if (line.out != "runs") out.insert(out.end(), {"--out", line.out.string()});
  return out;
}

std::string resume_command(const CommandLine& line, const std::filesystem::path& file, const Launch* launch) {
  std::string command = fmt::format("{}./run_experiment", launch ? launch->command : "");
  for (const std::string& word : arguments_to_resume(line, file)) command += " " + shell_word(word);
  if (line.jobs > 0) command += fmt::format(" --jobs {}", line.jobs);
  return command;
}

/// Nothing is submitted before all of it has been checked.
int submit_all(const CommandLine& line, const std::vector<Experiment>& experiments, const Attributes& origin) {
  constexpr std::size_t kJobs = 8;  // of an array, unless --jobs says it
  check_slurm_options(*line.slurm);
  const SweepOptions options = sweep_options(line, origin);
  for (const Experiment& experiment : experiments)
    if (processes_of(experiment, options.points) > 1)
      throw ConfigError("--slurm: with run.processes above 1 the processes of a run must start together; submit a script of your own with srun in it");
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    Display display(STDERR_FILENO, line.quiet);
    const std::size_t runs = prepare(experiments[i], options, display, g_signals);
    display.clear();
    SlurmArray array{experiments[i].name, line.out / experiments[i].name, {program.string()}, program.parent_path() / "fader_report", 1, 1, *line.slurm};
    for (const std::string& word : arguments_to_resume(line, line.files[i])) array.command.push_back(word);
    array.command.push_back("--quiet");
    array.jobs = line.jobs > 0 ? static_cast<std::size_t>(line.jobs) : std::min(runs, kJobs);
    for (const Point& point : experiments[i].points) array.threads = std::max(array.threads, point.run.threads);
    const Submitted jobs = submit(array);
    print(fmt::format("{}: {} runs; job {} ({} of an array) plays them, then job {} makes the report\n  scripts and what they say: {}\n", array.name, runs,
                      jobs.array, array.jobs, jobs.report, (array.folder / "slurm").string()));
  }
  return 0;
}

/// How the processes of this start share their runs; nothing: each plays for itself.
std::optional<Launch> launch_for(const std::vector<Experiment>& experiments, const std::vector<std::size_t>& points) {
  std::optional<Launch> out;
  for (const Experiment& experiment : experiments)
    if (const int processes = processes_of(experiment, points); processes > 1) out = launch_of(processes);
  if (out && experiments.size() > 1) throw ConfigError("with run.processes above 1 one experiment file is played at a time; start them one by one");
  return out;
}

int run(const CommandLine& line, const Attributes& origin) {
  catch_signals();
  std::vector<Experiment> experiments;  // all are checked before the first starts
  for (const auto& file : line.files) experiments.push_back(load_experiment(file, line.overrides));
  if (line.slurm) return submit_all(line, experiments, origin);
  const std::optional<Launch> launch = launch_for(experiments, {line.points.begin(), line.points.end()});
  if (launch && launch->rank > 0) return follow(experiments[0], line.out, origin, *launch, g_signals);
  int code = 0;
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    std::optional<Leader> leader;
    if (launch) leader.emplace(*launch, patience_of(experiments[i].points[0]), g_signals);
    SweepOptions options = sweep_options(line, origin);
    options.leader = leader ? &*leader : nullptr;
    if (!line.quiet) fmt::print(stderr, "{}", outlook_of(experiments[i], options));
    Display display(STDERR_FILENO, line.quiet);
    const SweepResult result = sweep(experiments[i], options, display, g_signals);
    if (leader && result.signal == 0 && !result.lost) leader->end();
    display.clear();
    if (result.signal != 0) {
      fmt::print(stderr, "stopped: {} runs complete, {} left. To continue:\n  {}\n", result.complete, result.left,
                 resume_command(line, line.files[i], launch ? &*launch : nullptr));
      return 128 + result.signal;
    }
    if (result.complete > 0 && result.last)
      if (const Ending made = make_report(result.folder, line.quiet); made.code != 0)
        fmt::print(stderr, "the report could not be made ({}); the runs are complete, ./report {} tries again\n", made.message, result.folder.string());
    if (result.lost && result.left > 0) fmt::print(stderr, "{} runs are left\n", result.left);
    if (result.failed > 0) {
      fmt::print(stderr, "{} of {} runs failed; {} says why\n", result.failed, result.failed + result.complete,
                 (result.folder / "journal.jsonl").string());
      code = static_cast<int>(Exit::run);
    }
  }
  return code;
}

int compare(const CommandLine& line) {
  const auto file_of = [](const std::filesystem::path& p) { return std::filesystem::is_directory(p) ? p / "run.h5" : p; };
  const auto differences = compare_runs(file_of(line.left), file_of(line.right));
  for (const std::string& d : differences) print(d + "\n");
  if (!differences.empty()) return static_cast<int>(Exit::difference);
  print("equal\n");
  return 0;
}

int perform(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "tool") return run_tool(std::vector<std::string>(argv + 2, argv + argc));
  const CommandLine line = parse_command_line(argc, argv);
  switch (line.job) {
    case CommandLine::Job::help: print(help_text()); return 0;
    case CommandLine::Job::version: print(version_text()); return 0;
    case CommandLine::Job::list: print(list_text(line.subject)); return 0;
    case CommandLine::Job::explain: print(explain_text(line.subject)); return 0;
    case CommandLine::Job::compare: return compare(line);
    case CommandLine::Job::dry_run:
      for (const auto& file : line.files) dry_run(line, load_experiment(file, line.overrides));
      return 0;
    case CommandLine::Job::print_config:
      for (const auto& file : line.files) {
        const Experiment experiment = load_experiment(file, line.overrides);
        for (std::size_t i = 0; i < experiment.points.size(); ++i)
          if (line.points.empty() || std::find(line.points.begin(), line.points.end(), static_cast<std::int64_t>(i)) != line.points.end())
            print(experiment.points[i].toml + "\n");
      }
      return 0;
    case CommandLine::Job::run: break;
  }
  return run(line, provenance(std::vector<std::string>(argv, argv + argc)));
}

}  // namespace
}  // namespace fader

int main(int argc, char** argv) {
  try {
    return fader::perform(argc, argv);
  } catch (const fader::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "a defect of fader's: {}\n", error.what());
    return static_cast<int>(fader::Exit::defect);
  }
}

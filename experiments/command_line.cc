#include "experiments/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <sstream>

#include "core/error.h"
#include "experiments/explain.h"
#include "experiments/tool.h"

namespace fader {
namespace {

namespace po = boost::program_options;
using Texts = std::vector<std::string>;

constexpr const char* kSeeHelp = "; see --help";

// One table for the parser, --help and suggestions.
po::options_description described() {
  po::options_description out("Options", 96);
  const auto many = [](const char* name) { return po::value<Texts>()->composing()->value_name(name); };
  const auto one = [](const char* name) { return po::value<std::string>()->value_name(name); };
  out.add_options()
      ("set", many("KEY=VALUE"), "override a value of the file, as often as wanted: TOML, or a bare word for text; things in "
                                 "lists go by name: policies.ucb.c=0.5, run.seeds=[0,1]")
      ("seed", many("N"), "run this seed in place of those of the file; may be repeated")
      ("point", many("N"), "run this point only, by the index that --dry-run shows; may be repeated")
      ("jobs", one("N"), "runs at a time (default: cores / threads of a run)")
      ("out", one("DIR"), "where results go (default: runs)")
      ("resume", "keep the complete runs of an earlier start with the same configuration, run the others")
      ("slurm", po::value<std::string>()->implicit_value("")->value_name("OPTIONS"),
       "do not run: submit a Slurm job array of --jobs jobs (default: runs, at most 8) that does, and its report after it; "
       "OPTIONS are sbatch's: --slurm=\"--partition=cpu --time=1:00:00\"")
      ("dry-run", "check everything, show the points, run nothing")
      ("print-config", "print every point in full, with where each value came from")
      ("list", one("SHELF"), "what there is: agents, policies, rewards, credits or envs")
      ("explain", one("NAME"), "the options of a thing or a section: policy.ucb, agent.domain, env.pretrain-v0, train, ...")
      ("compare", po::value<Texts>()->multitoken()->value_name("A B"), "compare two runs bit for bit, exit 5 if they differ")
      ("quiet", "no progress")
      ("version", "versions of the program and its libraries")
      ("help", "this text");
  return out;
}

po::options_description with_files() {
  po::options_description out = described();
  out.add_options()("file", po::value<Texts>()->composing(), "experiment files");
  return out;
}

std::int64_t whole_number(const std::string& text, const std::string& option, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw ConfigError(fmt::format("--{} is '{}'; expected a whole number, {}", option, text,
                                  most == INT64_MAX ? fmt::format("at least {}", least) : fmt::format("{} to {}", least, most)));
  return value;
}

std::vector<std::int64_t> whole_numbers(const po::variables_map& given, const std::string& option) {
  std::vector<std::int64_t> out;
  if (!given.count(option)) return out;
  for (const std::string& text : given[option].as<Texts>()) {
    out.push_back(whole_number(text, option, 0, INT64_MAX));
    if (std::count(out.begin(), out.end(), out.back()) > 1)
      throw ConfigError(fmt::format("--{} {} is given twice", option, out.back()));
  }
  return out;
}

// The library speaks of '--sed'; we add what was probably meant.
[[noreturn]] void refuse(const po::error& error) {
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&error)) {
    std::string name = unknown->get_option_name();
    name = name.substr(std::min(name.find_first_not_of('-'), name.size()));
    name = name.substr(0, name.find('='));
    Texts known;
    const po::options_description options = described();
    for (const auto& option : options.options()) known.push_back(option->long_name());
    const std::string meant = nearest(name, known);
    const std::string advice = meant.empty() ? kSeeHelp : fmt::format("; did you mean '--{}'?", meant);
    throw ConfigError(fmt::format("no option '--{}'{}", name, advice));
  }
  throw ConfigError(std::string(error.what()) + kSeeHelp);
}

/// The library would take the word after a lone --slurm, a file, for its value.
Texts words_of(int argc, const char* const* argv) {
  Texts out(argv + std::min(argc, 1), argv + argc);
  std::replace(out.begin(), out.end(), std::string("--slurm"), std::string("--slurm= "));
  return out;
}

po::variables_map parsed(int argc, const char* const* argv) {
  po::variables_map given;
  const po::options_description options = with_files();
  po::positional_options_description files;
  files.add("file", -1);
  try {
    po::store(po::command_line_parser(words_of(argc, argv))
                  .options(options)
                  .positional(files)
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(), given);
  } catch (const po::error& e) {
    refuse(e);
  }
  return given;
}

CommandLine::Job job_of(const po::variables_map& given) {
  using Job = CommandLine::Job;
  Job job = Job::run;
  std::string chosen;
  static const std::pair<const char*, Job> kJobs[] = {
      {"help", Job::help},       {"version", Job::version}, {"list", Job::list},
      {"explain", Job::explain}, {"compare", Job::compare}, {"dry-run", Job::dry_run}, {"print-config", Job::print_config}};
  for (const auto& [name, what] : kJobs) {
    if (!given.count(name)) continue;
    if (chosen == "help") continue;  // help beside anything is help
    if (!chosen.empty()) throw ConfigError(fmt::format("--{} and --{} cannot go together", chosen, name));
    chosen = name;
    job = what;
  }
  const bool takes_files = job == Job::run || job == Job::dry_run || job == Job::print_config;
  if (takes_files && !given.count("file"))
    throw ConfigError(fmt::format("no experiment file{}; try: run_experiment experiments/bandit_ucb.toml",
                                  chosen.empty() ? "" : " for --" + chosen));
  if (!takes_files && job != Job::help)
    for (const char* other : {"file", "set", "seed", "point", "jobs", "out", "resume", "slurm"})
      if (given.count(other))
        throw ConfigError(fmt::format("--{} takes no {}", chosen,
                                      other == std::string("file") ? "experiment file" : fmt::format("--{}", other)));
  return job;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  const po::variables_map given = parsed(argc, argv);
  CommandLine out;
  out.job = job_of(given);
  out.quiet = given.count("quiet") > 0;
  out.resume = given.count("resume") > 0;
  if (out.job == CommandLine::Job::help) return out;
  if (given.count("file"))
    for (const std::string& file : given["file"].as<Texts>()) out.files.emplace_back(file);
  if (given.count("set")) out.overrides = given["set"].as<Texts>();
  out.seeds = whole_numbers(given, "seed");
  out.points = whole_numbers(given, "point");
  if (!out.points.empty() && out.files.size() > 1)
    throw ConfigError("--point speaks of one experiment file; run the files one by one");
  if (given.count("jobs")) out.jobs = whole_number(given["jobs"].as<std::string>(), "jobs", 1, 4096);
  if (given.count("out")) out.out = given["out"].as<std::string>();
  if (out.out.empty()) throw ConfigError("--out is empty; expected a folder");
  if (given.count("slurm")) {
    const std::string options = given["slurm"].as<std::string>();
    out.slurm = options.substr(std::min(options.find_first_not_of(' '), options.size()));
  }
  if (given.count("list")) {
    out.subject = given["list"].as<std::string>();
    const Texts shelves = shelf_names();
    if (std::find(shelves.begin(), shelves.end(), out.subject) == shelves.end())
      throw ConfigError(fmt::format("--list is '{}'; expected {}{}", out.subject, fmt::join(shelves, ", "),
                                    nearest(out.subject, shelves).empty() ? "" : suggestion(out.subject, shelves)));
  }
  if (given.count("explain")) out.subject = given["explain"].as<std::string>();
  if (given.count("compare")) {
    const Texts& sides = given["compare"].as<Texts>();
    if (sides.size() != 2) throw ConfigError(fmt::format("--compare takes two runs, --compare A B; found {}", sides.size()));
    out.left = sides[0];
    out.right = sides[1];
  }
  return out;
}

std::string help_text() {
  std::ostringstream options;
  options << described();
  return "Usage: run_experiment FILE... [options]\n\n"
         "Pretrains small language models under the consoles that the experiment files name, writes every decision to\n"
         "runs/<experiment>/<point>/seed-<n>/run.h5 and says at the end who won.\n\n" +
         options.str() + "\nOther jobs:\n" + tools_text() +
         "\nExit codes: 0 done, 1 a defect of the program, 2 the file or the command line is wrong, 3 data are missing or\n"
         "malformed, 4 a run failed, 5 --compare found a difference, 130 and 143 stopped by a signal.\n"
         "Progress goes to standard error, results to standard output.\n";
}

}  // namespace fader

#include "experiments/command_line.h"

#include <catch2/catch.hpp>

#include "core/error.h"

using namespace fader;
using Job = CommandLine::Job;

namespace {

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "run_experiment");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}
std::string message(std::vector<const char*> words) {
  try {
    parse(std::move(words));
  } catch (const ConfigError& e) {
    CHECK(e.code() == Exit::usage);
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a plain run") {
  const CommandLine line = parse({"a.toml"});
  CHECK(line.job == Job::run);
  CHECK(line.files == std::vector<std::filesystem::path>{"a.toml"});
  CHECK(line.out == "runs");
  CHECK(line.jobs == 0);
  CHECK_FALSE(line.quiet);
  CHECK_FALSE(line.resume);
}

TEST_CASE("options repeat, in any place, and keep their order") {
  const CommandLine line = parse({"--set", "policy.c=-1", "a.toml", "--seed", "3", "--seed=1", "--point", "2",
                                  "--set=env.means=[1, 2]", "--jobs", "4", "--out", "/tmp/x", "--quiet", "--resume"});
  CHECK(line.overrides == std::vector<std::string>{"policy.c=-1", "env.means=[1, 2]"});
  CHECK(line.seeds == std::vector<std::int64_t>{3, 1});
  CHECK(line.points == std::vector<std::int64_t>{2});
  CHECK(line.jobs == 4);
  CHECK(line.out == "/tmp/x");
  CHECK(line.quiet);
  CHECK(line.resume);
  CHECK(parse({"a.toml", "b.toml", "--dry-run"}).files.size() == 2);
  CHECK_FALSE(line.slurm);
  CHECK(parse({"--slurm", "a.toml"}).slurm == "");  // what follows is not its value
  CHECK(parse({"--slurm", "a.toml"}).files.size() == 1);
  CHECK(parse({"a.toml", "--slurm=--partition=x --time=1:00:00"}).slurm == "--partition=x --time=1:00:00");
}

TEST_CASE("every job") {
  CHECK(parse({"a.toml", "--dry-run"}).job == Job::dry_run);
  CHECK(parse({"a.toml", "--print-config"}).job == Job::print_config);
  CHECK(parse({"--list", "policies"}).subject == "policies");
  CHECK(parse({"--explain", "policy.ucb"}).subject == "policy.ucb");
  CHECK(parse({"--version"}).job == Job::version);
  CHECK(parse({"a.toml", "--set", "x=1", "--help"}).job == Job::help);
  const CommandLine both = parse({"--compare", "runs/a", "runs/b", "--quiet"});
  CHECK(both.job == Job::compare);
  CHECK(both.left == "runs/a");
  CHECK(both.right == "runs/b");
}

TEST_CASE("what cannot be understood is refused with advice") {
  CHECK(message({}) == "no experiment file; try: run_experiment experiments/bandit_ucb.toml");
  CHECK(message({"--dry-run"}) == "no experiment file for --dry-run; try: run_experiment experiments/bandit_ucb.toml");
  CHECK(message({"a.toml", "--seeds", "3"}) == "no option '--seeds'; did you mean '--seed'?");
  CHECK(message({"a.toml", "--se", "x=1"}) == "no option '--se'; did you mean '--set'?");  // no abbreviations
  CHECK(message({"a.toml", "--colour=red"}) == "no option '--colour'; see --help");
  CHECK(message({"a.toml", "-q"}) == "no option '--q'; see --help");
  CHECK(message({"a.toml", "--seed", "x"}) == "--seed is 'x'; expected a whole number, at least 0");
  CHECK(message({"a.toml", "--seed", "-1"}) == "--seed is '-1'; expected a whole number, at least 0");
  CHECK(message({"a.toml", "--seed", "99999999999999999999"}) ==
        "--seed is '99999999999999999999'; expected a whole number, at least 0");
  CHECK(message({"a.toml", "--seed", "1", "--seed", "1"}) == "--seed 1 is given twice");
  CHECK(message({"a.toml", "--jobs", "0"}) == "--jobs is '0'; expected a whole number, 1 to 4096");
  CHECK(message({"a.toml", "--jobs", "2.5"}) == "--jobs is '2.5'; expected a whole number, 1 to 4096");
  CHECK(message({"a.toml", "b.toml", "--point", "1"}) == "--point speaks of one experiment file; run the files one by one");
  CHECK(message({"--list", "policy"}) == "--list is 'policy'; expected agents, credits, envs, policies, rewards");
  CHECK(message({"--list", "agent"}) ==
        "--list is 'agent'; expected agents, credits, envs, policies, rewards; did you mean 'agents'?");
  CHECK(message({"--list", "envs", "--explain", "run"}) == "--list and --explain cannot go together");
  CHECK(message({"a.toml", "--version"}) == "--version takes no experiment file");
  CHECK(message({"--compare", "a"}) == "--compare takes two runs, --compare A B; found 1");
  CHECK(message({"--compare", "a", "b", "c"}) == "--compare takes two runs, --compare A B; found 3");
  CHECK(message({"--compare", "a", "b", "--out", "x"}) == "--compare takes no --out");
  CHECK(message({"--list", "envs", "--slurm"}) == "--list takes no --slurm");
  CHECK(message({"a.toml", "--set"}) == "the required argument for option '--set' is missing; see --help");
  CHECK(message({"a.toml", "--out", "x", "--out", "y"}) == "option '--out' cannot be specified more than once; see --help");
  CHECK(message({"a.toml", "--out="}) ==
        "the argument for option '--out' should follow immediately after the equal sign; see --help");
}

TEST_CASE("--help names every option and exit code") {
  const std::string text = help_text();
  for (const char* word : {"FILE", "--set", "--seed", "--point", "--jobs", "--out", "--dry-run", "--print-config", "--list",
                           "--explain", "--compare", "--quiet", "--resume", "--slurm", "--version", "--help", "130 and 143"})
    CHECK(text.find(word) != std::string::npos);
}

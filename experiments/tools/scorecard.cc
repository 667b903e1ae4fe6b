// tool scorecard: every policy on every environment with a known answer; a table, and with --out its numbers as a file and a figure.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "experiments/report_program.h"
#include "experiments/scorecard.h"
#include "experiments/tool.h"

namespace fader {
namespace {

namespace po = boost::program_options;

std::int64_t at_least_one(const po::variables_map& given, const char* name) {
  const auto value = given[name].as<std::int64_t>();
  if (value < 1) throw ConfigError(fmt::format("tool scorecard: --{} is {}; expected at least 1", name, value));
  return value;
}

}  // namespace

int play_scorecard_tool(const std::vector<std::string>& arguments) {
  ScorecardOptions o;
  using Texts = std::vector<std::string>;
  const auto number = [](std::int64_t otherwise) { return po::value<std::int64_t>()->default_value(otherwise); };
  po::options_description described;
  described.add_options()("seeds", number(o.seeds))("across-seeds", number(o.across_seeds))("episodes", number(o.episodes))(
      "members", number(o.members))("evaluation", number(o.evaluation))("policy", po::value<Texts>()->composing())(
      "env", po::value<Texts>()->composing())("jobs", number(std::max(1u, std::thread::hardware_concurrency())))("out", po::value<std::string>());
  const auto given = read_tool("scorecard", described, arguments, 0, 0);
  o.seeds = at_least_one(given, "seeds");
  o.across_seeds = at_least_one(given, "across-seeds");
  o.episodes = at_least_one(given, "episodes");
  o.members = at_least_one(given, "members");
  o.evaluation = at_least_one(given, "evaluation");
  o.jobs = static_cast<int>(at_least_one(given, "jobs"));
  if (given.count("policy")) o.policies = given["policy"].as<Texts>();
  if (given.count("env")) o.environments = given["env"].as<Texts>();
  const std::filesystem::path out = given.count("out") ? given["out"].as<std::string>() : "";
  if (!out.empty()) make_folder(out);
  const bool watched = ::isatty(2) == 1;
  const Scorecard card = play_scorecard(o, [watched](std::size_t done, std::size_t all) {
    if (watched && (100 * done / all != 100 * (done - 1) / all)) fmt::print(stderr, "\r{} of {} games{}", done, all, done == all ? "\n" : "");
  });
  fmt::print("Share of the way from equal weights (0) to the best policy (1); empty: it cannot be played there.\n\n{}", scorecard_markdown(card));
  if (!out.empty()) {
    write_atomically(out / "scorecard.tsv", scorecard_tsv(card));
    fmt::print("\n");
    if (const Ending drawn = make_report(out, false); drawn.code != 0) {
      fmt::print(stderr, "tool scorecard: the figure could not be drawn ({}); {} is there, and ./report {} tries again\n", drawn.message,
                 (out / "scorecard.tsv").string(), out.string());
      return drawn.code;
    }
  }
  return static_cast<int>(Exit::done);
}

}  // namespace fader

// tool agents: what every agent of an experiment costs, and how far they agree; with --out as tables and a figure.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "core/error.h"
#include "core/files.h"
#include "experiments/agents_table.h"
#include "experiments/display.h"
#include "experiments/report_program.h"
#include "experiments/tool.h"

namespace fader {

int measure_agents_tool(const std::vector<std::string>& arguments) {
  namespace po = boost::program_options;
  using Texts = std::vector<std::string>;
  po::options_description described;
  described.add_options()("set", po::value<Texts>()->composing())("point", po::value<std::int64_t>()->default_value(0))(
      "cases", po::value<std::int64_t>()->default_value(2000))("steps", po::value<std::int64_t>())("runs", po::value<std::string>()->default_value("runs"))("out", po::value<std::string>());
  const auto given = read_tool("agents", described, arguments, 1, 1);
  const auto cases = given["cases"].as<std::int64_t>(), index = given["point"].as<std::int64_t>();
  if (cases < 2) throw ConfigError(fmt::format("tool agents: --cases is {}; expected at least 2", cases));
  const Experiment experiment = load_experiment(inputs_of(given)[0], given.count("set") ? given["set"].as<Texts>() : Texts());
  if (index < 0 || static_cast<std::size_t>(index) >= experiment.points.size())
    throw ConfigError(fmt::format("tool agents: --point is {}; the experiment has points 0 to {}", index, experiment.points.size() - 1));
  const Point& point = experiment.points[static_cast<std::size_t>(index)];
  const std::filesystem::path out = given.count("out") ? given["out"].as<std::string>() : "";
  if (!out.empty()) make_folder(out);

  Display display(STDERR_FILENO, false);
  AgentsTableOptions options{.cases = static_cast<std::size_t>(cases), .steps = {}};
  if (given.count("steps")) options.steps = given["steps"].as<std::int64_t>();
  const AgentsTable table = measure_agents(point, point.run.seeds[0], options,
                                           std::filesystem::path(given["runs"].as<std::string>()) / "cache", display);
  display.clear();
  fmt::print("{}", agents_text(table));
  if (out.empty()) return static_cast<int>(Exit::done);
  write_atomically(out / "agents.tsv", agents_tsv(table));
  write_atomically(out / "agreement.tsv", agreement_tsv(table));
  fmt::print("\n");
  if (const Ending drawn = make_report(out, false); drawn.code != 0) {
    fmt::print(stderr, "tool agents: the figure could not be drawn ({}); the tables in {} are there, and ./report {} tries again\n", drawn.message,
               out.string(), out.string());
    return drawn.code;
  }
  return static_cast<int>(Exit::done);
}

}  // namespace fader

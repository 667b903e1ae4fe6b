#include "experiments/tool.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "core/error.h"

namespace fader {

// One function a file of experiments/tools/.
int check_runs(const std::vector<std::string>& arguments);
int repair_run(const std::vector<std::string>& arguments);
int export_runs(const std::vector<std::string>& arguments);
int measure_agents_tool(const std::vector<std::string>& arguments);
int study_credit_tool(const std::vector<std::string>& arguments);
int write_schema(const std::vector<std::string>& arguments);
int play_scorecard_tool(const std::vector<std::string>& arguments);

namespace {

namespace po = boost::program_options;
using Texts = std::vector<std::string>;

const std::vector<Tool> kTools = {
    {"check", "FILE|FOLDER...", "reads every run.h5 in full and says whether it is whole and what in it cannot be true", check_runs},
    {"repair", "FILE [--out FILE]", "saves what can be read of a damaged or unclosed run.h5; the file as it was is kept beside it", repair_run},
    {"minari", "RUN... --out DIR [--id NAME-vN]", "exports complete runs as a dataset for Python's minari", export_runs},
    {"agents", "EXPERIMENT.toml [--set KEY=VALUE]... [--point n] [--cases n] [--steps n] [--runs DIR] [--out DIR]",
     "says what every agent of an experiment costs and how far they agree, over --cases passages by a model of --steps steps; --out: as tables and a figure; --runs: "
     "whose corpus cache is used", measure_agents_tool},
    {"credit", "EXPERIMENT.toml --out DIR [--set KEY=VALUE]... [--places n] [--no-episodes] [--runs DIR]",
     "says how far the estimators of env.credit agree with what comes of listening to each agent for an interval, at --places intervals of "
     "every point, all seeds side by side; goes on from what is in --out", study_credit_tool},
    {"schema", "[--out FILE]", "prints the JSON Schema of experiment files, for editors (experiments/schema.json)", write_schema},
    {"scorecard", "[--seeds n] [--across-seeds n] [--episodes n] [--members n] [--evaluation n] [--policy NAME]... [--env NAME]... [--jobs n] [--out DIR]",
     "plays every policy on every environment with a known answer, and says how near to the optimum it came; --out: as a table and a figure", play_scorecard_tool},
};

const Tool& tool_named(const std::string& name) {
  Texts known;
  for (const Tool& tool : kTools) {
    if (tool.name == name) return tool;
    known.emplace_back(tool.name);
  }
  throw ConfigError(fmt::format("no tool '{}'{}", name, suggestion(name, known)));
}

bool is_help(const std::string& word) { return word == "help" || word == "--help" || word == "-h"; }

std::string usage_text(const Tool& tool) { return fmt::format("run_experiment tool {} {}\n  {}\n", tool.name, tool.usage, tool.summary); }

}  // namespace

std::span<const Tool> tools() { return kTools; }

std::string tools_text() {
  std::string out;
  for (const Tool& tool : kTools) out += usage_text(tool);
  return out;
}

int run_tool(const Texts& arguments) {
  if (arguments.empty()) throw ConfigError("which tool?\n" + tools_text());
  if (is_help(arguments[0])) {
    std::fputs(tools_text().c_str(), stdout);
    return 0;
  }
  const Tool& tool = tool_named(arguments[0]);
  const Texts rest(arguments.begin() + 1, arguments.end());
  if (rest.size() == 1 && is_help(rest[0])) {
    std::fputs(usage_text(tool).c_str(), stdout);
    return 0;
  }
  return tool.perform(rest);
}

po::variables_map read_tool(const std::string& name, const po::options_description& described, const Texts& arguments, std::size_t least,
                            std::size_t most) {
  const Tool& tool = tool_named(name);
  const auto refuse = [&](const std::string& what) {
    throw ConfigError(fmt::format("tool {}: {}\nusage: run_experiment tool {} {}", name, what, name, tool.usage));
  };
  po::options_description all;
  all.add(described).add_options()("input", po::value<Texts>()->composing());
  po::positional_options_description inputs;
  inputs.add("input", -1);
  po::variables_map given;
  try {
    po::store(po::command_line_parser(arguments).options(all).positional(inputs)
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(),
              given);
  } catch (const po::error& error) {
    refuse(error.what());
  }
  const std::size_t count = inputs_of(given).size();
  if (count < least) refuse(count == 0 ? "nothing is named" : fmt::format("{} named, at least {} expected", count, least));
  if (count > most) refuse(most == 0 ? "takes no files" : fmt::format("{} named, at most {} expected", count, most));
  return given;
}

Texts inputs_of(const po::variables_map& given) { return given.count("input") ? given["input"].as<Texts>() : Texts(); }

}  // namespace fader

// tool credit: how far the estimators of env.credit agree with what comes of listening to each agent.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "core/error.h"
#include "core/files.h"
#include "experiments/credit_study.h"
#include "experiments/display.h"
#include "experiments/report_program.h"
#include "experiments/tool.h"

namespace fader {

int study_credit_tool(const std::vector<std::string>& arguments) {
  namespace po = boost::program_options;
  using Texts = std::vector<std::string>;
  po::options_description described;
  described.add_options()("set", po::value<Texts>()->composing())("places", po::value<std::int64_t>()->default_value(3))("no-episodes", po::bool_switch())(
      "runs", po::value<std::string>()->default_value("runs"))("out", po::value<std::string>());
  const auto given = read_tool("credit", described, arguments, 1, 1);
  CreditStudyOptions options;
  options.places = given["places"].as<std::int64_t>();
  options.episodes = !given["no-episodes"].as<bool>();
  options.cache = std::filesystem::path(given["runs"].as<std::string>()) / "cache";
  if (options.places < 1) throw ConfigError(fmt::format("tool credit: --places is {}; expected at least 1", options.places));
  if (given.count("out") == 0) throw ConfigError("tool credit: --out DIR is missing, the folder of what is found, which a later call goes on from");
  const Experiment experiment = load_experiment(inputs_of(given)[0], given.count("set") ? given["set"].as<Texts>() : Texts());
  const std::filesystem::path out = given["out"].as<std::string>();
  make_folder(out);

  Display display(STDERR_FILENO, false);
  play_credit_study(experiment, options, out / "credit.tsv", display);
  display.clear();
  const Ending drawn = make_report(out, false);
  if (drawn.code != 0)
    fmt::print(stderr, "tool credit: the report failed ({}); {} is there, and ./report {} tries again\n", drawn.message,
               (out / "credit.tsv").string(), out.string());
  return drawn.code;
}

}  // namespace fader

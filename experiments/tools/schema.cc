// run_experiment tool schema [--out FILE]: the JSON Schema of experiment files, for editors.
#include <boost/program_options.hpp>
#include <cstdio>

#include "core/files.h"
#include "experiments/json_schema.h"
#include "experiments/tool.h"

namespace fader {

int write_schema(const std::vector<std::string>& arguments) {
  namespace po = boost::program_options;
  po::options_description described;
  described.add_options()("out", po::value<std::string>());
  const auto given = read_tool("schema", described, arguments, 0, 0);
  const std::string text = experiment_schema();
  if (given.count("out")) write_atomically(given["out"].as<std::string>(), text);
  else std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace fader

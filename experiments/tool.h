// Jobs of the program besides running experiments: run_experiment tool NAME ARGUMENT...
//
// Each is one file of experiments/tools/ and one line of the table in tool.cc.
#pragma once
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <span>
#include <string>
#include <vector>

namespace fader {

struct Tool {
  const char* name;
  const char* usage;    ///< what follows the name: "FILE... [--out DIR]"
  const char* summary;  ///< one line, for --help
  /// What follows the name on the command line; returns the exit code. Results go to standard output. Throws as all do.
  int (*perform)(const std::vector<std::string>& arguments);
};

/// In the order of --help.
std::span<const Tool> tools();

/// `arguments[0]` is the tool's name. ConfigError when there is none of that name; "help" or --help as the only argument of
/// a tool, or in place of its name, prints usage.
int run_tool(const std::vector<std::string>& arguments);

/// What a tool was told: the options of `described`, and what is not an option under the key "input". ConfigError naming the
/// tool and its usage: an unknown option, a value that is missing, fewer than `least` or more than `most` inputs.
boost::program_options::variables_map read_tool(const std::string& name, const boost::program_options::options_description& described,
                                                const std::vector<std::string>& arguments, std::size_t least, std::size_t most);
/// The inputs of a tool, "input" of the map.
std::vector<std::string> inputs_of(const boost::program_options::variables_map& given);

/// One line a tool, for --help.
std::string tools_text();

}  // namespace fader

// What a user asks for on the command line. Reads no file and runs nothing.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fader {

struct CommandLine {
  enum class Job { run, dry_run, print_config, list, explain, compare, version, help };
  Job job = Job::run;
  std::vector<std::filesystem::path> files;   ///< at least one for run, dry_run and print_config, none otherwise
  std::vector<std::string> overrides;         ///< key=value, in order
  std::vector<std::int64_t> seeds;            ///< each once; empty: those of the file
  std::vector<std::int64_t> points;           ///< each once; indices as --dry-run shows them; empty: all; only with one file
  std::int64_t jobs = 0;                      ///< processes at a time; 0: cores / threads per run
  std::filesystem::path out = "runs";
  std::string subject;                        ///< of list: the shelf; of explain: the name
  std::filesystem::path left, right;          ///< of compare
  bool resume = false;                        ///< keep complete runs of the same configuration
  std::optional<std::string> slurm;           ///< submit to Slurm, with these options for sbatch
  bool quiet = false;
};

/// ConfigError when it cannot be understood: one line, with the nearest option. Abbreviations are not taken.
CommandLine parse_command_line(int argc, const char* const* argv);

/// Usage and all options, for --help.
std::string help_text();

}  // namespace fader

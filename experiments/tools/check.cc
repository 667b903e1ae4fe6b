// tool check FILE|FOLDER...: is every run whole, and can what is in it be true?
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "core/error.h"
#include "experiments/guarded.h"
#include "experiments/tool.h"
#include "store/check.h"

namespace fader {
namespace {

constexpr std::size_t kMostLines = 200;  // of one file

nlohmann::json examined(const std::filesystem::path& file) {
  const Checked checked = check_run(file);
  nlohmann::json lines = nlohmann::json::array();
  for (const Problem& problem : checked.problems) {
    if (lines.size() == kMostLines) break;
    lines.push_back(plain_line(problem.text));
  }
  return {{"lines", lines}, {"count", checked.problems.size()}, {"closed", checked.closed}, {"summary", plain_line(checked.summary)}};
}

/// Says what there is to say of one file; whether it is fine.
bool report(const std::filesystem::path& file) {
  const std::string name = plain_line(file.string(), 4096);
  nlohmann::json seen;
  try {
    seen = guarded(file, [&] { return examined(file); });
  } catch (const DataError& error) {
    fmt::print("{}\n", plain_line(error.what(), 8192));
    return false;
  }
  const std::size_t count = seen["count"];
  if (count == 0) {
    fmt::print("{}: ok: {}{}\n", name, seen["summary"].get<std::string>(),
               seen["closed"].get<bool>() ? "" : "; was not closed (its writer was killed or is still at work); readable; `tool repair` closes it");
    return true;
  }
  fmt::print("{}: damaged: {} problem{}\n", name, count, count == 1 ? "" : "s");
  for (const std::string line : seen["lines"]) fmt::print("  {}\n", line);
  if (count > seen["lines"].size()) fmt::print("  and {} more\n", count - seen["lines"].size());
  return false;
}

}  // namespace

int check_runs(const std::vector<std::string>& arguments) {
  const auto given = read_tool("check", boost::program_options::options_description(), arguments, 1, 1'000'000);
  std::size_t damaged = 0, all = 0;
  for (const auto& file : run_files(inputs_of(given))) {
    damaged += !report(file);
    ++all;
    std::fflush(stdout);
  }
  if (all > 1) fmt::print("{} of {} files are fine\n", all - damaged, all);
  return static_cast<int>(damaged == 0 ? Exit::done : Exit::data);
}

}  // namespace fader

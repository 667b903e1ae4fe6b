#include "analysis/run_setup.h"

#include <algorithm>

namespace fader {
namespace {

/// Without what stands behind a '#' outside of quotes, and blanks at the end.
std::string without_comment(const std::string& line) {
  std::size_t end = 0;
  for (bool quoted = false; end < line.size() && (quoted || line[end] != '#'); ++end) {
    if (line[end] == '\\' && quoted) ++end;
    else if (line[end] == '"') quoted = !quoted;
  }
  std::string out = line.substr(0, end);
  out.erase(out.find_last_not_of(" \t") + 1);
  return out;
}

}  // namespace

RunSetup read_setup(const std::string& toml) {
  RunSetup out;
  std::string section;
  for (std::size_t at = 0; at < toml.size();) {
    const std::size_t end = std::min(toml.find('\n', at), toml.size());
    const std::string line = without_comment(toml.substr(at, end - at));
    at = end + 1;
    if (line.starts_with("[")) section = line;
    const std::string key = line.substr(0, line.find(' ')), value = line.substr(std::min(line.size(), line.find('=') + 1));
    if (section == "[train]" && key == "intervals") out.intervals = value;
    else if (section == "[train]" && key == "steps_per_interval") out.interval_steps = value;
    else if (!section.empty() && section != "[run]" && section != "[policy]" && !line.empty()) out.rest += line + "\n";
  }
  return out;
}

}  // namespace fader

#include "experiments/differences.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace fader {

std::vector<std::string> differences(const Point& before, const Point& now) {
  std::map<std::string, Setting> old;
  for (const Setting& s : settings(before))
    if (s.in_hash) old.emplace(s.path(), s);
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const Setting& s : settings(now)) {
    if (!s.in_hash) continue;
    seen.insert(s.path());
    const auto it = old.find(s.path());
    if (it == old.end()) out.push_back(fmt::format("{}: absent before, {} now ({})", s.path(), s.value, s.origin));
    else if (it->second.value != s.value) out.push_back(fmt::format("{}: {} before, {} now ({})", s.path(), it->second.value, s.value, s.origin));
  }
  for (const auto& [path, s] : old)
    if (!seen.count(path)) out.push_back(fmt::format("{}: {} before, absent now", path, s.value));
  return out;
}

}  // namespace fader

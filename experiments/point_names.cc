#include "experiments/point_names.h"

#include <fmt/format.h>

#include <cctype>

#include "experiments/point_reader.h"

namespace fader {

std::string name_of_file(const std::string& stem) {
  std::string out;
  for (const char c : stem) out += name_problem(fmt::format("_{}", c), "_-+.").empty() ? c : '_';
  if (!name_problem(out.substr(0, 1), "_").empty()) out = fmt::format("_{}", out);
  return out.substr(0, 64);
}

std::string in_a_name(const std::string& value) {
  std::string out;
  for (const char c : value) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || std::string_view("._+-").find(c) != std::string_view::npos;
    if (plain) out += c;
    else if (!out.empty() && out.back() != '_') out += '_';
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

std::string varied(const Point& point, const TomlValue* set) {
  std::string out;
  if (!set) return out;
  for (const Setting& s : settings(point)) {
    std::string path = s.path();
    if (s.section.rfind("agents.", 0) == 0)  // by name in the file, by number in the settings
      path = fmt::format("agents.{}.{}", point.agents[std::stoul(s.section.substr(7))].name, s.key);
    if (set->find_path(path)) out += fmt::format(",{}={}", path, in_a_name(s.value));
  }
  return out;
}

}  // namespace fader

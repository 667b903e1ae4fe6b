#include "experiments/resolve.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/files.h"

namespace fader {
namespace {

constexpr std::size_t kLongestSlug = 80;
constexpr std::size_t kWidestColumn = 48;  // of `key = value`; comments of longer ones follow where they may

class Collector {
 public:
  explicit Collector(const Point& point) : point_(point) {}

  void add(const std::string& section, const std::string& key, const std::string& value, bool in_hash) {
    const auto origin = point_.origins.find(section + "." + key);
    out.push_back({section, key, value, origin == point_.origins.end() ? "default" : origin->second, in_hash});
  }
  void options(const std::string& section, Options& options) {
    for (const Option& o : options.list()) add(section, o.name, o.value(), o.in_hash);
  }
  void chosen(const std::string& section, const Chosen& chosen, bool named, bool name_in_hash) {
    add(section, "kind", toml_quote(chosen.kind), true);
    if (named) add(section, "name", toml_quote(chosen.name), name_in_hash);
    options(section, *chosen.options);
  }
  std::vector<Setting> out;

 private:
  const Point& point_;
};

std::string header(const std::string& section) {
  return section.rfind("agents.", 0) == 0 ? "[[agents]]" : "[" + section + "]";
}

std::string line(const Setting& s) { return s.key + " = " + s.value; }

}  // namespace

std::vector<Setting> settings(const Point& point) {
  Point copy = point;  // options list themselves through pointers to their members
  Collector collect(copy);
  collect.options("run", copy.run);
  if (copy.trains()) {
    collect.options("corpus", copy.corpus);
    collect.options("model", copy.model);
    collect.options("train", copy.train);
  }
  collect.chosen("env", copy.env, false, false);
  for (std::size_t i = 0; i < copy.agents.size(); ++i) collect.chosen(fmt::format("agents.{}", i), copy.agents[i], true, true);
  collect.chosen("policy", copy.policy, true, false);
  collect.options("policy", copy.deployment);
  return std::move(collect.out);
}

std::string point_hash(const Point& point) {
  std::vector<std::string> lines;
  for (const Setting& s : settings(point))
    if (s.in_hash) lines.push_back(s.path() + " = " + s.value + "\n");
  std::sort(lines.begin(), lines.end());
  Sha256 hash;
  for (const std::string& line : lines) hash.add(line);
  return hash.hex();
}

std::string resolved_toml(const std::string& name, const std::string& question, const Point& point) {
  std::string out = fmt::format("# {}\n", question);
  out += "# Resolved: every value of one point, with where it came from. Runs again by itself.\n";
  out += fmt::format("name = {}\n", toml_quote(name));
  const std::vector<Setting> all = settings(point);
  for (auto first = all.begin(); first != all.end();) {
    const auto last = std::find_if(first, all.end(), [&](const Setting& s) { return s.section != first->section; });
    std::size_t width = 0;
    for (auto s = first; s != last; ++s)
      if (const std::size_t w = line(*s).size(); w <= kWidestColumn) width = std::max(width, w);
    out += fmt::format("\n{}\n", header(first->section));
    for (; first != last; ++first) out += fmt::format("{:<{}}  # {}\n", line(*first), width, first->origin);
  }
  return out;
}

std::string config_of_run(const Experiment& experiment, Point point, std::int64_t seed) {
  point.run.seeds = {seed};
  return resolved_toml(experiment.name, experiment.question, point);
}

std::string slug_of(const std::string& varied) {
  if (varied.size() <= kLongestSlug) return varied;
  return varied.substr(0, kLongestSlug - 9) + "-" + sha256(varied).substr(0, 8);
}

}  // namespace fader

#include "analysis/cells.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

namespace fader {
namespace {

constexpr std::size_t kFileLetters = 100;  // of a folder's name

using Settings = std::map<std::string, std::string>;

Settings settings_of(const RunRecord& run) {
  Settings out;
  for (const std::string& setting : run.varies)
    if (const std::size_t equals = setting.find('='); equals != std::string::npos) out[setting.substr(0, equals)] = setting.substr(equals + 1);
  return out;
}

/// Of several maps, the keys that all have, with values that are not the same in all.
std::vector<std::string> keys_that_differ(const std::vector<Settings>& all) {
  std::vector<std::string> out;
  for (const auto& [key, value] : all[0]) {
    const auto has = [&](const Settings& other) { return other.contains(key); };
    const auto differs = [&](const Settings& other) { return other.at(key) != value; };
    if (std::ranges::all_of(all, has) && std::ranges::any_of(all, differs)) out.push_back(key);
  }
  return out;
}

std::vector<Axis> axes_of(const std::vector<Settings>& all) {
  std::vector<Axis> out;
  for (const std::string& key : keys_that_differ(all)) {
    std::set<std::string> values;
    for (const Settings& one : all) values.insert(one.at(key));
    out.push_back({key, {values.begin(), values.end()}});
    std::ranges::sort(out.back().values, naturally_before);
  }
  return out;
}

/// What all runs of a cell agree in.
Settings settings_of(const Cell& cell) {
  Settings out = settings_of(cell.collection.runs[0]);
  for (const RunRecord& run : cell.collection.runs) {
    const Settings other = settings_of(run);
    std::erase_if(out, [&](const auto& item) { return !other.contains(item.first) || other.at(item.first) != item.second; });
  }
  return out;
}

void place_on_axes(Study& study) {
  std::vector<Settings> places;
  for (const Cell& cell : study.cells) places.push_back(settings_of(cell));
  study.axes = axes_of(places);
  std::set<Settings> apart;
  for (std::size_t i = 0; i < places.size(); ++i) {
    Settings& at = study.cells[i].settings;
    for (const Axis& axis : study.axes) at[axis.name] = places[i].at(axis.name);
    apart.insert(at);
  }
  if (apart.size() == study.cells.size()) return;
  study.axes = {{"cell", {}}};  // what varies does not tell them apart: their names do
  for (Cell& cell : study.cells) {
    cell.settings = {{"cell", cell.name}};
    study.axes[0].values.push_back(cell.name);
  }
}

std::optional<double> as_number(const std::string& text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && rest == text.data() + text.size() && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace

bool naturally_before(const std::string& a, const std::string& b) {
  const auto x = as_number(a), y = as_number(b);
  if (x && y && *x != *y) return *x < *y;
  if (x.has_value() != y.has_value()) return x.has_value();
  std::size_t i = 0, j = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto end_of = [&](const std::string& s, std::size_t at) {
        while (at < s.size() && digit(s[at])) ++at;
        return at;
      };
      const std::size_t end = end_of(a, i), end_b = end_of(b, j);
      if (end - i != end_b - j) return end - i < end_b - j;
      if (const int order = a.compare(i, end - i, b, j, end_b - j); order != 0) return order < 0;
      i = end;
      j = end_b;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

Study study_of(Collection all, const std::string& baseline) {
  Study out;
  out.folder = all.folder;
  out.left_out = all.left_out;
  out.plan = all.plan;
  out.searched = all.searched;
  std::map<std::string, std::string> cell_of;  // points
  const auto later = [](const std::string& a, const std::string& b) { return naturally_before(a, b); };
  std::map<std::string, Cell, decltype(later)> cells(later);
  for (RunRecord& run : all.runs) {
    cell_of[run.point] = run.cell;
    cells[run.cell].collection.runs.push_back(std::move(run));
  }
  std::set<std::string> files;
  for (auto& [name, cell] : cells) {
    cell.name = name;
    if (cells.size() > 1) {
      cell.file = file_name(name.empty() ? "as_it_is" : name).substr(0, kFileLetters);
      while (!files.insert(cell.file).second) cell.file += "_";
      cell.file += "/";
    }
    cell.collection.folder = all.folder;
    cell.collection.metric = all.metric;
    cell.collection.metric_missing = all.metric_missing;
    for (const LeftOut& item : all.left_out)
      if (cell_of.contains(item.point) && cell_of.at(item.point) == name) cell.collection.left_out.push_back(item);
    cell.comparison = compare(cell.collection, baseline);
    out.cells.push_back(std::move(cell));
  }
  if (out.cells.size() > 1) place_on_axes(out);
  out.budgets = budget_families(out);
  return out;
}

std::vector<Sweep> sweeps_of(const Comparison& all) {
  std::vector<Sweep> out;
  std::map<std::string, std::vector<const Contender*>> families;
  std::set<std::string> files;
  for (const Contender& c : all.contenders)
    if (c.paired || c.is_baseline) families[c.runs[0]->policy].push_back(&c);
  for (const auto& [policy, points] : families) {
    if (points.size() < 2 || all.baseline.empty()) continue;
    std::vector<Settings> settings;
    for (const Contender* c : points) settings.push_back(settings_of(*c->runs[0]));
    Sweep sweep{policy, file_name(policy), axes_of(settings), {}};
    while (!files.insert(sweep.file).second) sweep.file += "_";
    std::set<std::vector<std::string>> apart;
    for (std::size_t i = 0; i < points.size(); ++i) {
      auto& [contender, at] = sweep.points.emplace_back(points[i], std::vector<std::string>());
      for (const Axis& axis : sweep.axes) at.push_back(settings[i].at(axis.name));
      apart.insert(at);
    }
    if (apart.size() == points.size()) out.push_back(std::move(sweep));
  }
  return out;
}

}  // namespace fader

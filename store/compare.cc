// Two runs, read through RunReader alone.
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "core/error.h"
#include "store/layout.h"
#include "store/store.h"

namespace fader {
namespace {

// config_toml says where each value was written, config_sha256 what can change a result.
bool is_provenance(const std::string& name) {
  return name == "created" || name == "host" || name == "command_line" || name == "config_toml" || name == kLogSteps || name.starts_with("git_");
}

/// Bit for bit; any NaN equals any other.
bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (std::isnan(a) && std::isnan(b));
}
bool same(const std::string& a, const std::string& b) { return a == b; }
bool same(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  const auto* x = std::get_if<double>(&a);
  const auto* xs = std::get_if<std::vector<double>>(&a);
  if (x) return same(*x, std::get<double>(b));
  if (!xs) return a == b;
  const auto& ys = std::get<std::vector<double>>(b);
  return std::equal(xs->begin(), xs->end(), ys.begin(), ys.end(), [](double p, double q) { return same(p, q); });
}

/// For a line of the report: the configuration file kept as an attribute would fill pages.
std::string shown(const Attribute& value) {
  std::string text = std::visit([](const auto& v) { return fmt::format("{}", v); }, value);
  if (const auto* plain = std::get_if<std::string>(&value)) text = fmt::format("'{}'", *plain);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.size() <= 60 ? text : fmt::format("{}... ({} characters)", text.substr(0, 60), text.size());
}
std::string shown(double v) { return fmt::format("{}", v); }
std::string shown(const std::string& v) { return fmt::format("'{}'", v); }

const char* shown(RunStatus status) {
  return status == RunStatus::running ? "running" : status == RunStatus::complete ? "complete" : "failed";
}

/// False where the file says that optimiser steps were not logged.
bool logs_steps(const RunReader& run) {
  const auto it = run.root().find(kLogSteps);
  const auto* value = it == run.root().end() ? nullptr : std::get_if<bool>(&it->second);
  return !value || *value;
}

class Comparison {
 public:
  Comparison(const RunReader& a, const RunReader& b) : a_(a), b_(b) {}

  std::vector<std::string> run() {
    if (a_.status() != b_.status()) add("status", shown(a_.status()), shown(b_.status()));
    attributes("", a_.root(), b_.root());
    if (a_.episodes() != b_.episodes()) add("episodes", a_.episodes(), b_.episodes());
    const std::size_t episodes = std::min(a_.episodes(), b_.episodes());
    for (std::size_t e = 0; e < episodes; ++e) attributes(episode_name(e), a_.episode(e), b_.episode(e));
    const auto common = columns(a_.columns(), b_.columns(), "");
    for (std::size_t e = 0; e < episodes; ++e)
      for (const Column& c : common) values(e, c);
    const std::string below = std::string(kSummary) + "/";
    for (const Column& c : columns(a_.summary_columns(), b_.summary_columns(), below))
      rows(below + c.path, c, a_.summary(c.path), b_.summary(c.path), 1);
    return std::move(out_);
  }

 private:
  template <class T>
  void add(const std::string& where, const T& a, const T& b) {
    out_.push_back(fmt::format("{}: {} against {}", where, a, b));
  }

  void attributes(const std::string& where, const Attributes& a, const Attributes& b) {
    std::set<std::string> names;
    for (const auto& [name, value] : a) names.insert(name);
    for (const auto& [name, value] : b) names.insert(name);
    for (const std::string& name : names) {
      const auto x = a.find(name), y = b.find(name);
      const auto text = [&](const Attributes& of, auto it) { return it == of.end() ? std::string("absent") : shown(it->second); };
      if (is_provenance(name) || (x != a.end() && y != b.end() && same(x->second, y->second))) continue;
      add(fmt::format("{}@{}", where, name), text(a, x), text(b, y));
    }
  }

  /// Reports columns that differ in themselves; returns those whose values can be compared.
  std::vector<Column> columns(const std::vector<Column>& a, const std::vector<Column>& b, const std::string& below) {
    const auto find = [](const std::vector<Column>& in, const Column& like) {
      return std::find_if(in.begin(), in.end(), [&](const Column& c) { return c.path == like.path; });
    };
    std::vector<Column> common;
    for (const Column& x : a) {
      const auto y = find(b, x);
      const std::string what = y == b.end() ? "only in the first" : difference(x, *y);
      if (!what.empty()) out_.push_back(fmt::format("{}{}: {}", below, x.path, what));
      else if (!x.is_volatile) common.push_back(x);
    }
    for (const Column& y : b)
      if (find(a, y) == a.end()) out_.push_back(below + y.path + ": only in the second");
    return common;
  }

  static std::string difference(const Column& x, const Column& y) {
    if (x.type != y.type) return "of different types";
    if (x.size != y.size) return fmt::format("{} numbers a row against {}", x.size, y.size);
    if (x.labels != y.labels)
      return fmt::format("labelled {} against {}", fmt::join(x.labels, ", "), fmt::join(y.labels, ", "));
    if (x.unit != y.unit) return fmt::format("in '{}' against '{}'", x.unit, y.unit);
    if (x.scalar != y.scalar || x.rows != y.rows || x.axes != y.axes)
      return fmt::format("a row for '{}' against '{}'", x.axes, y.axes);
    if (x.is_volatile != y.is_volatile) return "volatile in one, not in the other";
    return "";
  }

  void values(std::size_t episode, const Column& c) {
    if (c.rows == Rows::step && !(logs_steps(a_) && logs_steps(b_))) return;  // looking is free: one of them did not
    const std::string where = episode_name(episode) + "/" + c.path;
    if (c.type == Type::text) return rows(where, c, a_.read_text(episode, c.path), b_.read_text(episode, c.path), 1);
    rows(where, c, a_.read(episode, c.path), b_.read(episode, c.path), c.size);
  }

  template <class T>
  void rows(const std::string& where, const Column& c, const std::vector<T>& x, const std::vector<T>& y, std::size_t size) {
    if (size == 0) return;
    const std::size_t n = std::min(x.size(), y.size()) / size;
    std::size_t first = n, element = 0, differing = 0;
    for (std::size_t r = 0; r < n; ++r) {
      std::size_t i = 0;
      while (i < size && same(x[r * size + i], y[r * size + i])) ++i;
      if (i == size) continue;
      ++differing;
      if (first == n) {
        first = r;
        element = i;
      }
    }
    if (x.size() != y.size()) out_.push_back(fmt::format("{}: {} rows against {}", where, x.size() / size, y.size() / size));
    if (differing == 0) return;
    const std::size_t at = first * size + element;
    const std::string column = c.scalar ? "" : c.labels.empty() ? fmt::format(", column {}", element) : ", " + c.labels[element];
    out_.push_back(fmt::format("{}: row {}{}: {} against {}; {} of {} rows differ", where, first, column, shown(x[at]), shown(y[at]),
                               differing, n));
  }

  const RunReader &a_, &b_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> compare_runs(const std::filesystem::path& a, const std::filesystem::path& b) {
  const RunReader x(a), y(b);
  return Comparison(x, y).run();
}

}  // namespace fader

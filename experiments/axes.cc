#include "experiments/axes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/rng.h"

namespace fader {
namespace {

constexpr std::size_t kMostAgentsForSubsets = 10, kMostChoices = 100'000;

/// "0.5", "top_k", "0.25 0.75": a value as part of a name.
std::string text_of(const TomlValue& value) {
  struct Say {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(TomlDate) const { return "date"; }
    std::string operator()(const TomlList& list) const {
      std::vector<std::string> parts;
      for (const TomlValue& v : list) parts.push_back(text_of(v));
      return fmt::format("{}", fmt::join(parts, "+"));
    }
    std::string operator()(const TomlTable& table) const {
      std::vector<std::string> parts;
      for (const TomlEntry& e : table) parts.push_back(text_of(e.value));
      return fmt::format("{}", fmt::join(parts, "+"));
    }
  };
  return std::visit(Say{}, value.data);
}

/// `a.b.c` = value as nested tables.
TomlValue nested(const std::vector<std::string>& path, const TomlValue& value) {
  TomlValue out = value;
  for (auto key = path.rbegin(); key != path.rend(); ++key) out = {TomlTable{{*key, value.place, std::move(out)}}, value.place, ""};
  return out;
}

bool is_range(const TomlTable& table) {
  return std::any_of(table.begin(), table.end(), [](const TomlEntry& e) {
    return (e.key == "low" || e.key == "high" || e.key == "dirichlet" || e.key == "lattice") && !e.value.table();
  });
}

std::optional<double> number(const TomlValue* value) {
  if (!value) return std::nullopt;
  if (const auto* whole = std::get_if<std::int64_t>(&value->data)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value->data)) return *real;
  return std::nullopt;
}

std::vector<std::string> names_in(const TomlValue& root, const char* list) {
  std::vector<std::string> out;
  if (const TomlValue* value = root.find(list); value && value->list())
    for (const TomlValue& element : *value->list()) out.push_back(name_of(element));
  return out;
}

/// All ways to share `parts` among `size`, as weights.
void compositions(std::size_t size, std::int64_t parts, std::int64_t left, std::vector<double>& head, std::vector<std::vector<double>>& out) {
  if (head.size() + 1 == size) {
    out.push_back(head);
    out.back().push_back(static_cast<double>(left) / static_cast<double>(parts));
    return;
  }
  for (std::int64_t n = left; n >= 0 && out.size() <= kMostChoices; --n) {
    head.push_back(static_cast<double>(n) / static_cast<double>(parts));
    compositions(size, parts, left - n, head, out);
    head.pop_back();
  }
}

TomlValue list_of(const std::vector<double>& values, const Place& place) {
  TomlList list;
  for (const double v : values) list.push_back({v, place, ""});
  return {std::move(list), place, ""};
}

double four_digits(double x) { return std::stod(fmt::format("{:.4g}", x)); }

}  // namespace

class AxesReader {
 public:
  AxesReader(const TomlValue& root, Problems& problems)
      : policies_(names_in(root, "policies")), agents_(names_in(root, "agents")), problems_(problems) {}

  std::vector<SweepAxis> read(const TomlValue& over) {
    if (!over.table()) problems_.add(over.place, fmt::format("sweep.over is {}; expected a table: what varies, and over which values", over.found()));
    else walk(over, {});
    return std::move(axes_);
  }

 private:
  /// Down to lists and ranges: tables on the way are parts of the key.
  void walk(const TomlValue& at, const std::vector<std::string>& path) {
    for (const TomlEntry& entry : *at.table()) {
      std::vector<std::string> key = path;
      key.push_back(entry.key);
      if (entry.value.table() && !is_range(*entry.value.table())) walk(entry.value, key);
      else read_axis(key, entry);
    }
  }

  void read_axis(const std::vector<std::string>& key, const TomlEntry& entry) {
    SweepAxis axis;
    axis.name_ = fmt::format("{}", fmt::join(key, "."));
    axis.place_ = entry.place;
    const std::size_t before = problems_.size();
    if (axis.name_ == "agents") read_agents(axis, entry.value);
    else if (entry.value.table()) read_range(axis, key, entry.value);
    else if (entry.value.list() && !entry.value.list()->empty()) read_list(axis, key, entry.value);
    else problems_.add(entry.place, fmt::format("sweep.over.{} is {}; expected a list of values, or a range: {{ low = 0.1, high = 10 }}", axis.name_,
                                                entry.value.list() ? "an empty list" : entry.value.found()));
    if (problems_.size() == before) axes_.push_back(std::move(axis));
  }

  void read_list(SweepAxis& axis, const std::vector<std::string>& key, const TomlValue& value) {
    const bool bundle = value.list()->front().table() != nullptr;
    if (!bundle) axis.policy_ = owner(key);
    std::set<std::string> owners, texts;
    for (const TomlValue& v : *value.list()) {
      if (bundle != (v.table() != nullptr)) return problems_.add(v.place, fmt::format("sweep.over.{}: tables and other values in one list", axis.name_));
      Choice choice{axis.name_, text_of(v), {}, {}};
      if (!bundle) choice.assignments.push_back(nested(key, v));
      else read_bundle(v, choice, owners);
      if (!texts.insert(choice.text).second) return problems_.add(v.place, fmt::format("sweep.over.{}: {} is there twice", axis.name_, choice.text));
      axis.choices_.push_back(std::move(choice));
    }
    if (bundle && owners.size() == 1) axis.policy_ = *owners.begin();
  }

  void read_bundle(const TomlValue& table, Choice& choice, std::set<std::string>& owners) {
    for (const TomlEntry& entry : *table.table()) {
      if (entry.key == "name" && entry.value.text()) {
        choice.text = *entry.value.text();
        continue;
      }
      choice.assignments.push_back({TomlTable{entry}, entry.place, ""});
      std::vector<std::string> key = {entry.key};
      if (entry.value.table() && !entry.value.table()->empty()) key.push_back(entry.value.table()->front().key);
      const bool many = entry.value.table() && entry.value.table()->size() > 1 && entry.key == "policies";
      owners.insert(many ? "" : owner(key));
    }
  }

  void read_range(SweepAxis& axis, const std::vector<std::string>& key, const TomlValue& value) {
    axis.policy_ = owner(key);
    static const std::vector<std::string> kKeys = {"low", "high", "scale", "whole", "dirichlet", "lattice", "size"};
    for (const TomlEntry& e : *value.table())
      if (std::find(kKeys.begin(), kKeys.end(), e.key) == kKeys.end())
        problems_.add(e.place, fmt::format("sweep.over.{}: unknown key '{}'{}", axis.name_, e.key, suggestion(e.key, kKeys)));
    if (value.find("dirichlet") || value.find("lattice")) return read_weights(axis, key, value);
    const auto low = number(value.find("low")), high = number(value.find("high"));
    if (!low || !high || !(*low < *high))
      return problems_.add(value.place, fmt::format("sweep.over.{}: expected low and high, numbers, the first below the second", axis.name_));
    SweepAxis::Range range{*low, *high};
    if (const TomlValue* scale = value.find("scale")) {
      if (!scale->text() || (*scale->text() != "log" && *scale->text() != "linear"))
        return problems_.add(scale->place, fmt::format("sweep.over.{}: scale is {}; expected \"log\" or \"linear\"", axis.name_, scale->found()));
      range.logarithmic = *scale->text() == "log";
    }
    if (range.logarithmic && range.low <= 0)
      return problems_.add(value.place, fmt::format("sweep.over.{}: on a log scale low must be above 0", axis.name_));
    const auto is_whole = [&](const char* k) { return std::holds_alternative<std::int64_t>(value.find(k)->data); };
    range.whole = is_whole("low") && is_whole("high");
    if (const TomlValue* whole = value.find("whole")) {
      if (!std::holds_alternative<bool>(whole->data))
        return problems_.add(whole->place, fmt::format("sweep.over.{}: whole is {}; expected true or false", axis.name_, whole->found()));
      range.whole = std::get<bool>(whole->data);
    }
    take_range(axis, key, range);
  }

  void read_weights(SweepAxis& axis, const std::vector<std::string>& key, const TomlValue& value) {
    const auto size = number(value.find("size"));
    const std::size_t k = size ? static_cast<std::size_t>(std::max(0.0, *size)) : agents_.size();
    if (k < 2 || k > 1000) return problems_.add(value.place, fmt::format("sweep.over.{}: of how many agents? expected size = 2 to 1000", axis.name_));
    if (const TomlValue* alpha = value.find("dirichlet")) {
      const auto a = number(alpha);
      if (!a || !(*a > 0)) return problems_.add(alpha->place, fmt::format("sweep.over.{}: dirichlet is {}; expected a number above 0", axis.name_, alpha->found()));
      SweepAxis::Range range;
      range.dirichlet = *a;
      range.size = k;
      if (const auto parts = number(value.find("lattice")); parts && *parts >= 1 && *parts <= 100) range.lattice = static_cast<std::size_t>(*parts);
      else if (value.find("lattice"))
        return problems_.add(value.place, fmt::format("sweep.over.{}: lattice is {}; expected a whole number, 1 to 100", axis.name_, value.find("lattice")->found()));
      return take_range(axis, key, range);
    }
    const auto parts = number(value.find("lattice"));
    if (!parts || *parts < 1 || *parts > 100 || *parts != std::floor(*parts))
      return problems_.add(value.place, fmt::format("sweep.over.{}: lattice is {}; expected a whole number, 1 to 100", axis.name_, value.find("lattice")->found()));
    std::vector<std::vector<double>> all;
    std::vector<double> head;
    compositions(k, static_cast<std::int64_t>(*parts), static_cast<std::int64_t>(*parts), head, all);
    if (all.size() > kMostChoices)
      return problems_.add(value.place, fmt::format("sweep.over.{}: the lattice has more than {} weights; take fewer parts, or dirichlet", axis.name_, kMostChoices));
    for (const auto& weights : all) {
      const TomlValue list = list_of(weights, value.place);
      axis.choices_.push_back({axis.name_, text_of(list), {nested(key, list)}, {}});
    }
  }

  /// A range stands for itself in the only choice, whose value is put in its place when drawn.
  void take_range(SweepAxis& axis, const std::vector<std::string>& key, const SweepAxis::Range& range) {
    axis.range_ = range;
    axis.choices_.push_back({axis.name_, "", {nested(key, {0.0, axis.place_, ""})}, {}});
  }

  void read_agents(SweepAxis& axis, const TomlValue& value) {
    if (agents_.empty()) return problems_.add(axis.place_, "sweep.over.agents: the experiment has no agents");
    if (value.text() && *value.text() == "subsets") {
      if (agents_.size() > kMostAgentsForSubsets)
        return problems_.add(value.place, fmt::format("sweep.over.agents: {} agents have too many subsets; list those that are wanted", agents_.size()));
      for (std::size_t mask = 1; mask < std::size_t{1} << agents_.size(); ++mask) {
        std::vector<std::string> kept;
        for (std::size_t a = 0; a < agents_.size(); ++a)
          if (mask >> a & 1) kept.push_back(agents_[a]);
        add_agents(axis, kept);
      }
      return;
    }
    if (!value.list() || value.list()->empty())
      return problems_.add(axis.place_, fmt::format("sweep.over.agents is {}; expected \"subsets\", or a list of lists of names", value.found()));
    for (const TomlValue& set : *value.list()) {
      std::vector<std::string> kept;
      for (const TomlValue& name : set.list() ? *set.list() : TomlList{}) {
        if (!name.text() || std::find(agents_.begin(), agents_.end(), *name.text()) == agents_.end())
          return problems_.add(name.place, fmt::format("sweep.over.agents: there is no agent {}; there are: {}", name.found(), fmt::join(agents_, ", ")));
        kept.push_back(*name.text());
      }
      if (kept.empty()) return problems_.add(set.place, fmt::format("sweep.over.agents: {}; expected a list of names", set.found()));
      add_agents(axis, kept);
    }
  }

  void add_agents(SweepAxis& axis, const std::vector<std::string>& kept) {
    std::vector<std::string> in_order;
    for (const std::string& name : agents_)
      if (std::find(kept.begin(), kept.end(), name) != kept.end()) in_order.push_back(name);
    axis.choices_.push_back({"agents", fmt::format("{}", fmt::join(in_order, "+")), {}, in_order});
  }

  /// The policy that a key belongs to; "": it is of the environment.
  std::string owner(const std::vector<std::string>& key) const {
    if (key[0] == "policy" && policies_.size() == 1) return policies_[0];
    if (key[0] != "policies" || key.size() < 2) return "";
    return std::find(policies_.begin(), policies_.end(), key[1]) == policies_.end() ? "" : key[1];
  }

  const std::vector<std::string> policies_, agents_;
  Problems& problems_;
  std::vector<SweepAxis> axes_;
};

namespace {

/// Any with equal chance: `size` - 1 bars among the parts.
std::vector<double> lattice_point(std::size_t size, std::size_t parts, Rng& stream) {
  std::vector<std::size_t> places(parts + size - 1);
  std::iota(places.begin(), places.end(), std::size_t{0});
  stream.shuffle(std::span(places));
  std::sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(size - 1));
  std::vector<double> out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t end = i + 1 < size ? places[i] : parts + size - 1;
    out.push_back(static_cast<double>(end - begin) / static_cast<double>(parts));
    begin = end + 1;
  }
  return out;
}

/// With four decimals, which sum to 1.
std::vector<double> dirichlet_point(std::size_t size, double concentration, Rng& stream) {
  std::vector<double> weights(size);
  double sum = 0, rest = 1;
  for (double& w : weights) sum += w = stream.gamma(concentration);
  for (std::size_t i = 0; i + 1 < size; ++i) rest -= weights[i] = std::floor(weights[i] / sum * 1e4) / 1e4;
  weights.back() = std::round(rest * 1e4) / 1e4;
  return weights;
}

}  // namespace

TomlValue SweepAxis::drawn(double value) const {
  if (range_->whole) return {static_cast<std::int64_t>(std::llround(value)), place_, ""};
  return {four_digits(value), place_, ""};
}

Choice SweepAxis::draw(std::uint64_t seed, std::size_t index) const {
  Rng stream(seed, fmt::format("sweep/{}/{}", index, name_));
  if (!range_) return choices_[stream.below(choices_.size())];
  TomlValue value;
  if (range_->size > 0) {
    const bool whole_parts = range_->lattice > 0 && index % 2 == 0;
    value = list_of(whole_parts ? lattice_point(range_->size, range_->lattice, stream) : dirichlet_point(range_->size, range_->dirichlet, stream), place_);
  } else {
    const double u = range_->whole ? (static_cast<double>(stream.below(1u << 30)) + 0.5) / (1u << 30) : stream.uniform();
    const double low = range_->whole ? range_->low - 0.5 : range_->low, high = range_->whole ? range_->high + 0.5 : range_->high;
    const double x = range_->logarithmic ? range_->low * std::pow(range_->high / range_->low, u) : low + u * (high - low);
    value = drawn(std::clamp(x, range_->low, range_->high));
  }
  Choice out = choices_[0];
  out.text = text_of(value);
  TomlValue* at = &out.assignments[0];
  while (at->table()) at = &at->table()->front().value;
  *at = value;
  return out;
}

std::vector<SweepAxis> read_axes(const TomlValue& over, const TomlValue& root, Problems& problems) { return AxesReader(root, problems).read(over); }

std::vector<Combination> all_combinations(const std::vector<const SweepAxis*>& axes) {
  std::vector<Combination> out = {{}};
  for (const SweepAxis* axis : axes) {
    std::vector<Combination> longer;
    for (const Combination& begun : out)
      for (const Choice& choice : axis->choices()) {
        longer.push_back(begun);
        longer.back().push_back(choice);
      }
    out = std::move(longer);
  }
  return out;
}

std::vector<Combination> drawn_combinations(const std::vector<const SweepAxis*>& axes, std::size_t samples, std::uint64_t seed) {
  if (axes.empty()) return {{}};
  std::vector<Combination> out;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < samples; ++i) {
    Combination one;
    for (const SweepAxis* axis : axes) one.push_back(axis->draw(seed, i));
    if (seen.insert(shown(one)).second) out.push_back(std::move(one));
  }
  return out;
}

std::string shown(const Combination& combination) {
  std::string out;
  for (const Choice& choice : combination) out += (out.empty() ? "" : ",") + choice.shown();
  return out;
}

}  // namespace fader

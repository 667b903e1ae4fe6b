// The columns of a run, in the order in which they are written.
#include "store/schema.h"

#include <algorithm>

#include "core/error.h"

namespace fader {
namespace {

constexpr std::size_t kKindBytes = 32, kTextBytes = 512;

/// A column of vectors; `axis` counts the numbers of a row.
Column vectors(std::string path, Type type, const std::vector<std::string>& labels, const std::string& axis,
               std::string unit = "") {
  Column c{.path = std::move(path), .type = type, .size = labels.size(), .scalar = false, .axes = "interval " + axis};
  c.unit = std::move(unit);
  c.labels = labels;
  return c;
}

Column numbers(std::string path, std::string unit = "", std::string note = "") {
  Column c{.path = std::move(path), .axes = "interval"};
  c.unit = std::move(unit);
  c.note = std::move(note);
  return c;
}

Column with(Column c, Rows rows, Type type) {
  c.rows = rows;
  c.type = type;
  return c;
}

Column logged(const LoggedSeries& s, Rows rows) {
  FADER_CHECK(!s.axis.empty() || s.size == 1, "series {} has {} numbers a row and no axis", s.path, s.size);
  FADER_CHECK(s.labels.empty() || s.labels.size() == s.size, "series {}: {} labels for {} numbers", s.path, s.labels.size(),
              s.size);
  const std::string first = rows == Rows::once ? "episode" : "interval";
  Column c{.path = s.path, .rows = rows, .type = s.whole ? Type::i64 : Type::f64, .size = s.size, .scalar = s.axis.empty()};
  c.axes = s.axis.empty() ? first : first + " " + s.axis;
  c.unit = s.unit;
  c.labels = s.labels;
  c.is_volatile = s.is_volatile;
  return c;
}

void add_console(const RunShape& shape, std::vector<Column>& out) {
  const std::size_t arms = shape.presets.size();
  out.push_back(with(numbers("console/arm", "", "preset that was played; -1: not a discrete policy"), Rows::interval, Type::i64));
  out.push_back(vectors("console/weights_asked", Type::f64, shape.agents, "agent", "weight"));
  out.push_back(numbers("console/reward_fed", "", "what the policy learned from, after scaling"));
  out.push_back(numbers("console/log_density", "nat", "of the draw, at the time of the draw; NaN: deterministic"));
  out.push_back(numbers("console/value", "", "the critic's; NaN: no critic"));
  out.push_back(with(numbers("console/support", "", "0 deterministic, 1 discrete, 2 density"), Rows::interval, Type::u8));
  if (arms > 0) {
    std::vector<std::string> names;
    for (std::size_t a = 0; a < arms; ++a) names.push_back(fmt::format("preset {}", a));
    out.push_back(vectors("console/probability", Type::f64, names, "preset"));
    Column presets = vectors("console/presets", Type::f64, shape.agents, "agent", "weight");
    presets.rows = Rows::constant;
    presets.axes = "preset agent";
    for (const auto& row : shape.presets) {
      FADER_CHECK_EQ(row.size(), shape.agents.size());
      presets.value.insert(presets.value.end(), row.begin(), row.end());
    }
    out.push_back(std::move(presets));
  }
  for (const auto& name : shape.diagnostics) out.push_back(numbers("console/diag/" + name));
}

void add_costs(const RunShape& shape, std::vector<Column>& out) {
  Column seconds = vectors("cost/seconds", Type::f64, shape.phases, "phase", "second");
  seconds.is_volatile = true;
  out.push_back(std::move(seconds));
  out.push_back(vectors("cost/flops", Type::f64, shape.phases, "phase", "flop"));
  out.push_back(vectors("cost/tokens", Type::i64, shape.phases, "phase", "token"));
  Column total = numbers("cost/total_seconds", "second");
  total.is_volatile = true;
  out.push_back(std::move(total));
}

void add_steps_and_events(std::vector<Column>& out) {
  const auto step = [&](std::string path, Type type, std::string unit) {
    Column c = with(numbers(std::move(path), std::move(unit)), Rows::step, type);
    c.axes = "step";
    out.push_back(std::move(c));
  };
  step("train/step", Type::i64, "");
  step("train/loss", Type::f64, "nat/token");
  step("train/learning_rate", Type::f64, "");
  step("train/gradient_norm", Type::f64, "");
  const auto event = [&](std::string path, Type type, std::size_t size) {
    Column c = with(numbers(std::move(path)), Rows::event, type);
    c.size = size;
    c.axes = "event";
    c.is_volatile = true;
    out.push_back(std::move(c));
  };
  event("events/interval", Type::i64, 1);
  event("events/kind", Type::text, kKindBytes);
  event("events/text", Type::text, kTextBytes);
}

}  // namespace

std::vector<Column> run_columns(const RunShape& shape) {
  std::vector<Column> out;
  Column observations = vectors("observations", Type::f64, shape.observation_labels, "field");
  observations.rows = Rows::interval_plus;
  out.push_back(std::move(observations));
  Column actions = vectors("actions", Type::f64, shape.agents, "agent", "weight");
  actions.note = "executed weights, on the simplex";
  out.push_back(std::move(actions));
  out.push_back(numbers("rewards", "", shape.rewards.empty() ? "" : shape.rewards.front() + ", unscaled"));
  out.push_back(with(numbers("terminations"), Rows::interval, Type::boolean));
  out.push_back(with(numbers("truncations"), Rows::interval, Type::boolean));
  for (const auto& s : shape.infos) {
    FADER_CHECK(s.path.starts_with("infos/"), "{} is known after the reset as well and so belongs below infos/", s.path);
    out.push_back(logged(s, Rows::interval_plus));
  }
  add_console(shape, out);
  for (const auto& name : shape.rewards) {
    out.push_back(numbers("reward/" + name));
    out.push_back(numbers("reward/" + name + "_se", "", "standard error"));
  }
  for (const auto& name : shape.credits) {
    out.push_back(vectors("credit/" + name, Type::f64, shape.agents, "agent"));
    out.push_back(vectors("credit/" + name + "_se", Type::f64, shape.agents, "agent"));
  }
  Column names{.path = "agents/names", .rows = Rows::constant, .type = Type::text, .axes = "agent"};
  for (const auto& name : shape.agents) names.size = std::max(names.size, name.size());
  names.text = shape.agents;
  out.push_back(std::move(names));
  add_costs(shape, out);
  add_steps_and_events(out);
  for (const auto& s : shape.finals) {
    FADER_CHECK(s.path.starts_with("final/"), "{} has one row an episode and so belongs below final/", s.path);
    out.push_back(logged(s, Rows::once));
  }
  for (const auto& s : shape.series) out.push_back(logged(s, Rows::interval));
  return out;
}

std::vector<Column> summary_columns(const RunShape& shape) {
  std::vector<Column> out;
  const auto add = [&](std::string path, Type type, std::string unit = "", std::string note = "") {
    out.push_back(with(numbers(std::move(path), std::move(unit), std::move(note)), Rows::episode, type));
    out.back().axes = "episode";
  };
  add("episode", Type::i64, "", "number in the run: learning episodes first, then evaluation episodes");
  add("slot", Type::i64);
  add("evaluation", Type::boolean, "", "played to judge the policy, which learned nothing from it");
  add("decisions", Type::i64);
  add("failed", Type::boolean);
  add("return", Type::f64, "", shape.rewards.empty() ? "" : "sum of " + shape.rewards.front() + ", unscaled");
  add("flops", Type::f64, "flop", "of all phases");
  add("tokens", Type::i64, "token", "of all phases");
  for (const auto& s : shape.finals)
    if (s.axis.empty() && !s.is_volatile) add(s.path, s.whole ? Type::i64 : Type::f64, s.unit);
  return out;
}

}  // namespace fader

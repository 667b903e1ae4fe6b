#include "experiments/recorder.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace fader {
namespace {

std::vector<LoggedSeries> logged(const std::vector<Series>& list) {
  std::vector<LoggedSeries> out;
  for (const Series& s : list) out.push_back({s.path, s.size, s.axis, s.unit, s.labels, s.whole, s.volatile_value});
  return out;
}

std::vector<Attributes> episode_attributes(const Cohort& cohort, std::size_t seat_index, const Recording& recording,
                                           std::span<const std::int64_t> kept) {
  const Seat& seat = cohort.seats[seat_index];
  const EnvSpec& env = cohort.env->spec();
  const auto members = static_cast<std::int64_t>(seat.slots.size());
  std::vector<Attributes> out;
  for (const std::int64_t e : kept) {
    const bool evaluation = e >= seat.learning;
    const std::int64_t within = evaluation ? e - seat.learning : e;
    out.push_back({{"episode", e},
                   {"slot", std::int64_t{seat.slots[static_cast<std::size_t>(within % members)]}},
                   {"phase", std::string(evaluation ? "evaluate" : "learn")},
                   {"total_steps", env.horizon},
                   {"seed", recording.seed},
                   {"policy", recording.policy},
                   {"env", env.name}});
  }
  return out;
}

RunWriter open_writer(const Recording& recording, const Cohort& cohort, std::size_t seat, std::span<const std::int64_t> kept,
                      std::span<const Committed> cut, std::uint64_t summary_rows) {
  const EnvSpec& env = cohort.env->spec();
  const PolicySpec& policy = cohort.seats[seat].policy->spec();
  const bool many = cohort.seats[seat].learning + cohort.seats[seat].evaluation > 1;
  const std::vector<Column> columns = columns_of(env, policy), summary = many ? summary_of(env, policy) : std::vector<Column>();
  if (cut.empty()) return RunWriter(recording.file, recording.root, episode_attributes(cohort, seat, recording, kept), columns, summary);
  const RunReader there(recording.file);
  if (there.episodes() != cut.size())
    throw DataError(fmt::format("{}: has {} episodes, {} expected", recording.file.string(), there.episodes(), cut.size()));
  for (const Column& column : columns)
    if (!there.has(column.path))
      throw DataError(fmt::format("{}: has no dataset '{}'; it was begun by another version of the program", recording.file.string(), column.path));
  return RunWriter(recording.file, cut, summary_rows);
}

}  // namespace

namespace {

RunShape shape_of(const EnvSpec& env, const PolicySpec& policy) {
  RunShape shape;
  shape.agents = env.agents;
  shape.rewards = env.rewards;
  shape.credits = env.credits;
  shape.diagnostics = policy.diagnostics;
  shape.phases.assign(kPhaseNames.begin(), kPhaseNames.end());
  for (const Field& field : env.observation)
    for (std::size_t i = 0; i < field.size; ++i) shape.observation_labels.push_back(field.label(i));
  shape.presets = policy.presets;
  shape.infos = logged(env.infos);
  shape.series = logged(env.series);
  shape.finals = logged(env.finals);
  return shape;
}

}  // namespace

std::vector<Column> columns_of(const EnvSpec& env, const PolicySpec& policy) { return run_columns(shape_of(env, policy)); }

std::vector<Column> summary_of(const EnvSpec& env, const PolicySpec& policy) { return summary_columns(shape_of(env, policy)); }

std::vector<std::int64_t> kept_episodes(std::int64_t episodes, std::int64_t most) {
  std::vector<std::int64_t> out;
  const std::int64_t n = std::min(episodes, most);
  for (std::int64_t i = 0; i < n; ++i) out.push_back(n == 1 ? episodes - 1 : i * (episodes - 1) / (n - 1));
  return out;
}

Recorder::Recorder(const Cohort& cohort, std::size_t seat, const Recording& recording, std::span<const Committed> cut,
                   std::uint64_t summary_rows)
    : env_(cohort.env->spec()), policy_(cohort.seats[seat].policy->spec()), started_(recording.started),
      episodes_(cohort.seats[seat].learning + cohort.seats[seat].evaluation), kept_(kept_episodes(episodes_, recording.kept)),
      writer_(open_writer(recording, cohort, seat, kept_, cut, summary_rows)), seat_(seat), log_steps_(recording.log_steps), earned_(cohort.seeds.size(), 0.0),
      before_(cohort.seeds.size()) {}

std::vector<Committed> Recorder::committed() const {
  std::vector<Committed> out;
  for (std::size_t e = 0; e < kept_.size(); ++e) out.push_back(writer_.committed(e));
  return out;
}

std::uint64_t Recorder::commit_summary() {
  if (episodes_ > 1) writer_.commit_summary();
  return writer_.summary_rows();
}

void Recorder::state(Archive& archive) {
  auto latest = static_cast<std::uint64_t>(latest_);
  archive.field("latest", latest);
  archive.field("earned", std::span(earned_));
  for (Ledger::Row& row : before_) archive.field("before", row);
  archive.expect(latest < kept_.size() && std::ranges::all_of(earned_, [](double r) { return std::isfinite(r); }), "what episodes earned so far");
  latest_ = latest;
}

std::optional<std::size_t> Recorder::place(std::int64_t episode) const {
  const auto it = std::ranges::lower_bound(kept_, episode);
  if (it == kept_.end() || *it != episode) return std::nullopt;
  return static_cast<std::size_t>(it - kept_.begin());
}

void Recorder::series(std::size_t episode, const std::vector<Series>& list, std::span<const double> values) {
  for (const Series& s : list) row(episode, s.path, values.subspan(s.offset, s.size));
}

void Recorder::reset(const Glimpse& glimpse) {
  if (glimpse.seat != seat_) return;
  const Ledger::Scope scope(glimpse.cohort.env->ledger(), Phase::store);
  bool first = true;
  for (std::size_t i = 0; i < glimpse.slots.size(); ++i) {
    earned_[static_cast<std::size_t>(glimpse.slots[i])] = 0;
    const auto e = place(glimpse.episodes[i]);
    if (!e) continue;
    if (std::exchange(first, false)) latest_ = *e;
    row(*e, "observations", glimpse.outcome.observation[glimpse.first + i]);
    series(*e, env_.infos, glimpse.outcome.infos[glimpse.first + i]);
    writer_.commit(*e);
  }
}

void Recorder::interval(const Glimpse& glimpse) {
  if (glimpse.seat != seat_) return;
  const Ledger::Scope scope(glimpse.cohort.env->ledger(), Phase::store);
  for (std::size_t i = 0; i < glimpse.slots.size(); ++i) {
    const Outcome& out = glimpse.outcome;
    earned_[static_cast<std::size_t>(glimpse.slots[i])] += out.reward[glimpse.first + i][0];
    if (out.failed[glimpse.first + i] && episodes_ == 1) {
      failed_ = true;
      if (!out.events[glimpse.first + i].empty()) failure_ = out.events[glimpse.first + i].back().text;
    }
    if (const auto e = place(glimpse.episodes[i])) slot(glimpse, *e, i);
    if (episodes_ > 1 && out.end[glimpse.first + i] != End::no) summarise(glimpse, i);
  }
}

/// The row of one slot, whose episode is kept in full.
void Recorder::slot(const Glimpse& glimpse, std::size_t e, std::size_t at) {
  const std::size_t i = glimpse.first + at;
  const Outcome& out = glimpse.outcome;
  row(e, "observations", out.observation[i]);
  row(e, "actions", out.executed[i]);
  row(e, "terminations", out.end[i] == End::terminated ? 1 : 0);
  row(e, "truncations", out.end[i] == End::truncated ? 1 : 0);
  series(e, env_.infos, out.infos[i]);
  series(e, env_.series, out.series[i]);
  rewards(glimpse, e, i);
  console(glimpse, e, i);
  for (const TrainRow& t : out.train[i]) {
    if (!log_steps_) break;
    row(e, "train/step", static_cast<double>(t.step));
    row(e, "train/loss", t.loss);
    row(e, "train/learning_rate", t.learning_rate);
    row(e, "train/gradient_norm", t.gradient_norm);
  }
  for (const Event& event : out.events[i]) writer_.event(e, glimpse.interval, event.kind, event.text);
  if (out.end[i] == End::terminated)
    for (const Series& s : env_.finals) writer_.set(e, s.path, out.finals[i].subspan(s.offset, s.size));
  cost(glimpse, e, i);
  writer_.commit(e);
}

/// A row of /summary for an episode that has ended: in the order of summary_columns.
void Recorder::summarise(const Glimpse& glimpse, std::size_t at) {
  const std::size_t i = glimpse.first + at;
  const int slot = glimpse.slots[at];
  const Outcome& out = glimpse.outcome;
  const Ledger::Row& spent = glimpse.cohort.env->ledger().row(slot);
  Ledger::Row& before = before_[static_cast<std::size_t>(slot)];
  double flops = 0, tokens = 0;
  for (std::size_t p = 0; p < kPhases; ++p) {
    flops += spent.flops[p] - before.flops[p];
    tokens += static_cast<double>(spent.tokens[p] - before.tokens[p]);
  }
  before = spent;
  std::vector<double> values = {static_cast<double>(glimpse.episodes[at]), static_cast<double>(slot), glimpse.evaluation ? 1.0 : 0.0,
                                static_cast<double>(glimpse.interval),     out.failed[i] ? 1.0 : 0.0, earned_[static_cast<std::size_t>(slot)],
                                flops,                                     tokens};
  for (const Series& s : env_.finals)
    if (s.axis.empty() && !s.volatile_value) values.push_back(out.finals[i][s.offset]);
  writer_.summarise(values);
}

void Recorder::rewards(const Glimpse& glimpse, std::size_t e, std::size_t i) {
  const Outcome& out = glimpse.outcome;
  row(e, "rewards", out.reward[i][0]);
  for (std::size_t r = 0; r < env_.rewards.size(); ++r) {
    row(e, "reward/" + env_.rewards[r], out.reward[i][r]);
    row(e, "reward/" + env_.rewards[r] + "_se", out.reward_se[i][r]);
  }
  const std::size_t k = env_.agents.size();
  for (std::size_t c = 0; c < env_.credits.size(); ++c) {
    row(e, "credit/" + env_.credits[c], out.credit[i].subspan(c * k, k));
    row(e, "credit/" + env_.credits[c] + "_se", out.credit_se[i].subspan(c * k, k));
  }
}

void Recorder::console(const Glimpse& glimpse, std::size_t e, std::size_t i) {
  const std::size_t at = i - glimpse.first;
  const Decisions& decided = *glimpse.decisions;
  row(e, "console/arm", static_cast<double>(decided.arm[at]));
  row(e, "console/weights_asked", decided.weights[at]);
  row(e, "console/reward_fed", glimpse.fed[at]);
  row(e, "console/log_density", decided.log_density[at]);
  row(e, "console/value", decided.value[at]);
  row(e, "console/support", policy_.deterministic ? 0 : policy_.arms > 0 ? 1 : 2);
  if (policy_.arms > 0) row(e, "console/probability", decided.probability[at]);
  for (std::size_t d = 0; d < policy_.diagnostics.size(); ++d) row(e, "console/diag/" + policy_.diagnostics[d], decided.diagnostics[at][d]);
}

void Recorder::cost(const Glimpse& glimpse, std::size_t e, std::size_t i) {
  const Ledger::Row& ledger = glimpse.cohort.env->ledger().row(glimpse.slots[i - glimpse.first]);
  const std::vector<double> tokens(ledger.tokens.begin(), ledger.tokens.end());
  row(e, "cost/seconds", ledger.seconds);
  row(e, "cost/flops", ledger.flops);
  row(e, "cost/tokens", tokens);
  row(e, "cost/total_seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
}

void Recorder::event(std::int64_t interval, std::string_view kind, std::string_view text) {
  writer_.event(latest_, interval, kind, text);
  writer_.commit(latest_);
}

void Recorder::finish() {
  writer_.status(failed_ ? RunStatus::failed : RunStatus::complete);
  writer_.close();
}

void Recorder::abandon(bool failed) {
  if (failed) writer_.status(RunStatus::failed);
  writer_.close();
}

}  // namespace fader

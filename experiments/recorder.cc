#include "experiments/recorder.h"

#include "core/error.h"

namespace fader {
namespace {

std::vector<LoggedSeries> logged(const std::vector<Series>& list) {
  std::vector<LoggedSeries> out;
  for (const Series& s : list) out.push_back({s.path, s.size, s.axis, s.unit, s.labels, s.whole, s.volatile_value});
  return out;
}

std::vector<Attributes> episode_attributes(const EnvSpec& env, const Recording& recording) {
  std::vector<Attributes> out;
  for (std::int64_t e = 0; e < recording.episodes; ++e)
    out.push_back({{"id", e}, {"total_steps", env.horizon}, {"seed", recording.seed}, {"policy", recording.policy}, {"env", env.name}});
  return out;
}

RunWriter open_writer(const Recording& recording, const EnvSpec& env, const PolicySpec& policy, std::span<const Committed> cut) {
  const std::vector<Column> columns = columns_of(env, policy);
  if (cut.empty()) return RunWriter(recording.file, recording.root, episode_attributes(env, recording), columns);
  const RunReader there(recording.file);
  if (there.episodes() != cut.size())
    throw DataError(fmt::format("{}: has {} episodes, {} expected", recording.file.string(), there.episodes(), cut.size()));
  for (const Column& column : columns)
    if (!there.has(column.path))
      throw DataError(fmt::format("{}: has no dataset '{}'; it was begun by another version of the program", recording.file.string(), column.path));
  return RunWriter(recording.file, cut);
}

}  // namespace

std::vector<Column> columns_of(const EnvSpec& env, const PolicySpec& policy) {
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
  return run_columns(shape);
}

Recorder::Recorder(const Cohort& cohort, std::size_t seat, const Recording& recording, std::span<const Committed> cut)
    : env_(cohort.env->spec()), policy_(cohort.seats[seat].policy->spec()), started_(recording.started),
      episodes_(static_cast<std::size_t>(recording.episodes)), writer_(open_writer(recording, env_, policy_, cut)), seat_(seat),
      log_steps_(recording.log_steps) {}

std::vector<Committed> Recorder::committed() const {
  std::vector<Committed> out;
  for (std::size_t e = 0; e < episodes_; ++e) out.push_back(writer_.committed(e));
  return out;
}

void Recorder::series(std::size_t episode, const std::vector<Series>& list, std::span<const double> values) {
  for (const Series& s : list) row(episode, s.path, values.subspan(s.offset, s.size));
}

void Recorder::reset(const Glimpse& glimpse) {
  if (glimpse.seat != seat_) return;
  const Ledger::Scope scope(glimpse.cohort.env->ledger(), Phase::store);
  const auto e = static_cast<std::size_t>(glimpse.episode);
  row(e, "observations", glimpse.outcome.observation[glimpse.first]);
  series(e, env_.infos, glimpse.outcome.infos[glimpse.first]);
  writer_.commit(e);
}

void Recorder::interval(const Glimpse& glimpse) {
  if (glimpse.seat != seat_) return;
  const Ledger::Scope scope(glimpse.cohort.env->ledger(), Phase::store);
  const auto e = static_cast<std::size_t>(glimpse.episode);
  const std::size_t i = glimpse.first;
  const Outcome& out = glimpse.outcome;
  row(e, "observations", out.observation[i]);
  row(e, "actions", out.executed[i]);
  row(e, "terminations", out.end[i] == End::terminated ? 1 : 0);
  row(e, "truncations", out.end[i] == End::truncated ? 1 : 0);
  series(e, env_.infos, out.infos[i]);
  series(e, env_.series, out.series[i]);
  rewards(glimpse, i);
  console(glimpse, i);
  for (const TrainRow& t : out.train[i]) {
    if (!log_steps_) break;
    row(e, "train/step", static_cast<double>(t.step));
    row(e, "train/loss", t.loss);
    row(e, "train/learning_rate", t.learning_rate);
    row(e, "train/gradient_norm", t.gradient_norm);
  }
  for (const Event& event : out.events[i]) writer_.event(e, glimpse.interval, event.kind, event.text);
  if (out.failed[i]) {
    failed_ = true;
    if (!out.events[i].empty()) failure_ = out.events[i].back().text;
  }
  if (out.end[i] == End::terminated)
    for (const Series& s : env_.finals) writer_.set(e, s.path, out.finals[i].subspan(s.offset, s.size));
  cost(glimpse, i);
  writer_.commit(e);
}

void Recorder::rewards(const Glimpse& glimpse, std::size_t i) {
  const auto e = static_cast<std::size_t>(glimpse.episode);
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

void Recorder::console(const Glimpse& glimpse, std::size_t i) {
  const auto e = static_cast<std::size_t>(glimpse.episode);
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

void Recorder::cost(const Glimpse& glimpse, std::size_t i) {
  const auto e = static_cast<std::size_t>(glimpse.episode);
  const Ledger::Row& ledger = glimpse.cohort.env->ledger().row(glimpse.slots[i - glimpse.first]);
  const std::vector<double> tokens(ledger.tokens.begin(), ledger.tokens.end());
  row(e, "cost/seconds", ledger.seconds);
  row(e, "cost/flops", ledger.flops);
  row(e, "cost/tokens", tokens);
  row(e, "cost/total_seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
}

void Recorder::event(std::int64_t episode, std::int64_t interval, std::string_view kind, std::string_view text) {
  writer_.event(static_cast<std::size_t>(episode), interval, kind, text);
  writer_.commit(static_cast<std::size_t>(episode));
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

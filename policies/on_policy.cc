#include "policies/on_policy.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace fader {
namespace {

constexpr double kGreatestFeature = 1e4;  // beyond it an observation tells a network nothing more
constexpr std::size_t kReported = 5;

}  // namespace

OnPolicy::OnPolicy(const ActorCriticOptions& options, const PolicyContext& context, bool critic)
    : horizon_(context.horizon),
      features_(options.features, context),
      networks_((options.validate(), options), features_.size(), context, critic),
      draws_(static_cast<std::size_t>(context.slots)),
      open_(draws_.size()),
      remembered_(draws_.size(), networks_.memory()),
      report_(kReported, std::nan("")),
      features_scratch_(features_.size()) {
  spec_.presets = networks_.head().presets();
  spec_.arms = spec_.presets.size();
  spec_.diagnostics = {"entropy", "kl", "clip_fraction", "policy_loss", "value_loss", "gradient_norm"};
  spec_.learns = spec_.across = true;
  spec_.deterministic = networks_.head().certain();
  spec_.reward = options.reward;
  spec_.scaler = options.scaler;
}

void OnPolicy::begin(Slots slots, Streams) {
  features_.begin(slots);
  for (const int slot : slots) {
    const auto s = static_cast<std::size_t>(slot);
    draws_[s].decided = false;
    std::ranges::fill(remembered_[s], 0.0f);
    close(open_[s]);  // an episode that was left: cut where it was
  }
}

void OnPolicy::see(int slot, std::span<const double> x, bool after, std::span<float> out) {
  if (after) features_.next(slot, x, features_scratch_);
  else features_.see(slot, x, features_scratch_);
  std::ranges::transform(features_scratch_, out.begin(),
                         [](double v) { return static_cast<float>(std::clamp(v, -kGreatestFeature, kGreatestFeature)); });
}

void OnPolicy::decide(const Observations& observations, Streams streams, Decisions& out) {
  const std::size_t n = observations.slots.size();
  x_.resize(n, networks_.inputs());
  memory_.resize(n, networks_.memory());
  for (std::size_t i = 0; i < n; ++i) {
    see(observations.slots[i], observations.x[i], false, x_[i]);
    std::ranges::copy(remembered_[static_cast<std::size_t>(observations.slots[i])], memory_[i].begin());
  }
  const auto [f, value] = networks_.look(x_.view(), memory_.view());
  for (std::size_t i = 0; i < n; ++i) {
    const auto slot = static_cast<std::size_t>(observations.slots[i]);
    Draw& draw = draws_[slot];
    draw.x.assign(x_[i].begin(), x_[i].end());
    draw.f.assign(f[i].begin(), f[i].end());
    draw.memory.assign(remembered_[slot].begin(), remembered_[slot].end());
    draw.value = networks_.has_critic() ? static_cast<double>(value[i][0]) : 0;
    std::ranges::copy(memory_[i], remembered_[slot].begin());
    play(i, streams[i], draw, out);
  }
}

void OnPolicy::play(std::size_t i, Rng& stream, Draw& draw, Decisions& out) {
  const Head& head = networks_.head();
  draw.action.resize(head.size());
  draw.decided = true;
  draw.drawn = exploring_;
  if (exploring_ && !head.certain()) head.draw(draw.f, stream, draw.action);
  else head.best(draw.f, draw.action);
  draw.log_density = exploring_ ? head.log_density(draw.f, draw.action) : 0;  // it could not have been another
  head.weights(draw.action, out.weights[i]);
  if (spec_.arms > 0) {
    out.arm[i] = static_cast<std::int64_t>(draw.action[0]);
    head.probabilities(draw.f, out.probability[i]);
    if (!exploring_)
      for (std::size_t a = 0; a < spec_.arms; ++a) out.probability[i][a] = a == static_cast<std::size_t>(out.arm[i]) ? 1 : 0;
  }
  out.log_density[i] = draw.log_density;
  if (networks_.has_critic()) out.value[i] = draw.value;
  out.diagnostics[i][0] = head.entropy(draw.f);
  std::ranges::copy(report_, out.diagnostics[i].begin() + 1);
}

void OnPolicy::learn(const Transitions& transitions, Rng& rng) {
  const Slots slots = transitions.before.slots;
  for (std::size_t i = 0; i < slots.size(); ++i) require_finite(transitions, i, spec_);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Draw& draw = draws_[static_cast<std::size_t>(slots[i])];
    FADER_CHECK(draw.decided, "slot {} has decided nothing", slots[i]);
    append(draw, slots[i], transitions, i);
  }
  std::size_t steps = 0, open = 0;
  for (const Stretch& s : ended_) steps += s.size();
  for (const Stretch& s : open_) steps += s.size(), open += s.size() > 0;
  if (due(steps, ended_.size(), open)) learn_from_all(rng);
}

void OnPolicy::append(Draw& draw, int slot, const Transitions& transitions, std::size_t i) {
  Stretch& stretch = open_[static_cast<std::size_t>(slot)];
  if (!draw.drawn) return close(stretch);
  if (stretch.size() == 0) stretch.memory = draw.memory;
  stretch.x.insert(stretch.x.end(), draw.x.begin(), draw.x.end());
  stretch.f.insert(stretch.f.end(), draw.f.begin(), draw.f.end());
  stretch.action.insert(stretch.action.end(), draw.action.begin(), draw.action.end());
  stretch.log_density.push_back(draw.log_density);
  stretch.value.push_back(draw.value);
  stretch.reward.push_back(transitions.reward[i]);
  stretch.after.resize(networks_.inputs());
  see(slot, transitions.after[i], true, stretch.after);
  const std::span<const float> memory = remembered_[static_cast<std::size_t>(slot)];
  stretch.memory_after.assign(memory.begin(), memory.end());
  stretch.end = transitions.end[i];
  if (stretch.end != End::no) close(stretch);
}

void OnPolicy::close(Stretch& stretch) {
  if (stretch.size() > 0) ended_.push_back(std::exchange(stretch, {}));
}

void OnPolicy::learn_from_all(Rng& rng) {
  for (Stretch& stretch : open_) close(stretch);
  Rollout rollout(std::exchange(ended_, {}));
  total_ = {};
  steps_ = 0;
  update(rollout, rng);
  FADER_CHECK(steps_ > 0, "an update without a step");
  report_ = {networks_.divergence(rollout), total_.flat / steps_, total_.policy_loss / steps_, total_.value_loss / steps_,
             total_.gradient_norm / steps_};
  if (!networks_.has_critic()) report_[3] = std::nan("");
}

void OnPolicy::step(const Rollout& rollout, std::span<const std::size_t> rows, const ActorCritic::Policy& policy) {
  const ActorCritic::Report one = networks_.step(rollout, rows, policy);
  total_.flat += one.flat;
  total_.policy_loss += one.policy_loss;
  total_.value_loss += one.value_loss;
  total_.gradient_norm += one.gradient_norm;
  ++steps_;
}

void OnPolicy::step(const Rollout& rollout, const ActorCritic::Policy& policy) {
  std::vector<std::size_t> rows(rollout.rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  step(rollout, rows, policy);
}

void OnPolicy::advantages(Rollout& rollout, double gamma, double lambda) {
  for (std::size_t s = 0; s < rollout.stretches.size(); ++s) {
    const Stretch& stretch = rollout.stretches[s];
    double next = stretch.end == End::terminated ? 0 : networks_.value(stretch.after, stretch.memory_after), sum = 0;
    for (std::size_t i = stretch.size(); i-- > 0;) {
      const std::size_t row = rollout.first[s] + i;
      sum = stretch.reward[i] + gamma * next - stretch.value[i] + gamma * lambda * sum;
      next = stretch.value[i];
      rollout.advantage[row] = sum;
      rollout.target[row] = sum + stretch.value[i];
    }
  }
}

std::vector<std::vector<std::size_t>> OnPolicy::batches(const Rollout& rollout, std::size_t batch, Rng& rng) const {
  const bool whole = networks_.memory() > 0;  // units are stretches, else rows
  std::vector<std::size_t> units(whole ? rollout.stretches.size() : rollout.rows());
  std::iota(units.begin(), units.end(), std::size_t{0});
  rng.shuffle(std::span(units));
  std::vector<std::vector<std::size_t>> out;
  for (const std::size_t unit : units) {
    if (out.empty() || out.back().size() >= batch) out.emplace_back();
    if (!whole) out.back().push_back(unit);
    else
      for (std::size_t row = rollout.first[unit]; row < rollout.first[unit + 1]; ++row) out.back().push_back(row);
  }
  return out;
}

void OnPolicy::Draw::state(Archive& archive) {
  archive.field("decided", decided);
  if (!decided) return;
  archive.field("x", x);
  archive.field("f", f);
  archive.field("memory", memory);
  archive.field("action", action);
  archive.field("log_density", log_density);
  archive.field("value", value);
  archive.field("drawn", drawn);
}

void OnPolicy::learned(Archive& archive) { archive.field("networks", networks_); }

void OnPolicy::state(Archive& archive) {
  archive.field("networks", networks_);
  archive.field("features", features_);
  for (std::size_t s = 0; s < draws_.size(); ++s) {
    const Archive::Scope scope(archive, fmt::format("slot_{}", s));
    archive.field("draw", draws_[s]);
    archive.field("open", open_[s]);
  }
  archive.field("ended", ended_);
  archive.field("remembered", remembered_.view().flat());
  archive.field("report", std::span(report_));
  if (archive.loading()) check_loaded(archive);
}

void OnPolicy::check_loaded(Archive& archive) const {
  const auto finite = [](const auto& values) { return std::ranges::all_of(values, [](auto v) { return std::isfinite(v); }); };
  for (const Draw& d : draws_) {
    Stretch one;  // what it would become
    if (!d.decided) continue;
    one.x = d.x, one.f = d.f, one.memory = one.memory_after = d.memory, one.action = d.action;
    one.log_density = {d.log_density}, one.value = {d.value}, one.reward = {0};
    one.after.resize(networks_.inputs());
    archive.expect(networks_.possible(one), "what was decided last in a slot");
  }
  for (const Stretch& s : open_) archive.expect(networks_.possible(s) && s.end == End::no, "an episode under way");
  for (const Stretch& s : ended_) archive.expect(networks_.possible(s) && s.size() > 0, "an episode to learn from");
  archive.expect(finite(remembered_.view().flat()), "what networks remember");
}

}  // namespace fader

#include "policies/actor_critic.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace fader {
namespace {

NetworkShape shape_of(const ActorCriticOptions& options, std::size_t inputs, std::size_t outputs) {
  return {inputs, outputs, options.hidden, options.activation == "relu",
          options.memory == "gru" ? static_cast<std::size_t>(options.memory_units) : 0};
}

/// What every sequence remembers at first, one network's part of it: [n, units] from [n, all] and back.
void take(Table<const float> all, std::size_t from, std::size_t units, std::vector<float>& out) {
  out.resize(all.rows * units);
  for (std::size_t i = 0; i < all.rows; ++i) std::ranges::copy(all[i].subspan(from, units), std::span(out).subspan(i * units).begin());
}
void give(const std::vector<float>& part, std::size_t from, std::size_t units, Table<float> all) {
  for (std::size_t i = 0; i < all.rows; ++i) std::ranges::copy(std::span(part).subspan(i * units, units), all[i].subspan(from).begin());
}

bool all_finite(const auto& values) {
  return std::ranges::all_of(values, [](auto x) { return std::isfinite(x); });
}

}  // namespace

void ActorCriticOptions::fields(Fields& f) {
  LearningOptions::fields(f);
  features.fields(f);
  head.fields(f);
  f("hidden", hidden, "units of the networks' layers between", 1, 4096);
  f("activation", activation, "of those units").one_of({"tanh", "relu"});
  f("memory", memory, "gru: a recurrent unit before them remembers the episode").one_of({"none", "gru"});
  f("memory_units", memory_units, "of memory gru: numbers remembered", 1, 1024);
  f("optimiser", optimiser, "of the networks").one_of({"adam", "rmsprop", "sgd"});
  f("learning_rate", learning_rate, "of the optimiser", 0, 1);
  f("epsilon", epsilon, "of adam and rmsprop: added to the root of the mean square", 1e-12, 1);
  f("entropy", entropy, "weight of the entropy among what is sought", 0, 100);
  f("value", value, "weight of the critic's squared error in the loss", 0, 100);
  f("clip_gradient", clip_gradient, "longest gradient; longer ones are shortened to it; 0: any", 0, 1e9);
  f("normalise", normalise, "advantages, to mean 0 and deviation 1 over what one step of the optimiser sees");
}

void Stretch::state(Archive& archive) {
  archive.field("x", x);
  archive.field("f", f);
  archive.field("action", action);
  archive.field("log_density", log_density);
  archive.field("value", value);
  archive.field("reward", reward);
  archive.field("after", after);
  archive.field("memory", memory);
  archive.field("memory_after", memory_after);
  archive.field("end", end);
}

Rollout::Rollout(std::vector<Stretch> of) : stretches(std::move(of)), first{0} {
  for (std::size_t s = 0; s < stretches.size(); ++s) {
    stretch.insert(stretch.end(), stretches[s].size(), s);
    first.push_back(stretch.size());
  }
  advantage.resize(rows());
  target.resize(rows());
}

ActorCritic::ActorCritic(const ActorCriticOptions& options, std::size_t inputs, const PolicyContext& context, bool critic)
    : options_(options),
      head_(make_head(options.head, context)),
      actor_(shape_of(options, inputs, head_->parameters())),
      critic_(critic ? std::optional<Network>(shape_of(options, inputs, 1)) : std::nullopt),
      theta_(actor_.parameters() + (critic ? critic_->parameters() : 0)),
      gradient_(theta_.size()),
      optimiser_({options.optimiser, options.learning_rate, options.epsilon, 0.999, options.clip_gradient}, theta_.size()) {
  actor_.init(of_actor(theta_), 0.01, Rng(context.seed, "policy/init/actor"));
  actor_.detach(of_actor(theta_), head_->seeing());
  if (critic) critic_->init(of_critic(theta_), 1, Rng(context.seed, "policy/init/critic"));
}

ActorCritic::Seen ActorCritic::look(Table<const float> x, Table<float> memory) {
  take(memory, 0, actor_.memory(), of_actor_);
  const Table<const float> f = actor_.forward(of_actor(theta_), x, {of_actor_.data(), x.rows, actor_.memory()});
  give(of_actor_, 0, actor_.memory(), memory);
  if (!critic_) return {f, {}};
  take(memory, actor_.memory(), critic_->memory(), of_critic_);
  const Table<const float> value = critic_->forward(of_critic(theta_), x, {of_critic_.data(), x.rows, critic_->memory()});
  give(of_critic_, actor_.memory(), critic_->memory(), memory);
  return {f, value};
}

double ActorCritic::value(std::span<const float> x, std::span<const float> memory) {
  if (!critic_) return 0;
  of_critic_.assign(memory.begin() + static_cast<std::ptrdiff_t>(actor_.memory()), memory.end());
  return static_cast<double>(critic_->forward(of_critic(theta_), {x.data(), 1, x.size()}, {of_critic_.data(), 1, critic_->memory()}).data[0]);
}

ActorCritic::Seen ActorCritic::run(const Rollout& rollout, std::span<const std::size_t> rows, bool critic) {
  rows_.assign(rows.begin(), rows.end());
  running_.clear();
  std::vector<float> memory;
  std::size_t sequences = 0;
  if (actor_.memory() > 0) {  // whole stretches, the longest first: step by step over all
    std::vector<std::size_t> order;
    for (const std::size_t row : rows)
      if (rollout.step(row) == 0) order.push_back(rollout.stretch[row]);
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return rollout.stretches[a].size() > rollout.stretches[b].size(); });
    sequences = order.size();
    for (const std::size_t s : order) memory.insert(memory.end(), rollout.stretches[s].memory.begin(), rollout.stretches[s].memory.end());
    rows_.clear();
    for (std::size_t step = 0, left = sequences; left > 0; ++step) {
      while (left > 0 && rollout.stretches[order[left - 1]].size() <= step) --left;
      for (std::size_t i = 0; i < left; ++i) rows_.push_back(rollout.first[order[i]] + step);
      if (left > 0) running_.push_back(left);
    }
    FADER_CHECK(rows_.size() == rows.size(), "stretches are learned from as a whole");
  }
  x_.resize(rows_.size() * inputs());
  for (std::size_t i = 0; i < rows_.size(); ++i)
    std::copy_n(rollout.of(rows_[i]).x.begin() + static_cast<std::ptrdiff_t>(rollout.step(rows_[i]) * inputs()), inputs(),
                x_.begin() + static_cast<std::ptrdiff_t>(i * inputs()));
  const Table<const float> x = {x_.data(), rows_.size(), inputs()}, all = {memory.data(), sequences, this->memory()};
  take(all, 0, actor_.memory(), of_actor_);
  const Table<const float> f = actor_.forward(of_actor(theta_), x, {of_actor_.data(), sequences, actor_.memory()}, running_);
  if (!critic) return {f, {}};
  take(all, actor_.memory(), critic_->memory(), of_critic_);
  return {f, critic_->forward(of_critic(theta_), x, {of_critic_.data(), sequences, critic_->memory()}, running_)};
}

ActorCritic::Report ActorCritic::step(const Rollout& rollout, std::span<const std::size_t> rows, const Policy& policy) {
  const Seen seen = run(rollout, rows, has_critic());
  const auto n = static_cast<double>(rows_.size());
  double mean = 0, squares = 0;
  for (const std::size_t row : rows_) mean += rollout.advantage[row] / n;
  for (const std::size_t row : rows_) squares += (rollout.advantage[row] - mean) * (rollout.advantage[row] - mean);
  const bool normal = options_.normalise && rows_.size() > 1;
  const double shift = normal ? mean : 0, scale = normal ? 1 / (std::sqrt(squares / (n - 1)) + 1e-8) : 1;
  by_f_.resize(rows_.size() * head_->parameters());
  by_value_.resize(rows_.size());
  Report report = {};
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::size_t row = rows_[i];
    const std::span<const double> action = std::span(rollout.of(row).action).subspan(rollout.step(row) * head_->size(), head_->size());
    const Surrogate loss = policy(row, head_->log_density(seen.f[i], action), (rollout.advantage[row] - shift) * scale);
    const std::span<float> by_f = std::span(by_f_).subspan(i * head_->parameters(), head_->parameters());
    head_->slope(seen.f[i], action, loss.slope / n, -options_.entropy / n, by_f);
    report.policy_loss += loss.loss / n;
    report.flat += loss.slope == 0 ? 1 / n : 0;
    if (!critic_) continue;
    const double error = static_cast<double>(seen.value[i][0]) - rollout.target[row];
    by_value_[i] = static_cast<float>(2 * options_.value * error / n);
    report.value_loss += error * error / n;
  }
  std::ranges::fill(gradient_, 0.0f);
  const Table<const float> x = {x_.data(), rows_.size(), inputs()};
  actor_.backward(of_actor(theta_), x, {by_f_.data(), rows_.size(), head_->parameters()}, of_actor(gradient_));
  actor_.detach(of_actor(gradient_), head_->seeing());
  if (critic_) critic_->backward(of_critic(theta_), x, {by_value_.data(), rows_.size(), 1}, of_critic(gradient_));
  report.gradient_norm = optimiser_.step(theta_, gradient_);
  return report;
}

double ActorCritic::divergence(const Rollout& rollout) {
  std::vector<std::size_t> rows(rollout.rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  const Seen seen = run(rollout, rows, false);
  double total = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::size_t at = rollout.step(rows_[i]) * head_->parameters();
    total += head_->divergence(std::span(rollout.of(rows_[i]).f).subspan(at, head_->parameters()), seen.f[i]);
  }
  return total / static_cast<double>(rows_.size());
}

void ActorCritic::state(Archive& archive) {
  parameters_state(archive, "theta", theta_);
  archive.field("optimiser", optimiser_);
}

bool ActorCritic::possible(const Stretch& s) const {
  const std::size_t n = s.size();
  const bool steps = s.x.size() == n * inputs() && s.f.size() == n * head_->parameters() && s.action.size() == n * head_->size() &&
                     s.log_density.size() == n && s.value.size() == n;
  const bool ends = n == 0 || (s.after.size() == inputs() && s.memory.size() == memory() && s.memory_after.size() == memory());
  if (!steps || !ends || (s.end != End::no && s.end != End::terminated && s.end != End::truncated)) return false;
  for (std::size_t i = 0; i < n; ++i)
    if (!head_->possible(std::span(s.action).subspan(i * head_->size(), head_->size()))) return false;
  return all_finite(s.x) && all_finite(s.f) && all_finite(s.log_density) && all_finite(s.value) && all_finite(s.reward) &&
         all_finite(s.after) && all_finite(s.memory) && all_finite(s.memory_after);
}

}  // namespace fader

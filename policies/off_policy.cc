#include "policies/off_policy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fader {
namespace {

constexpr double kGreatestFeature = 1e4;  // beyond it an observation tells a network nothing more
constexpr double kHomeward = 1e-4;         // pull of logits towards zero, beside values of order one

NetworkShape shape_of(const OffPolicyOptions& options, std::size_t inputs, std::size_t outputs) {
  return {inputs, outputs, options.hidden, options.activation == "relu", 0};
}

void narrow(std::span<const double> from, std::span<float> to) {
  std::ranges::transform(from, to.begin(), [](double v) { return static_cast<float>(std::clamp(v, -kGreatestFeature, kGreatestFeature)); });
}

}  // namespace

void OffPolicyOptions::fields(Fields& f) {
  LearningOptions::fields(f);
  features.fields(f);
  f("floor_passages", floor_passages, "passages that every agent gets in an interval, about; at most half of an even share", 0, 1e9);
  f("hidden", hidden, "units of the networks' layers between", 1, 4096);
  f("activation", activation, "of those units").one_of({"relu", "tanh"});
  f("learning_rate", learning_rate, "of Adam, for all networks", 0, 1);
  f("gamma", gamma, "discount of the reward of the next decision; 1 where an episode's sum counts", 0, 1);
  f("tau", tau, "how much of a network its target takes over in an update", 0, 1);
  f("even", even, "share of the decisions that are drawn evenly from the simplex, to explore", 0, 1);
  f("batch", batch, "transitions that an update learns from", 1, 1e6);
  f("capacity", capacity, "transitions that are kept", 1, 1e8);
  f("warm_up", warm_up, "decisions, over all slots, that are drawn evenly from the simplex before anything is learned", 0, 1e9);
  f("update_every", update_every, "decisions, over all slots, between updates", 1, 1e9);
}

OffPolicy::OffPolicy(const OffPolicyOptions& options, const PolicyContext& context, std::size_t critics, std::size_t outputs,
                     std::vector<std::string> diagnostics)
    : options_((options.validate(), options)),
      actor_(shape_of(options, Features(options.features, context).size(), outputs * (context.agents.size() - 1))),
      actor_theta_(actor_.parameters()),
      report_(diagnostics.size(), std::nan("")),
      agents_(context.agents.size()),
      least_weight_(floor_of(options.floor_passages, context)),
      floor_log_density_(simplex::floor_log_density(agents_, least_weight_)),
      features_(options.features, context),
      actor_gradient_(actor_.parameters()),
      actor_optimiser_({"adam", options.learning_rate, 1e-8, 0.99}, actor_.parameters()),
      buffer_(static_cast<std::size_t>(options.capacity), features_.size(), agents_),
      features_scratch_(features_.size()) {
  spec_.diagnostics = std::move(diagnostics);
  spec_.learns = spec_.across = true;
  spec_.deterministic = agents_ == 1;
  spec_.reward = options.reward;
  spec_.scaler = options.scaler;
  actor_.init(actor_theta_, 0.01, Rng(context.seed, "policy/init/actor"));
  for (std::size_t c = 0; c < critics; ++c) {
    Network network(shape_of(options, features_.size() + agents_, 1));
    std::vector<float> theta(network.parameters());
    network.init(theta, 1, Rng(context.seed, "policy/init/critic_" + std::to_string(c)));
    critics_.push_back({network, theta, theta, theta, Optimiser({"adam", options.learning_rate}, theta.size())});
  }
}

double OffPolicy::reach(float f) { return kReach * std::tanh(static_cast<double>(f) / kReach); }

void OffPolicy::decide(const Observations& observations, Streams streams, Decisions& out) {
  const std::size_t n = observations.slots.size();
  x_.resize(n, features_.size());
  w_.resize(n, agents_);
  for (std::size_t i = 0; i < n; ++i) {
    features_.see(observations.slots[i], observations.x[i], features_scratch_);
    narrow(features_scratch_, x_[i]);
  }
  const Table<const float> f = actor_.forward(actor_theta_, std::as_const(x_).view());
  for (std::size_t i = 0; i < n; ++i) {
    play(i, f[i], streams[i], out);
    std::ranges::transform(out.weights[i], w_[i].begin(), [](double w) { return static_cast<float>(w); });
  }
  const std::vector<double> value = least(false, std::as_const(x_).view(), std::as_const(w_).view());
  std::ranges::copy(value, out.value.begin());
}

void OffPolicy::play(std::size_t i, std::span<const float> f, Rng& stream, Decisions& out) {
  const std::span<double> w = out.weights[i];
  std::vector<double> mean(free()), log_sigma(free());
  distribution(f, mean, log_sigma);
  if (exploring_ && agents_ > 1) {
    out.log_density[i] = draw(mean, log_sigma, stream, w) + floor_log_density_;
  } else {
    out.log_density[i] = 0;  // it could not have been another
    simplex::squash(mean, w);
  }
  if (least_weight_ > 0) simplex::floor(w, least_weight_);
  std::ranges::copy(report_, out.diagnostics[i].begin());
}

double OffPolicy::draw(std::span<const double> mean, std::span<const double> log_sigma, Rng& stream, std::span<double> a) const {
  const double even = heard_ < options_.warm_up ? 1 : options_.even, evenly = -simplex::greatest_entropy(agents_);
  std::vector<double> u(free());
  if (even > 0 && stream.uniform() < even) {
    simplex::dirichlet::sample(std::vector<double>(agents_, 1.0), stream, a);
    simplex::unsquash(a, u);
  } else {
    simplex::logistic_normal::sample({mean, log_sigma}, stream, u);
    simplex::squash(u, a);
  }
  if (even == 1) return evenly;
  const double own = simplex::logistic_normal::log_density({mean, log_sigma}, u) + std::log1p(-even);
  if (even == 0) return own;
  const double other = evenly + std::log(even), top = std::max(own, other);  // either may have drawn it
  return top + std::log(std::exp(own - top) + std::exp(other - top));
}

void OffPolicy::learn(const Transitions& transitions, Rng& rng) {
  const Slots slots = transitions.before.slots;
  for (std::size_t i = 0; i < slots.size(); ++i) require_finite(transitions, i, spec_);
  std::vector<float> x(features_.size()), after(features_.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    features_.last(slots[i], features_scratch_);
    narrow(features_scratch_, x);
    features_.next(slots[i], transitions.after[i], features_scratch_);
    narrow(features_scratch_, after);
    buffer_.add(x, transitions.decided.weights[i], after, transitions.reward[i], transitions.end[i] == End::terminated);
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    ++heard_;
    if (heard_ < options_.warm_up || heard_ % options_.update_every != 0) continue;
    sample(rng);
    update(rng);
  }
}

void OffPolicy::sample(Rng& rng) {
  const auto n = static_cast<std::size_t>(options_.batch);
  batch_.x.resize(n, features_.size());
  batch_.after.resize(n, features_.size());
  batch_.weights.resize(n, agents_);
  batch_.reward.resize(n);
  batch_.goes_on.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    const ReplayBuffer::Row row = buffer_[rng.below(buffer_.size())];
    std::ranges::copy(row.x, batch_.x[i].begin());
    std::ranges::copy(row.weights, batch_.weights[i].begin());
    std::ranges::copy(row.after, batch_.after[i].begin());
    batch_.reward[i] = row.reward;
    batch_.goes_on[i] = row.goes_on;
  }
}

void OffPolicy::weights_of(Table<const double> u, Table<float> out) const {
  std::vector<double> a(agents_);
  for (std::size_t i = 0; i < out.rows; ++i) {
    simplex::squash(u[i], a);
    simplex::mix(a, static_cast<double>(agents_) * least_weight_);
    std::ranges::transform(a, out[i].begin(), [](double w) { return static_cast<float>(w); });
  }
}

void OffPolicy::weights_slope(std::span<const double> u, std::span<const float> by_weights, std::span<double> by_u) const {
  std::vector<double> a(agents_), by_a(agents_);
  simplex::squash(u, a);
  const double kept = 1 - static_cast<double>(agents_) * least_weight_;
  std::ranges::transform(by_weights, by_a.begin(), [kept](float b) { return kept * static_cast<double>(b); });
  simplex::squash_slope(a, by_a, by_u);
}

Table<const float> OffPolicy::joined(Table<const float> x, Table<const float> weights) {
  joined_.clear();
  for (std::size_t i = 0; i < weights.rows; ++i) {
    joined_.insert(joined_.end(), x[i].begin(), x[i].end());
    joined_.insert(joined_.end(), weights[i].begin(), weights[i].end());
  }
  return {joined_.data(), weights.rows, x.cols + weights.cols};
}

std::vector<double> OffPolicy::least(bool of_targets, Table<const float> x, Table<const float> weights) {
  const Table<const float> in = joined(x, weights);
  std::vector<double> out(in.rows, std::numeric_limits<double>::infinity());
  for (Critic& critic : critics_) {
    const Table<const float> q = critic.network.forward(of_targets ? critic.target : critic.theta, in);
    for (std::size_t i = 0; i < in.rows; ++i) out[i] = std::min(out[i], static_cast<double>(q[i][0]));
  }
  return out;
}

std::vector<double> OffPolicy::backed_up(std::span<const double> next) const {
  std::vector<double> y(next.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<double>(batch_.reward[i]) + static_cast<double>(batch_.goes_on[i]) * options_.gamma * next[i];
  return y;
}

double OffPolicy::fit_critics(std::span<const double> y) {
  const Table<const float> in = joined(std::as_const(batch_.x).view(), std::as_const(batch_.weights).view());
  const auto n = static_cast<double>(in.rows);
  std::vector<float> by_q(in.rows);
  double loss = 0;
  for (Critic& critic : critics_) {
    const Table<const float> q = critic.network.forward(critic.theta, in);
    for (std::size_t i = 0; i < in.rows; ++i) {
      const double error = static_cast<double>(q[i][0]) - y[i];
      by_q[i] = static_cast<float>(2 * error / n);
      loss += error * error / n / static_cast<double>(critics_.size());
    }
    std::ranges::fill(critic.gradient, 0.0f);
    critic.network.backward(critic.theta, in, {by_q.data(), in.rows, 1}, critic.gradient);
    critic.optimiser.step(critic.theta, critic.gradient);
  }
  return loss;
}

double OffPolicy::critic_slope(bool least_of_all, Table<const float> weights, Grid<float>& by_weights) {
  const Table<const float> in = joined(std::as_const(batch_.x).view(), weights);
  const std::size_t n = in.rows, d = features_.size(), count = least_of_all ? critics_.size() : 1;
  std::vector<std::vector<float>> q(count, std::vector<float>(n));
  for (std::size_t c = 0; c < count; ++c) std::ranges::copy(critics_[c].network.forward(critics_[c].theta, in).flat(), q[c].begin());
  by_weights.resize(n, agents_);
  std::vector<float> by_q(n);
  Grid<float> by_in(n, in.cols);
  double mean = 0;
  for (std::size_t c = 0; c < count; ++c) {
    for (std::size_t i = 0; i < n; ++i) {
      bool lowest = true;
      for (std::size_t other = 0; other < count; ++other) lowest &= q[c][i] < q[other][i] || (q[c][i] == q[other][i] && c <= other);
      by_q[i] = lowest ? 1 / static_cast<float>(n) : 0;
      if (lowest) mean += static_cast<double>(q[c][i]) / static_cast<double>(n);
    }
    critics_[c].network.backward(critics_[c].theta, in, {by_q.data(), n, 1}, {}, by_in.view());
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < agents_; ++k) by_weights[i][k] += by_in[i][d + k];
  }
  return mean;
}

void OffPolicy::step_actor(Table<const float> by_f) {
  std::ranges::fill(actor_gradient_, 0.0f);
  actor_.backward(actor_theta_, std::as_const(batch_.x).view(), by_f, actor_gradient_);
  actor_optimiser_.step(actor_theta_, actor_gradient_);
}

Grid<double> OffPolicy::logits(std::span<const float> theta, const Grid<float>& x) {
  const Table<const float> f = actor_.forward(theta, x.view());
  Grid<double> u(f.rows, f.cols);
  std::ranges::transform(f.flat(), u.view().flat().begin(), reach);
  return u;
}

double OffPolicy::climb() {
  const Grid<double> u = logits(actor_theta_, batch_.x);
  const std::size_t n = u.rows();
  Grid<float> weights(n, agents_), by_weights, by_f(n, free());
  weights_of(u.view(), weights.view());
  const double q = critic_slope(false, std::as_const(weights).view(), by_weights);
  std::vector<double> by_u(free());
  for (std::size_t i = 0; i < n; ++i) {
    weights_slope(u[i], by_weights[i], by_u);
    for (std::size_t k = 0; k < free(); ++k)
      by_f[i][k] = static_cast<float>(kHomeward * u[i][k] / static_cast<double>(n) - by_u[k] * reach_slope(u[i][k]));
  }
  step_actor(std::as_const(by_f).view());
  return q;
}

void OffPolicy::follow(std::vector<float>& target, std::span<const float> theta) const {
  const auto tau = static_cast<float>(options_.tau);
  for (std::size_t i = 0; i < target.size(); ++i) target[i] += tau * (theta[i] - target[i]);
}

void OffPolicy::follow_critics() {
  for (Critic& critic : critics_) follow(critic.target, critic.theta);
}

void OffPolicy::state(Archive& archive) {
  learned(archive);
  archive.field("features", features_);
}

void OffPolicy::learned(Archive& archive) {
  parameters_state(archive, "theta", actor_theta_);
  archive.field("optimiser", actor_optimiser_);
  for (std::size_t c = 0; c < critics_.size(); ++c) {
    const Archive::Scope scope(archive, fmt::format("critic_{}", c));
    parameters_state(archive, "theta", critics_[c].theta);
    parameters_state(archive, "target", critics_[c].target);
    archive.field("optimiser", critics_[c].optimiser);
  }
  own_state(archive);
  archive.field("buffer", buffer_);
  archive.field("heard", heard_);
  archive.expect(heard_ >= 0 && (heard_ == 0 || buffer_.size() > 0), "a number of transitions");
  archive.field("report", std::span(report_));
}

}  // namespace fader

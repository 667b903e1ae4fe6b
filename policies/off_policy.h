// What consoles have in common that learn from everything they have seen: ddpg, td3, sac.
//
// An actor gives the logits u [K - 1] of weights w = floor(softmax([u, 0])), or a normal distribution of them; one or two critics say
// what (observation, w) will still earn, w being the executed weights. All transitions of all slots go into one buffer; after `warm_up`
// decisions, drawn evenly from the simplex (as a share `even` of all later ones is), every decision is followed by an update from a
// random batch. An end that is an observer's (truncated) ends nothing here: what came after is valued as any other.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "policies/features.h"
#include "policies/network.h"
#include "policies/optimiser.h"
#include "policies/policy.h"
#include "policies/presets.h"
#include "policies/replay_buffer.h"
#include "policies/simplex.h"

namespace fader {

struct OffPolicyOptions : LearningOptions {
  FeatureOptions features;
  double floor_passages = 8;
  std::vector<std::int64_t> hidden = {64, 64};
  std::string activation = "relu";
  double learning_rate = 1e-3, gamma = 1, tau = 0.01, even = 0;
  std::int64_t batch = 64, capacity = 50'000, warm_up = 400, update_every = 1;
  void fields(Fields& f) override;
};

class OffPolicy : public Policy {
 public:
  const PolicySpec& spec() const final { return spec_; }
  void begin(Slots slots, Streams) final { features_.begin(slots); }
  void decide(const Observations& observations, Streams streams, Decisions& out) final;
  void learn(const Transitions& transitions, Rng& rng) final;
  void explore(bool on) final { exploring_ = on; }
  void state(Archive& archive) final;
  void learned(Archive& archive) final;

 protected:
  /// `outputs`: numbers of the actor for each of K - 1 logits.
  OffPolicy(const OffPolicyOptions& options, const PolicyContext& context, std::size_t critics, std::size_t outputs,
            std::vector<std::string> diagnostics);

  /// What is drawn from while exploring, [K - 1] each, from the actor's numbers; its mean is what is played without.
  virtual void distribution(std::span<const float> f, std::span<double> mean, std::span<double> log_sigma) const = 0;
  /// One update from `batch_`.
  virtual void update(Rng& rng) = 0;
  virtual void own_state(Archive& archive) = 0;

  std::size_t agents() const { return agents_; }
  std::size_t free() const { return agents_ - 1; }
  /// Logits stay within +-kReach, smoothly: beyond, softmax has no slope left to come back by.
  static constexpr double kReach = 6;
  static double reach(float f);
  static double reach_slope(double mean) { return 1 - mean * mean / (kReach * kReach); }

  struct Batch {
    Grid<float> x, weights, after;
    std::vector<float> reward, goes_on;
    std::size_t size() const { return reward.size(); }
  };
  /// Weights of logits u, [n, K], as executed, without the repair of the last bit.
  void weights_of(Table<const double> u, Table<float> out) const;
  /// by_u of the gradient by weights_of(u).
  void weights_slope(std::span<const double> u, std::span<const float> by_weights, std::span<double> by_u) const;
  /// Least value over the critics, of their targets or themselves, [n].
  std::vector<double> least(bool of_targets, Table<const float> x, Table<const float> weights);
  /// r + gamma next, without `next` where the episode terminated.
  std::vector<double> backed_up(std::span<const double> next) const;
  /// A step of every critic towards y [n]; the mean squared error before.
  double fit_critics(std::span<const double> y);
  /// The gradient of mean over rows of the least (or of the first) critic's value by the weights, [n, K]. Returns the mean.
  double critic_slope(bool least_of_all, Table<const float> weights, Grid<float>& by_weights);
  /// A step of the actor, whose `forward` was the last on batch_.x, along its gradient.
  void step_actor(Table<const float> by_f);
  /// Of actors that give one number a logit: the logits, within reach, [n, K - 1].
  Grid<double> logits(std::span<const float> theta, const Grid<float>& x);
  /// A step of such an actor up the first critic, and a little towards even weights, so that an actor at a wrong corner, where
  /// softmax has hardly a slope, is not lost. The mean value before.
  double climb();
  /// target += tau (theta - target).
  void follow(std::vector<float>& target, std::span<const float> theta) const;
  void follow_critics();

  const OffPolicyOptions options_;
  Network actor_;
  std::vector<float> actor_theta_;
  Batch batch_;
  std::vector<double> report_;            ///< the diagnostics of the last update

 private:
  struct Critic {
    Network network;
    std::vector<float> theta, target, gradient;
    Optimiser optimiser;
  };
  void see(int slot, std::span<const double> x, std::span<float> out);
  void play(std::size_t row, std::span<const float> f, Rng& stream, Decisions& out);
  Table<const float> joined(Table<const float> x, Table<const float> weights);
  void sample(Rng& rng);
  /// Draws weights before their floor, [K]; the log-density of the draw.
  double draw(std::span<const double> mean, std::span<const double> log_sigma, Rng& stream, std::span<double> a) const;

  PolicySpec spec_;
  const std::size_t agents_;
  const double least_weight_, floor_log_density_;
  Features features_;
  bool exploring_ = true;
  std::int64_t heard_ = 0;                // transitions
  std::vector<float> actor_gradient_;
  Optimiser actor_optimiser_;
  std::vector<Critic> critics_;
  ReplayBuffer buffer_;
  std::vector<double> features_scratch_;
  std::vector<float> joined_;
  Grid<float> x_, w_;
};

}  // namespace fader

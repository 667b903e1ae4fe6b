// The two networks of a console that draws: an actor gives the numbers of a distribution (policies/head.h), a critic what is still
// to be earned. Both see the same; one optimiser steps both.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policies/features.h"
#include "policies/head.h"
#include "policies/network.h"
#include "policies/optimiser.h"

namespace fader {

struct ActorCriticOptions : LearningOptions {
  FeatureOptions features;
  HeadOptions head;
  std::vector<std::int64_t> hidden = {64, 64};
  std::string activation = "tanh", memory = "none", optimiser = "adam";
  std::int64_t memory_units = 32;
  double learning_rate = 1e-3, epsilon = 1e-8, entropy = 0.02, value = 0.5, clip_gradient = 0.5;
  bool normalise = true;
  void fields(Fields& f) override;
  void validate() const override { head.validate(); }
};

/// An episode of one slot, or a stretch of one, as it was played.
struct Stretch {
  std::vector<float> x, f;                  ///< [n, inputs], [n, head parameters] at the time of the draw
  std::vector<double> action, log_density, value, reward;  ///< [n, head size], [n], [n], [n]
  std::vector<float> after;                 ///< [inputs] seen after the last step
  std::vector<float> memory, memory_after;  ///< [memory] before the first step, after the last
  End end = End::no;                        ///< of the last step; no: it was cut there
  std::size_t size() const { return reward.size(); }
  void state(Archive& archive);
};

/// What an update learns from; step i of stretch s is row first[s] + i.
struct Rollout {
  std::vector<Stretch> stretches;
  std::vector<std::size_t> first;           ///< [stretches + 1]
  std::vector<std::size_t> stretch;         ///< [rows]
  std::vector<double> advantage, target;    ///< [rows]
  explicit Rollout(std::vector<Stretch> of);
  std::size_t rows() const { return stretch.size(); }
  const Stretch& of(std::size_t row) const { return stretches[stretch[row]]; }
  std::size_t step(std::size_t row) const { return row - first[stretch[row]]; }
  double log_density(std::size_t row) const { return of(row).log_density[step(row)]; }
};

class ActorCritic {
 public:
  /// Parameters are drawn from Rng(context.seed, "policy/init/..."). Without a critic there are no values.
  ActorCritic(const ActorCriticOptions& options, std::size_t inputs, const PolicyContext& context, bool critic);

  const Head& head() const { return *head_; }
  bool has_critic() const { return critic_.has_value(); }
  std::size_t inputs() const { return actor_.inputs(); }
  /// Numbers remembered from step to step: the actor's, then the critic's.
  std::size_t memory() const { return actor_.memory() + (critic_ ? critic_->memory() : 0); }

  struct Seen {
    Table<const float> f, value;            ///< [n, head parameters]; [n, 1], no columns without a critic. Valid until the next call
  };
  /// One step of n sequences; replaces what each remembers, [n, memory()].
  Seen look(Table<const float> x, Table<float> memory);
  /// Of one sequence, which forgets it at once; 0 without a critic.
  double value(std::span<const float> x, std::span<const float> memory);

  /// A loss of the log-density of a row's action, and its derivative.
  struct Surrogate {
    double loss, slope;
  };
  using Policy = std::function<Surrogate(std::size_t row, double log_density, double advantage)>;
  struct Report {
    double policy_loss, value_loss, gradient_norm;
    double flat;                            ///< share of rows whose loss has no slope
  };
  /// One step of the optimiser on the mean over `rows` (sequences of memory: whole stretches) of
  ///   policy(log pi(a|s), advantage) + value (V - target)^2 - entropy H(pi)
  /// Advantages reach `policy` normalised over the rows if the options say so.
  Report step(const Rollout& rollout, std::span<const std::size_t> rows, const Policy& policy);
  /// Mean over the rows of the divergence of what drew them from what would now.
  double divergence(const Rollout& rollout);

  void state(Archive& archive);
  /// Whether a loaded stretch is one.
  bool possible(const Stretch& stretch) const;

 private:
  /// Brings rows into the order that the networks want, and runs both.
  Seen run(const Rollout& rollout, std::span<const std::size_t> rows, bool critic);
  std::span<float> of_actor(std::vector<float>& v) const { return std::span(v).first(actor_.parameters()); }
  std::span<float> of_critic(std::vector<float>& v) const { return std::span(v).subspan(actor_.parameters()); }

  const ActorCriticOptions options_;
  std::unique_ptr<Head> head_;
  Network actor_;
  std::optional<Network> critic_;
  std::vector<float> theta_, gradient_;     // the actor's, then the critic's
  Optimiser optimiser_;

  // Of the last run: rows in the networks' order, what they see; scratch.
  std::vector<std::size_t> rows_, running_;
  std::vector<float> x_, of_actor_, of_critic_, by_f_, by_value_;
};

}  // namespace fader

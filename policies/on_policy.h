// What consoles have in common that learn from what they themselves have just drawn: reinforce, a2c, ppo.
//
// Episodes of all slots are collected step by step; when enough is there, `update` learns from it and it is forgotten. Episodes that
// are under way then are cut. What lies beyond a cut is the critic's value of what was seen there, as it is where an observer
// stopped looking (truncated); beyond an end there is nothing.
// While not exploring nothing is learned: an action that was not drawn says nothing about the draws.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "policies/actor_critic.h"
#include "policies/policy.h"

namespace fader {

class OnPolicy : public Policy {
 public:
  OnPolicy(const ActorCriticOptions& options, const PolicyContext& context, bool critic = true);

  const PolicySpec& spec() const final { return spec_; }
  void begin(Slots slots, Streams) final;
  void decide(const Observations& observations, Streams streams, Decisions& out) final;
  void learn(const Transitions& transitions, Rng& rng) final;
  void explore(bool on) final { exploring_ = on; }
  void state(Archive& archive) final;
  void learned(Archive& archive) final;

 protected:
  /// Whether to learn now from what was collected: `steps` decisions in `ended` stretches and `open` ones under way.
  virtual bool due(std::size_t steps, std::size_t ended, std::size_t open) const = 0;
  virtual void update(Rollout& rollout, Rng& rng) = 0;

  /// Fills advantage and target: A_t = sum_k (gamma lambda)^k (r_{t+k} + gamma V_{t+k+1} - V_{t+k}), target = A + V. Without a
  /// critic V = 0. Schulman et al. (2016), arXiv 1506.02438, equation 16.
  void advantages(Rollout& rollout, double gamma, double lambda);
  /// The rows in batches of about `batch` each, in random order; with memory of whole stretches.
  std::vector<std::vector<std::size_t>> batches(const Rollout& rollout, std::size_t batch, Rng& rng) const;
  /// A step of the optimiser, and into the diagnostics.
  void step(const Rollout& rollout, std::span<const std::size_t> rows, const ActorCritic::Policy& policy);
  /// All rows in one step.
  void step(const Rollout& rollout, const ActorCritic::Policy& policy);

  /// Decisions in an episode, as far as that is known.
  std::int64_t horizon() const { return horizon_; }

 private:
  /// What was decided last in a slot, until its reward comes.
  struct Draw {
    std::vector<float> x, f, memory;   // as in a stretch; memory: before it
    std::vector<double> action;
    double log_density = 0, value = 0;
    bool decided = false;              // there is one
    bool drawn = false;                // and it is not the best
    void state(Archive& archive);
  };
  void see(int slot, std::span<const double> x, bool after, std::span<float> out);
  void play(std::size_t row, Rng& stream, Draw& draw, Decisions& out);
  void append(Draw& draw, int slot, const Transitions& transitions, std::size_t row);
  void close(Stretch& stretch);
  void learn_from_all(Rng& rng);
  void check_loaded(Archive& archive) const;

  const std::int64_t horizon_;
  PolicySpec spec_;
  Features features_;
  ActorCritic networks_;
  bool exploring_ = true;
  std::vector<Draw> draws_;                     // [slots]
  std::vector<Stretch> open_, ended_;           // [slots]; any number
  Grid<float> remembered_;                      // [slots, memory]
  std::vector<double> report_;                  // of the last update: all diagnostics but the first
  ActorCritic::Report total_ = {};              // over the steps of the update under way
  double steps_ = 0;
  std::vector<double> features_scratch_;
  Grid<float> x_, memory_;
};

}  // namespace fader

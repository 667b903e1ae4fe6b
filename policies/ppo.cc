// Proximal policy optimisation: several epochs over what was just played, each step kept close to the policy that played it.
//
//   A_t = sum_k (gamma lambda)^k delta_{t+k},   delta_t = r_t + gamma V(s_{t+1}) - V(s_t),   rho = pi(a|s) / pi_old(a|s)
//   minimise  - mean min(rho A, clip(rho, 1 - c, 1 + c) A) + value mean (V - (A + V_old))^2 - entropy mean H(pi)
//
// n_steps decisions over all slots are collected, then `epochs` passes are made over them in random batches of `batch`. Advantages are
// normalised within a batch.
// Schulman, Wolski, Dhariwal, Radford and Klimov (2017), arXiv 1707.06347, equations 7 and 9, algorithm 1.
// Status: checked against exact gradients and known optima (tests/oracle/ppo_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/on_policy.h"

namespace fader {
namespace {

struct PpoOptions final : ActorCriticOptions {
  std::int64_t n_steps = 0, epochs = 10, batch = 128;
  double gamma = 1, lambda = 0.95, clip = 0.2;
  void fields(Fields& f) override {
    ActorCriticOptions::fields(f);
    f("n_steps", n_steps, "decisions, over all slots, that an update learns from; 0: 16 episodes", 0, 1e9);
    f("epochs", epochs, "passes over them", 1, 1000);
    f("batch", batch, "of those decisions, about, in each step of the optimiser", 1, 1e9);
    f("gamma", gamma, "discount of the reward of the next decision; 1 where an episode's sum counts", 0, 1);
    f("lambda", lambda, "how far rewards that came are trusted over the critic: 0 one step, 1 to the end", 0, 1);
    f("clip", clip, "greatest relative change of a probability or density that is still sought", 0.001, 10);
  }
};

class Ppo final : public OnPolicy {
 public:
  Ppo(const PpoOptions& options, const PolicyContext& context) : OnPolicy(options, context), options_(options) {}

 protected:
  bool due(std::size_t steps, std::size_t, std::size_t) const override {
    const std::int64_t episodes = 16 * (horizon() > 0 ? horizon() : 64);
    return steps >= static_cast<std::size_t>(options_.n_steps > 0 ? options_.n_steps : episodes);
  }

  void update(Rollout& rollout, Rng& rng) override {
    advantages(rollout, options_.gamma, options_.lambda);
    for (std::int64_t epoch = 0; epoch < options_.epochs; ++epoch)
      for (const auto& rows : batches(rollout, static_cast<std::size_t>(options_.batch), rng))
        step(rollout, rows, [&](std::size_t row, double log_density, double advantage) -> ActorCritic::Surrogate {
          const double ratio = std::exp(log_density - rollout.log_density(row));
          const bool beyond = advantage > 0 ? ratio > 1 + options_.clip : ratio < 1 - options_.clip;
          if (beyond) return {-std::clamp(ratio, 1 - options_.clip, 1 + options_.clip) * advantage, 0};
          return {-ratio * advantage, -ratio * advantage};
        });
  }

 private:
  const PpoOptions options_;
};

REGISTER_POLICY("ppo", Ppo, PpoOptions, "proximal policy optimisation, over presets or the whole simplex; learns across episodes",
                "checked against an oracle");

}  // namespace
}  // namespace fader

// Advantage actor-critic: one step of the optimiser on everything that was just played.
//
//   A_t = sum_{k<n} gamma^k r_{t+k} + gamma^n V(s_{t+n}) - V(s_t)      (lambda = 1; less mixes shorter n in, as in ppo)
//   minimise  - mean log pi(a|s) A + value mean (V - (A + V_old))^2 - entropy mean H(pi)
//
// n is what is left of the episode, or of the n_steps decisions over all slots that an update is made of. The synchronous form of
// Mnih et al. (2016), arXiv 1602.01783, algorithm S3, with RMSProp as there. It is ppo with one epoch of one batch: the clipped ratio is
// one there, and its slope that of the logarithm.
// Status: checked against exact gradients and known optima (tests/oracle/a2c_test.cc).
#include <algorithm>

#include "policies/on_policy.h"

namespace fader {
namespace {

struct A2cOptions final : ActorCriticOptions {
  std::int64_t n_steps = 0;
  double gamma = 1, lambda = 1;
  A2cOptions() {
    optimiser = "rmsprop";
    epsilon = 1e-5;
    learning_rate = 1e-3;
  }
  void fields(Fields& f) override {
    ActorCriticOptions::fields(f);
    f("n_steps", n_steps, "decisions, over all slots, that an update learns from; 0: four episodes", 0, 1e9);
    f("gamma", gamma, "discount of the reward of the next decision; 1 where an episode's sum counts", 0, 1);
    f("lambda", lambda, "how far rewards that came are trusted over the critic: 0 one step, 1 to the end", 0, 1);
  }
};

class A2c final : public OnPolicy {
 public:
  A2c(const A2cOptions& options, const PolicyContext& context) : OnPolicy(options, context), options_(options) {}

 protected:
  bool due(std::size_t steps, std::size_t, std::size_t) const override {
    const std::int64_t episodes = 4 * (horizon() > 0 ? horizon() : 64);
    return steps >= static_cast<std::size_t>(options_.n_steps > 0 ? options_.n_steps : episodes);
  }

  void update(Rollout& rollout, Rng&) override {
    advantages(rollout, options_.gamma, options_.lambda);
    step(rollout, [](std::size_t, double log_density, double advantage) -> ActorCritic::Surrogate {
      return {-log_density * advantage, -advantage};
    });
  }

 private:
  const A2cOptions options_;
};

REGISTER_POLICY("a2c", A2c, A2cOptions, "advantage actor-critic, over presets or the whole simplex; learns across episodes",
                "checked against an oracle");

}  // namespace
}  // namespace fader

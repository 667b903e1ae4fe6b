// The environments of the scorecard, in the order of its columns, and the groups of its rows.
#include "experiments/scorecard.h"

namespace fader {

const std::vector<Case>& scorecard_cases() {
  static const std::vector<Case> cases = {
      {"stationary", "bandit-v0", {}},
      {"changing", "bandit-v0", {"change_every = 25"}},
      {"drifting", "bandit-v0", {"means = [0.5, 0.5, 0.5, 0.5]", "drift_amplitude = 0.3", "drift_period = 100"}},
      {"heavy tails", "bandit-v0", {"payoff = \"student\"", "degrees = 3"}},
      {"unequal noise", "bandit-v0", {"noises = [0.05, 0.8, 0.1, 0.4]"}},
      {"experts", "experts-v0", {}},
      {"contextual", "contextual-v0", {}},
      {"delayed", "delayed-v0", {}},
      {"reservoir", "reservoir-v0", {}},
      {"hidden", "hidden-v0", {}},
      {"misleading", "misleading-v0", {}},
      {"collinear", "collinear-v0", {}},
      {"curves", "curves-v0", {}},
  };
  return cases;
}

const std::vector<PolicyGroup>& scorecard_groups() {
  static const std::vector<PolicyGroup> groups = {
      {"fixed", {"uniform", "fixed", "one_hot", "dirichlet", "schedule", "replay", "average"}},
      {"seed", {"seed_paper", "seed_fixed", "seed_code"}},
      {"full information", {"hedge", "exponentiated_gradient", "gradient_bandit"}},
      {"adversarial", {"exp3", "exp3s", "exp3ix", "exp4", "odm_paper", "odm_code"}},
      {"stochastic", {"epsilon_greedy", "boltzmann", "ucb", "discounted_ucb", "sliding_ucb", "thompson", "discounted_thompson"}},
      {"contextual", {"linucb", "d_linucb", "lin_thompson"}},
      {"mixing laws", {"ado", "aioli"}},
      {"black box", {"random_search", "cma_es", "gp_bo"}},
      {"actor-critic", {"reinforce", "a2c", "ppo", "ddpg", "td3", "sac"}},
      {"reference", {"oracle_greedy"}},
  };
  return groups;
}

}  // namespace fader

// Plays a policy on bandit-v0 for one episode, as the runner would with scaler "none".
#pragma once
#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "env/registry.h"
#include "tests/policies/console.h"

namespace fader::testing {

inline std::unique_ptr<Env> make_env(const std::string& name, const std::function<void(Options&)>& set) {
  const auto& entry = environments().at(name);
  const auto options = entry.options();
  if (set) set(*options);
  return entry.make(*options, EnvContext{});
}

struct Played {
  std::vector<int> arm;
  std::vector<double> reward, regret;
  double total_regret = 0;
};

/// `draws`: of the policy's own streams.
inline Played play_bandit(Env& env, Policy& policy, std::uint64_t seed, std::uint64_t draws) {
  const EnvSpec& spec = env.spec();
  const std::size_t k = spec.agents.size();
  const std::array<int, 1> slots = {0};
  Outcome out;
  out.fit(spec, 1);
  Decisions decided;
  decided.fit(policy.spec(), k, 1);
  std::vector<Rng> streams = {Rng(draws, "policy")};
  Rng learner(draws, "learn");
  env.reset(slots, std::array<std::uint64_t, 1>{seed}, out);
  policy.begin(slots, streams);
  Grid<double> before = out.observation;
  const bool credited = policy.spec().credit != "none";  // the first; scaled by hand like the reward
  const auto credit = [&](Grid<double>& all) { return Table<const double>{all.view().data, 1, credited ? k : 0}; };
  Played played;
  for (out.end[0] = End::no; out.end[0] == End::no;) {
    policy.decide({slots, std::as_const(before).view()}, streams, decided);
    env.step(slots, std::as_const(decided.weights).view(), out);
    policy.learn({{slots, std::as_const(before).view()}, decided, out.reward[0], out.reward_se[0], credit(out.credit), credit(out.credit_se),
                  std::as_const(out.observation).view(), out.end},
                 learner);
    std::copy(out.observation[0].begin(), out.observation[0].end(), before[0].begin());
    played.arm.push_back(static_cast<int>(decided.arm[0]));
    played.reward.push_back(out.reward[0][0]);
    played.regret.push_back(out.series[0][0]);
    played.total_regret += out.series[0][0];
  }
  return played;
}
inline Played play_bandit(Env& env, Policy& policy, std::uint64_t seed) { return play_bandit(env, policy, seed, seed); }

/// Policies are scaled by hand here: rewards of these bandits are in [0, 1] as they are.
inline std::function<void(Options&)> bandit_options(std::vector<double> means, std::int64_t horizon,
                                                    std::int64_t change_every = 0, Vectors changes = {}) {
  return [=](Options& o) {
    set_option(o, "means", means);
    set_option<std::string>(o, "payoff", "bernoulli");
    set_option(o, "horizon", horizon);
    set_option(o, "change_every", change_every);
    set_option(o, "changes", changes);
  };
}

/// With these options the policy is UCB1: it plays the same arms for the same rewards and draws.
inline void check_ucb1(const std::string& policy, const std::function<void(Options&)>& set) {
  const auto context = context_of(4);
  Console console(make_policy(policy, context, set), context, 37), ucb1(make_policy("ucb", context), context, 37);
  Rng rng(7, "rewards");
  for (int t = 0; t < 500; ++t) {
    REQUIRE(console.decide().arm == ucb1.decide().arm);
    const double reward = rng.uniform();
    console.learn({reward});
    ucb1.learn({reward});
  }
}

}  // namespace fader::testing

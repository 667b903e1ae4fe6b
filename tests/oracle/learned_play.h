// Small worlds for consoles that learn across episodes, with optima that are known, and what plays them.
#pragma once
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "tests/oracle/bandit_play.h"

namespace fader::testing {

/// Two decisions between two agents. A coin c = -1 or 1 is shown. The first decision earns bait w_0 at once, and invests w_1, which is
/// shown then; the second earns w_1 of the first times the weight that it puts on the agent of the coin. Best: 1, by investing and then following the coin.
/// Greedy: bait. Without seeing the coin: the greater of 1/2 and bait; always even weights: bait / 2 + 1/4.
struct TwoSteps {
  double bait = 0.3;
  bool forgets = false;   ///< the coin is shown at the first decision only
  bool truncated = false; ///< the end is an observer's

  static PolicyContext context(int slots = 1) {
    PolicyContext c;
    c.agents = {"a", "b"};
    c.observation = {{"step", 0, 1}, {"coin", 1, 1}, {"invested", 2, 1}};
    c.horizon = 2;
    c.slots = slots;
    return c;
  }

  /// One episode in every slot, in lockstep; the mean return. Learns unless `rng` is null.
  double play(Policy& policy, int slots, std::vector<Rng>& streams, Rng& world, Rng* rng) const {
    const auto n = static_cast<std::size_t>(slots);
    std::vector<int> all(n);
    std::vector<double> coin(n), invested(n), reward(n), se(n, 0.1);
    Grid<double> x(n, 3), after(n, 3);
    const Grid<double> none(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
      all[i] = static_cast<int>(i);
      coin[i] = world.uniform() < 0.5 ? -1 : 1;
      x[i][1] = coin[i];
    }
    Decisions decided;
    decided.fit(policy.spec(), 2, n);
    policy.begin(all, streams);
    double total = 0;
    for (int step = 0; step < 2; ++step) {
      policy.decide({all, std::as_const(x).view()}, streams, decided);
      for (std::size_t i = 0; i < n; ++i) {
        const auto w = std::as_const(decided.weights)[i];
        reward[i] = step == 0 ? bait * w[0] : invested[i] * (coin[i] > 0 ? w[0] : w[1]);
        invested[i] = w[1];
        total += reward[i] / static_cast<double>(n);
        after[i][0] = step + 1;
        after[i][1] = forgets ? 0 : coin[i];
        after[i][2] = invested[i];
      }
      const std::vector<End> end(n, step == 0 ? End::no : truncated ? End::truncated : End::terminated);
      if (rng)
        policy.learn({{all, std::as_const(x).view()}, decided, reward, se, none.view(), none.view(), std::as_const(after).view(), end}, *rng);
      x = after;
    }
    return total;
  }

  /// The mean return of what it plays without exploring, after `episodes` in which it learned.
  double learned(Policy& policy, int slots, int episodes, std::uint64_t seed) const {
    std::vector<Rng> streams;
    for (int i = 0; i < slots; ++i) streams.emplace_back(seed, "slot/" + std::to_string(i));
    Rng world(seed, "world"), rng(seed, "learn");
    for (int e = 0; e < episodes; e += slots) play(policy, slots, streams, world, &rng);
    policy.explore(false);
    double total = 0;
    constexpr int kTried = 50;
    for (int e = 0; e < kTried; ++e) total += play(policy, slots, streams, world, nullptr) / kTried;
    return total;
  }
};

/// Plays episodes of bandit-v0 with means 0.2, 0.5, 0.8, 0.3; the mean regret of what it plays then without exploring. 0.03 is left
/// by a weight of 0.9 on the best at the least.
inline double learned_bandit(const std::string& policy, std::int64_t horizon, int episodes, std::uint64_t seed,
                             const std::function<void(Options&)>& set) {
  const auto env = make_env("bandit-v0", [&](Options& o) {
    set_option(o, "means", std::vector<double>{0.2, 0.5, 0.8, 0.3});
    set_option(o, "horizon", horizon);
  });
  PolicyContext context;
  context.agents = env->spec().agents;
  context.observation = env->spec().observation;
  context.horizon = horizon;
  context.seed = seed;
  const auto console = make_policy(policy, context, set);
  for (int e = 0; e < episodes; ++e) play_bandit(*env, *console, stream_key(seed, std::to_string(e)));
  console->explore(false);
  const Played last = play_bandit(*env, *console, seed);
  return last.total_regret / static_cast<double>(horizon);
}

}  // namespace fader::testing

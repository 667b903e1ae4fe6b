// Plays known-answer environments by hand: weights from a function of the decision and of what is seen.
#pragma once
#include <array>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "core/rng.h"
#include "tests/oracle/bandit_play.h"

namespace fader::testing {

using Weights = std::vector<double>;
using Player = std::function<Weights(std::size_t decision, const Outcome& last)>;

struct Episode {
  double earned = 0, expected = 0, regret = 0;  // noise included; without; final/regret
  double summed_regret = 0, variance = 0;       // of console/regret; of the rewards' noise, as stated
  Outcome last;
};

/// `watch` sees every outcome.
inline Episode play_episode(Env& env, const Player& player, std::uint64_t seed,
                            const std::function<void(const Outcome&)>& watch = {}) {
  const std::array<int, 1> slots = {0};
  Episode e;
  e.last.fit(env.spec(), 1);
  env.reset(slots, std::array<std::uint64_t, 1>{seed}, e.last);
  for (std::size_t t = 0; e.last.end[0] == End::no; ++t) {
    const Weights w = player(t, e.last);
    env.step(slots, {w.data(), 1, w.size()}, e.last);
    e.earned += e.last.reward[0][0];
    e.variance += e.last.reward_se[0][0] * e.last.reward_se[0][0];
    e.summed_regret += e.last.series[0][0];
    if (watch) watch(e.last);
  }
  const auto n = static_cast<double>(env.spec().horizon);
  e.expected = -n * e.last.finals[0][2];
  e.regret = e.last.finals[0][3];
  return e;
}

inline Player always(Weights w) {
  return [w](std::size_t, const Outcome&) { return w; };
}
inline Player following(const Grid<double>& schedule) {
  return [&schedule](std::size_t t, const Outcome&) { return Weights(schedule[t].begin(), schedule[t].end()); };
}
inline Weights vertex(std::size_t k, std::size_t which) {
  Weights w(k, 0.0);
  w.at(which) = 1;
  return w;
}
inline Weights even(std::size_t k) { return Weights(k, 1.0 / static_cast<double>(k)); }

/// Uniform on the simplex.
inline Weights random_mix(std::size_t k, Rng& rng) {
  Weights w(k);
  double total = 0;
  for (double& x : w) total += x = rng.exponential();
  for (double& x : w) x /= total;
  return w;
}

/// Every mix of k weights that are multiples of 1 / parts.
inline void each_mix(std::size_t k, int parts, const std::function<void(const Weights&)>& visit) {
  std::vector<int> count(k, 0);
  const std::function<void(std::size_t, int)> fill = [&](std::size_t i, int left) {
    if (i + 1 == k) {
      count[i] = left;
      Weights w;
      for (const int c : count) w.push_back(static_cast<double>(c) / parts);
      visit(w);
      return;
    }
    for (count[i] = 0; count[i] <= left; ++count[i]) fill(i + 1, left - count[i]);
  };
  fill(0, parts);
}

/// Every choice of one of k for each of n decisions.
inline void each_sequence(std::size_t k, std::size_t n, const std::function<void(const std::vector<std::size_t>&)>& visit) {
  std::vector<std::size_t> chosen(n, 0);
  for (;;) {
    visit(chosen);
    std::size_t i = 0;
    while (i < n && ++chosen[i] == k) chosen[i++] = 0;
    if (i == n) return;
  }
}

struct Mean {
  double mean = 0, se = 0;
};
inline Mean mean_of(const std::vector<double>& x) {
  Mean m;
  const auto n = static_cast<double>(x.size());
  for (const double v : x) m.mean += v / n;
  double square = 0;
  for (const double v : x) square += (v - m.mean) * (v - m.mean);
  m.se = std::sqrt(square / (n - 1) / n);
  return m;
}

}  // namespace fader::testing

// A world of K domains whose losses are power laws of what was trained on, with help from one to another; its best mix is known.
//   L_i = e_i + b_i (n_0 + sum_j A_ij m_j)^(-a_i),  m_j: weight that domain j has had so far
// The mean of the final losses is convex in a mix that never changes.
#pragma once
#include <cmath>
#include <vector>

#include "tests/oracle/episodes.h"

namespace fader::testing {

struct CurveWorld {
  double start = 1;
  std::vector<double> e, b, a;
  std::vector<std::vector<double>> help;

  double loss(std::size_t i, const std::vector<double>& had) const {
    double n = start;
    for (std::size_t j = 0; j < had.size(); ++j) n += help[i][j] * had[j];
    return e[i] + b[i] * std::pow(n, -a[i]);
  }
  double mean_loss(const std::vector<double>& had) const {
    double out = 0;
    for (std::size_t i = 0; i < e.size(); ++i) out += loss(i, had) / static_cast<double>(e.size());
    return out;
  }
  double final_loss(std::vector<double> mix, double decisions) const {
    for (double& w : mix) w *= decisions;
    return mean_loss(mix);
  }
  /// By exponentiated gradient with the exact slope.
  std::vector<double> best_mix(double decisions) const {
    std::vector<double> mix(e.size(), 1.0 / static_cast<double>(e.size()));
    for (int step = 0; step < 4000; ++step) {
      std::vector<double> fall(mix.size(), 0.0);
      for (std::size_t i = 0; i < mix.size(); ++i) {
        double n = start;
        for (std::size_t j = 0; j < mix.size(); ++j) n += help[i][j] * mix[j] * decisions;
        for (std::size_t j = 0; j < mix.size(); ++j) fall[j] += a[i] * b[i] * std::pow(n, -a[i] - 1) * help[i][j] * decisions;
      }
      double sum = 0;
      for (std::size_t j = 0; j < mix.size(); ++j) sum += mix[j] *= std::exp(0.5 * fall[j]);
      for (double& w : mix) w /= sum;
    }
    return mix;
  }
};

/// Domain 0 has much to learn, domain 3 next to nothing; domain 1 helps domain 2.
inline CurveWorld curve_world() {
  return {
      1, {1.5, 2, 2, 2.5}, {4, 2, 2, 0.1}, {0.4, 0.4, 0.4, 0.4}, {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0.8, 0.5, 0}, {0, 0, 0, 1}}};
}

inline double distance_of(const std::vector<double>& a, const std::vector<double>& b) {
  double out = 0;
  for (std::size_t k = 0; k < a.size(); ++k) out += std::abs(a[k] - b[k]) / 2;
  return out;
}

struct CurvePlay {
  std::vector<double> weights;   ///< mean over the episode
  double loss = 0;               ///< mean of the final losses, noise apart
};

/// One episode; losses are measured with a noise of half a hundredth (credit) or a hundredth of that (loss_domain).
inline CurvePlay play_curves(Episodes& episodes, const CurveWorld& world, int decisions, std::uint64_t seed) {
  const std::size_t k = world.e.size();
  std::vector<double> had(k, 0.0);
  Rng noise(seed, "noise");
  episodes.round(decisions, [&](const Moment& m) {
    for (std::size_t j = 0; j < k; ++j) had[j] += m.weights[j];
    for (std::size_t j = 0; j < k; ++j) {
      m.credit[j] = world.loss(j, had) * (1 + 0.005 * noise.normal());
      m.loss[j] = world.loss(j, had) * (1 + 0.00005 * noise.normal());
    }
    return 0.0;
  });
  CurvePlay out{had, world.mean_loss(had)};
  for (double& w : out.weights) w /= decisions;
  return out;
}

}  // namespace fader::testing

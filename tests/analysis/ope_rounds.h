// Rounds for tests of off-policy estimates.
#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "analysis/ope.h"
#include "core/rng.h"

namespace fader::test {

/// `runs` runs of one episode of `length` decisions among three arms, drawn with probabilities that change from decision to decision; arm a
/// earns a + noise.
inline ope::Rounds drawn_rounds(std::size_t runs, std::size_t length, std::uint64_t seed = 1, double noise = 0.5) {
  ope::Rounds out;
  Rng rng(seed, "rounds");
  out.probability.resize(runs * length, 3);
  for (std::size_t i = 0; i < runs * length; ++i) {
    const std::span<double> p = out.probability[i];
    double total = 0;
    for (double& x : p) total += x = 0.2 + rng.uniform();
    for (double& x : p) x /= total;
    out.run.push_back(i / length);
    out.episode.push_back(i / length);
    out.arm.push_back(rng.choice(p));
    out.reward.push_back(static_cast<double>(out.arm.back()) + noise * rng.normal());
  }
  return out;
}

/// Of these rounds, no predictions.
inline ope::RewardModel no_model(const ope::Rounds& rounds) { return {Grid<double>(rounds.size(), rounds.arms()), {}, {}}; }

}  // namespace fader::test

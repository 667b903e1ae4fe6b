#include "env/env.h"

#include <cmath>

#include "env/registry.h"

namespace fader {

std::size_t EnvSpec::observation_size() const {
  return observation.empty() ? 0 : observation.back().offset + observation.back().size;
}

std::size_t EnvSpec::size(const std::vector<Series>& list) const {
  return list.empty() ? 0 : list.back().offset + list.back().size;
}

void Outcome::fit(const EnvSpec& spec, std::size_t n) {
  const double nan = std::nan("");
  const std::size_t k = spec.agents.size(), c = spec.credits.size();
  observation.resize(n, spec.observation_size(), nan);
  reward.resize(n, spec.rewards.size(), nan);
  reward_se.resize(n, spec.rewards.size(), nan);
  credit.resize(n, c * k, nan);
  credit_se.resize(n, c * k, nan);
  executed.resize(n, k, nan);
  infos.resize(n, spec.size(spec.infos), nan);
  series.resize(n, spec.size(spec.series), nan);
  finals.resize(n, spec.size(spec.finals), nan);
  train.assign(n, {});
  events.assign(n, {});
  end.assign(n, End::no);
  failed.assign(n, 0);
}

bool on_simplex(std::span<const double> weights, double tolerance) {
  double total = 0;
  for (const double w : weights) {
    if (!(w >= 0) || !std::isfinite(w)) return false;
    total += w;
  }
  return !weights.empty() && std::abs(total - 1) <= tolerance;
}

EnvRegistry& environments() {
  static EnvRegistry registry("environment");
  return registry;
}

}  // namespace fader

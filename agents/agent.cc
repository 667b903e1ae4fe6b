#include "agents/agent.h"

#include <algorithm>
#include <cmath>

namespace fader {

void Agent::trained(std::span<const TrainedOn>) {}

void Agent::probes(Slots, Streams, std::span<std::vector<ProbeGroup>>) {}

void Agent::feedback(Slots, std::span<const std::span<const Probe>>, std::span<double> reward) {
  std::fill(reward.begin(), reward.end(), std::nan(""));
}

AgentRegistry& agents() {
  static AgentRegistry registry("agent");
  return registry;
}

}  // namespace fader

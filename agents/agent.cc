#include "agents/agent.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace fader {

void Agent::trained(std::span<const TrainedOn>) {}

void Agent::probes(Slots, Streams, std::span<std::vector<ProbeGroup>>) {}

void Agent::feedback(Slots, std::span<const std::span<const Probe>>, std::span<double> reward) {
  std::fill(reward.begin(), reward.end(), std::nan(""));
}

std::string lacking(const Corpus& corpus, std::string_view what, std::string_view then, const std::function<bool(PassageId)>& has) {
  std::size_t all = 0, without = 0;
  for (const PassageId id : corpus.set(Set::pool)) {
    if (corpus.passages()[id].bytes == 0) continue;
    ++all;
    without += !has(id);
  }
  if (without == 0) return "";
  return fmt::format("{} of the pool's {} passages ({:.3g}%) have no {}; they {}", without, all,
                     100 * static_cast<double>(without) / static_cast<double>(all), what, then);
}

AgentRegistry& agents() {
  static AgentRegistry registry("agent");
  return registry;
}

}  // namespace fader

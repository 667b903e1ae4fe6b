// A run that rewards compare with.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fader {

/// Reference losses of a run to compare with: [T+1], the first before any training.
struct Baseline {
  std::string name;                     ///< where it came from, for messages
  std::vector<double> loss;             ///< nats per token; empty: there is none
  std::vector<double> tokens;           ///< trained on at each; empty: not known
};
/// ConfigError unless it is as long as an episode of this horizon, with as many tokens an interval, and finite.
void check_baseline(const Baseline& baseline, std::int64_t horizon, std::int64_t interval_tokens);

}  // namespace fader

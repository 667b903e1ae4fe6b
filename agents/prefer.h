// Which losses an agent likes: one meaning of `prefer` for all agents that score by a loss.
#pragma once
#include <span>
#include <string>

#include "core/options.h"

namespace fader {

/// Turns losses into scores, in place. high: the loss; low: minus the loss; middle: -|rank - 0.5| among these losses, ranks on
/// (0, 1), equal losses sharing one (a band around the median: A13 of the agents, Marion et al. 2023, arXiv 2309.04564).
void prefer(const std::string& which, std::span<float> losses);

inline Fields& prefer_field(Fields& f, std::string& which, std::string help) {
  return f("prefer", which, std::move(help)).one_of({"high", "low", "middle"});
}

}  // namespace fader

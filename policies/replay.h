// Options of the policies that play what another run's console played; whoever makes them reads `from` and fills `schedule`.
#pragma once
#include <string>

#include "core/options.h"

namespace fader {

struct LoggedOptions : Options {
  std::string from;            ///< a run's file; not in the hash: what was read there is
  std::int64_t episode = -1;   ///< -1: the last
  Vectors schedule;            ///< [T][K] weights, a row a decision
  void fields(Fields& f) override;
};

}  // namespace fader

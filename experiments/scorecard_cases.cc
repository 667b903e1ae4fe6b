// The environments of the scorecard, in the order of its columns.
#include "experiments/scorecard.h"

namespace fader {

const std::vector<Case>& scorecard_cases() {
  static const std::vector<Case> cases = {
      {"stationary", "bandit-v0", {}},
      {"changing", "bandit-v0", {"change_every = 25"}},
  };
  return cases;
}

}  // namespace fader

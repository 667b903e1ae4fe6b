#include "env/reward.h"

namespace fader {

RewardRegistry& rewards() {
  static RewardRegistry registry("reward");
  return registry;
}

}  // namespace fader

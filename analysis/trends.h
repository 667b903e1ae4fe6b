// What happened along the runs of policies: domains, credit, rewards, losses against FLOPs, regret.
#pragma once
#include "analysis/compare.h"

namespace fader {

/// Fills Contender::trends, best_fixed, credit_name and reward_name of a comparison that is complete otherwise.
void describe_trends(Comparison& comparison);

}  // namespace fader

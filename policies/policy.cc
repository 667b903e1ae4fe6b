#include "policies/policy.h"

#include <cmath>

namespace fader {

void Decisions::fit(const PolicySpec& spec, std::size_t agents, std::size_t n) {
  const double nan = std::nan("");
  weights.resize(n, agents, nan);
  probability.resize(n, spec.arms, nan);
  diagnostics.resize(n, spec.diagnostics.size(), nan);
  arm.assign(n, -1);
  log_density.assign(n, nan);
  value.assign(n, nan);
}

PolicyRegistry& policies() {
  static PolicyRegistry registry("policy");
  return registry;
}

}  // namespace fader

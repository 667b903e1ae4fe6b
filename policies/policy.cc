#include "policies/policy.h"

#include <algorithm>
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

bool Decisions::fits(const PolicySpec& spec, std::size_t agents, std::size_t n) const {
  const auto is = [n](const Grid<double>& grid, std::size_t cols) { return grid.rows() == n && grid.cols() == cols; };
  const auto known = [&](std::int64_t a) { return a >= -1 && a < static_cast<std::int64_t>(spec.arms); };
  return is(weights, agents) && is(probability, spec.arms) && is(diagnostics, spec.diagnostics.size()) && arm.size() == n &&
         std::all_of(arm.begin(), arm.end(), known) && log_density.size() == n && value.size() == n;
}

void Decisions::state(Archive& archive) {
  archive.field("weights", weights);
  archive.field("probability", probability);
  archive.field("diagnostics", diagnostics);
  archive.field("arm", arm);
  archive.field("log_density", log_density);
  archive.field("value", value);
}

PolicyRegistry& policies() {
  static PolicyRegistry registry("policy");
  return registry;
}

}  // namespace fader

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
  const bool sized = is(weights, agents) && is(probability, spec.arms) && is(diagnostics, spec.diagnostics.size()) &&
                     arm.size() == n && log_density.size() == n && value.size() == n;
  const auto possible = [&](std::size_t i) {
    if (arm[i] < 0 || arm[i] >= static_cast<std::int64_t>(spec.arms)) return arm[i] == -1;
    const double p = probability[i][static_cast<std::size_t>(arm[i])];
    return std::isnan(p) || (p > 0 && p <= 1 + 1e-9);  // NaN: it was not found
  };
  for (std::size_t i = 0; sized && i < n; ++i)
    if (!possible(i)) return false;
  return sized;
}

void Decisions::state(Archive& archive) {
  archive.field("weights", weights);
  archive.field("probability", probability);
  archive.field("diagnostics", diagnostics);
  archive.field("arm", arm);
  archive.field("log_density", log_density);
  archive.field("value", value);
}

void require_finite(const Transitions& transitions, std::size_t i, const PolicySpec& spec) {
  const int slot = transitions.before.slots[i];
  const auto quoted = [](const std::string& name, const char* first) { return name.empty() ? first : "'" + name + "'"; };
  if (!std::isfinite(transitions.reward[i]))
    throw RunError(fmt::format("the reward of slot {} is {}; a policy learns from finite numbers only; "
                               "look at the losses and events of this interval, or learn from another reward than {}",
                               slot, transitions.reward[i], quoted(spec.reward, "env.reward")));
  if (spec.credit == "none") return;
  for (const double c : transitions.credit[i])
    if (std::isinf(c))
      throw RunError(fmt::format("an agent's credit in slot {} is {}; a policy learns from finite numbers only; "
                                 "look at the losses and events of this interval, or learn from another credit than {}",
                                 slot, c, quoted(spec.credit, "the first")));
}

bool complete_credit(std::span<const double> credit, std::span<double> out) {
  double sum = 0, known = 0;
  for (const double c : credit)
    if (!std::isnan(c)) sum += c, ++known;
  for (std::size_t k = 0; k < credit.size(); ++k) out[k] = std::isnan(credit[k]) ? sum / known : credit[k];
  return known > 0;
}

PolicyRegistry& policies() {
  static PolicyRegistry registry("policy");
  return registry;
}

}  // namespace fader

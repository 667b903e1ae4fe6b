#include "env/env.h"

#include <algorithm>
#include <cmath>

#include "env/registry.h"

namespace fader {

std::string Field::label(std::size_t i) const {
  if (labels.empty()) return size == 1 ? name : fmt::format("{}[{}]", name, i);
  return fmt::format("{}[{}]", name, labels[i]);
}

void add_series(std::vector<Series>& list, Series series) {
  series.offset = list.empty() ? 0 : list.back().offset + list.back().size;
  list.push_back(std::move(series));
}

void put(const std::vector<Series>& list, std::string_view path, std::span<double> row, std::span<const double> values) {
  const auto it = std::find_if(list.begin(), list.end(), [&](const Series& s) { return s.path == path; });
  FADER_CHECK(it != list.end(), "no series '{}'", path);
  FADER_CHECK_EQ(values.size(), it->size);
  std::copy(values.begin(), values.end(), row.begin() + static_cast<std::ptrdiff_t>(it->offset));
}
void put(const std::vector<Series>& list, std::string_view path, std::span<double> row, double value) { put(list, path, row, {&value, 1}); }

std::size_t EnvSpec::observation_size() const {
  return observation.empty() ? 0 : observation.back().offset + observation.back().size;
}

std::size_t EnvSpec::size(const std::vector<Series>& list) const {
  return list.empty() ? 0 : list.back().offset + list.back().size;
}

void Outcome::fit(const EnvSpec& spec, std::size_t n) {
  const double nan = std::nan("");
  const std::size_t k = spec.agents.size(), c = spec.credits.size();
  observation.resize(n, spec.observation_size(), nan);
  reward.resize(n, spec.rewards.size(), nan);
  reward_se.resize(n, spec.rewards.size(), nan);
  credit.resize(n, c * k, nan);
  credit_se.resize(n, c * k, nan);
  executed.resize(n, k, nan);
  infos.resize(n, spec.size(spec.infos), nan);
  series.resize(n, spec.size(spec.series), nan);
  finals.resize(n, spec.size(spec.finals), nan);
  train.assign(n, {});
  events.assign(n, {});
  end.assign(n, End::no);
  failed.assign(n, 0);
}

bool on_simplex(std::span<const double> weights, double tolerance) {
  double total = 0;
  for (const double w : weights) {
    if (!(w >= 0) || !std::isfinite(w)) return false;
    total += w;
  }
  return !weights.empty() && std::abs(total - 1) <= tolerance;
}

EnvRegistry& environments() {
  static EnvRegistry registry("environment");
  return registry;
}

}  // namespace fader

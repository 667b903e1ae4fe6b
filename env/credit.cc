#include "env/credit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"

namespace fader {

Estimate weighted_mean(std::span<const double> value, std::span<const double> weight) {
  FADER_CHECK_EQ(value.size(), weight.size());
  const auto n = static_cast<double>(value.size());
  double total = 0, sum = 0, squares = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    total += weight[i];
    sum += weight[i] * value[i];
  }
  if (!(total > 0)) return {};
  Estimate out;
  out.value = sum / total;
  for (std::size_t i = 0; i < value.size(); ++i) squares += std::pow(weight[i] * (value[i] - out.value), 2);
  if (value.size() > 1) out.standard_error = std::sqrt(n / (n - 1) * squares) / total;
  return out;
}

std::vector<Estimate> training_loss_credit(std::span<const Pick> picks, std::span<const float> loss, std::span<const double> tokens,
                                           std::size_t agents) {
  FADER_CHECK(picks.size() == loss.size() && picks.size() == tokens.size());
  std::vector<std::vector<double>> losses(agents), weights(agents);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    losses[picks[i].agent].push_back(static_cast<double>(loss[i]));
    weights[picks[i].agent].push_back(tokens[i]);
  }
  std::vector<Estimate> out;
  for (std::size_t a = 0; a < agents; ++a) out.push_back(weighted_mean(losses[a], weights[a]));
  return out;
}

std::vector<double> seed_code_credit(std::vector<CategoryValues> values, std::size_t agents) {
  std::stable_sort(values.begin(), values.end(), [](const CategoryValues& a, const CategoryValues& b) { return a.place < b.place; });
  std::vector<double> list;
  for (const CategoryValues& v : values) list.insert(list.end(), v.values.begin(), v.values.end());
  const double mean = std::accumulate(list.begin(), list.end(), 0.0) / static_cast<double>(list.size());
  std::vector<double> out(agents, std::nan(""));
  for (std::size_t i = 0; i < std::min(agents, list.size()); ++i) out[i] = list[i] - mean;
  return out;
}

void EstimatorOptions::fields(Fields& f) {
  f("credit", names, "estimators of what each agent's picks are worth, measured beside the reward; policies name one in `credit`")
      .one_of(credit_estimators().names());
  f("credit_measurements", measurements, "intervals of an episode in which credit is measured, evenly spread", 1, 1e9);
  f("credit_reference", reference, "reference passages that a measurement takes its gradient or losses on, others each time; the gradient of "
    "all of them is taken instead where agents' probes have left it", 1, 1e6);
  f("credit_passages", passages, "probe, probe_cosine, alignment: passages of each agent's own picks that are looked at", 2, 1e6);
  f("credit_steps", steps, "byproduct_regression, byproduct_ipw: the first steps of an interval, whose passages are looked at", 1, 1e6);
  f("credit_ridge", ridge, "byproduct_regression, regression: ridge, as a share of the mean variance of what is regressed on", 1e-6, 1e6);
  f("credit_forgetting", forgetting, "regression: what a decision's reward counts when the next one is known", 0.01, 1);
  f("credit_rollout_steps", rollout_steps, "rollout: optimiser steps on an agent's picks; no more than an interval has", 1, 1e6);
  f("credit_rollout_repeats", rollout_repeats, "rollout: how often that is done, each time with other picks of the agent's own", 1, 1e6);
}

void EstimatorOptions::validate() const {
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (!seen.insert(name).second) throw ConfigError(fmt::format("credit: '{}' is listed twice; leave one out", name));
}

CreditRegistry& credit_estimators() {
  static CreditRegistry registry("credit estimator");
  return registry;
}

std::vector<PassageId> sample(const CreditScene& scene, std::size_t agent, std::size_t count, Rng rng) {
  std::vector<PassageId> ids;
  for (const std::uint32_t candidate : scene.own[agent]) ids.push_back(scene.candidates[candidate]);
  rng.shuffle(std::span(ids));
  ids.resize(std::min(count, ids.size()));
  return ids;
}

Rng stream_of(const Rng& rng, std::size_t agent) { return rng.child(fmt::format("agent{}", agent)); }

std::vector<double> tokens_of(const Corpus& corpus, std::span<const PassageId> passages) {
  std::vector<double> out;
  for (const PassageId id : passages) out.push_back(corpus.passages()[id].tokens);
  return out;
}

}  // namespace fader

#include "env/reward.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"

namespace fader {

double clustered_error(const Corpus& corpus, std::span<const PassageId> items, const std::function<double(std::size_t)>& value) {
  struct DomainSums {
    double tokens = 0, nats = 0;
    std::map<std::uint32_t, std::pair<double, double>> groups;  // tokens, and nats of v
  };
  std::map<int, DomainSums> domains;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const PassageId id = items[i];
    const double tokens = corpus.passages()[id].tokens;
    const double nats = tokens * value(i);
    DomainSums& sums = domains[corpus.document(id).domain];
    auto& [group_tokens, group_nats] = sums.groups[corpus.document(id).group];
    sums.tokens += tokens;
    sums.nats += nats;
    group_tokens += tokens;
    group_nats += nats;
  }
  double variance = 0;
  for (const auto& [domain, sums] : domains) {
    const double mean = sums.nats / sums.tokens, groups = static_cast<double>(sums.groups.size());
    double squares = 0;
    for (const auto& [group, totals] : sums.groups) squares += std::pow(totals.second - totals.first * mean, 2);
    variance += groups < 2 ? std::nan("") : groups / (groups - 1) * squares / (sums.tokens * sums.tokens);
  }
  return std::sqrt(variance) / static_cast<double>(domains.size());
}

double clustered_error(const Corpus& corpus, const Interval& interval) {
  return clustered_error(corpus, interval.items, [&](std::size_t i) {
    return static_cast<double>(interval.before[i]) - static_cast<double>(interval.after[i]);
  });
}

RewardRegistry& rewards() {
  static RewardRegistry registry("reward");
  return registry;
}

void RewardOptions::fields(Fields& f) {
  f("reward_rate", rate, "loss_drop_rate: fall of the loss per token trained on, or per FLOP spent on training and selection").one_of({"token", "flop"});
  f("reward_baseline", baseline, "baseline_relative, progress_fraction: the run to compare with, with the same schedule and reference set: its "
    "folder or run.h5, a folder of such with a seed each (that of this run's seed is taken), or a table with a column loss_reference; empty: none")
      .path();
  f("reward_expected", expected, "progress_fraction: whose progress counts as one, the baseline's or that of a power law fitted to the past")
      .one_of({"baseline", "forecast"});
  f("reward_least_progress", least_progress, "progress_fraction: what is divided by is at least this, in nats per token", 1e-9, 10);
  f("reward_penalised", penalised, "cost_penalised, repetition_penalised: the reward that the penalty is taken from")
      .one_of(rewards().names());
  f("reward_mu", mu, "cost_penalised: nats per token that an interval's selection costs when it takes as many FLOPs as its training", 0, 1e6);
  f("reward_nu", nu, "repetition_penalised: nats per token that a use beyond the free ones costs when all passages have it", 0, 1e6);
  f("reward_free_uses", free_uses, "repetition_penalised: uses of a passage that are free (about 4: Muennighoff et al., arXiv 2305.16264)", 0, 1e6);
}

void check_baseline(const Baseline& b, std::int64_t horizon, std::int64_t interval_tokens) {
  if (b.loss.size() != static_cast<std::size_t>(horizon) + 1)
    throw ConfigError(fmt::format("reward_baseline: {} has {} reference losses, and this run has {}: one before each of its {} intervals and one "
                                  "at the end; give a run with the same train.intervals", b.name, b.loss.size(), horizon + 1, horizon));
  for (std::size_t t = 0; t < b.loss.size(); ++t) {
    if (!std::isfinite(b.loss[t]))
      throw ConfigError(fmt::format("reward_baseline: {}: the reference loss after {} intervals is {}; give a run that was played to its end",
                                    b.name, t, b.loss[t]));
    const double expected = static_cast<double>(t) * static_cast<double>(interval_tokens);
    if (!b.tokens.empty() && b.tokens.at(t) != expected)
      throw ConfigError(fmt::format("reward_baseline: {} had trained on {:.0f} tokens after {} intervals, and this run will have on {:.0f}; give a "
                                    "run with the same train.steps_per_interval, train.batch and model.context", b.name, b.tokens[t], t, expected));
  }
}

ForecastReward::ForecastReward(const RewardContext& context)
    : corpus_(context.corpus), forecasts_(static_cast<std::size_t>(context.slots)) {}

void ForecastReward::begin(Slots slots) {
  for (const int slot : slots) forecasts_.at(static_cast<std::size_t>(slot)) = {};
}

std::optional<double> ForecastReward::foretold(int slot, const Interval& interval) {
  Forecast& forecast = forecasts_.at(static_cast<std::size_t>(slot));
  const auto tokens = static_cast<double>(interval.tokens);
  const auto expected = forecast.fall(tokens);
  forecast.add(tokens, interval.loss_after, interval.fall());
  return expected;
}

void ForecastReward::state(Archive& archive) {
  for (std::size_t i = 0; i < forecasts_.size(); ++i) slot_state(archive, static_cast<int>(i));
}

void ForecastReward::slot_state(Archive& archive, int slot) { forecasts_.at(static_cast<std::size_t>(slot)).state(archive); }

PenalisedReward::PenalisedReward(const RewardContext& context) {
  RewardContext plain = context;
  plain.options.penalised.clear();
  const std::string& name = context.options.penalised;
  if (name.empty()) return;  // of another penalty: refused below
  inner_ = rewards().make_default(name, plain);
  if (const auto* penalty = dynamic_cast<const PenalisedReward*>(inner_.get()); penalty && !penalty->inner_)
    throw ConfigError(fmt::format("reward_penalised is '{}', which is a penalised reward itself; name one that is not, such as "
                                  "'reference_loss_drop'", name));
}

Estimate PenalisedReward::measure(int slot, const Interval& interval) {
  Estimate e = inner_->measure(slot, interval);
  e.value -= penalty(interval);
  return e;
}

void check_sign(const RewardRegistry::Entry& entry, const RewardContext& context, std::span<const PassageId> items) {
  constexpr std::int64_t kIntervals = 6, kTokens = 1000;
  constexpr double kFirst = 5, kFall = 0.1;
  RewardContext two = context;
  two.slots = 2;
  if (!two.baseline.loss.empty()) {
    two.baseline.tokens.clear();
    two.baseline.loss.clear();
    for (std::int64_t t = 0; t <= kIntervals; ++t) two.baseline.loss.push_back(kFirst - kFall / 2 * static_cast<double>(t));
  }
  const auto reward = entry.make(*entry.options(), two);
  const int slots[] = {0, 1};
  reward->begin(slots);
  double said[2] = {};
  for (std::int64_t t = 0; t < kIntervals; ++t)
    for (const int slot : slots) {
      const double before = kFirst - kFall * static_cast<double>(t);
      const double after = t + 1 < kIntervals || slot == 0 ? before - kFall : before + kFall;
      const std::vector<float> losses_before(items.size(), static_cast<float>(before)), losses_after(items.size(), static_cast<float>(after));
      const Interval interval{.items = items, .before = losses_before, .after = losses_after, .loss_before = before, .loss_after = after,
                              .tokens = (t + 1) * kTokens, .index = t, .last = t + 1 == kIntervals, .interval_tokens = kTokens,
                              .train_flops = 1e9, .selection_flops = 1e8};
      said[slot] = reward->measure(slot, interval).value;
    }
  if (!(said[0] > said[1]))
    throw ConfigError(fmt::format("reward '{}' points the wrong way: it is {:.6g} for an interval in which the reference loss fell by {} nats "
                                  "per token, and {:.6g} for one in which it rose by as much; it must be greater for the first: turn its sign",
                                  entry.name, said[0], kFall, said[1]));
}

}  // namespace fader

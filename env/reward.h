// A reward says what an interval was worth, from losses on the same items before and after it. Higher is better.
//
// Every reward that can be measured is measured in every run, whichever is played: they cost next to nothing beside the losses
// that they are made of. Each is shown, before a run begins, that it points the right way (check_sign).
#pragma once
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/archive.h"
#include "core/registry.h"
#include "env/baseline.h"
#include "env/forecast.h"
#include "trainer/corpus.h"

namespace fader {

/// What a reward may look at. `before[i]` and `after[i]`, nats per token, belong to items[i]. `loss_before` and `loss_after` are
/// the reference losses: means over reference domains of summed nats over summed tokens. Where training diverged `loss_after` is a
/// loss worse than any, and what is in `after` need not be finite.
struct Interval {
  std::span<const PassageId> items;
  std::span<const float> before, after;
  double loss_before = 0, loss_after = 0;
  std::int64_t tokens = 0;                    ///< trained on since the episode began, this interval included
  std::int64_t index = 0;                     ///< of this interval, from 0
  bool last = false;                          ///< the episode ends with it: at its horizon, or because training diverged
  std::int64_t interval_tokens = 0;           ///< trained on in this interval
  double train_flops = 0;                     ///< of this interval's optimiser steps
  double selection_flops = 0;                 ///< of scoring and probing for what it trained on; static scores spread evenly
  std::span<const std::uint16_t> uses = {};   ///< how often each passage that it took has been used, this time included; empty: once
  double fall() const { return loss_before - loss_after; }
};
struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double standard_error = std::numeric_limits<double>::quiet_NaN();  ///< NaN: not known
};

/// One object serves all slots. Not thread-safe.
class Reward : public PerSlot {
 public:
  virtual void begin(Slots) {}
  /// Once an interval, in order. The value is finite.
  virtual Estimate measure(int slot, const Interval& interval) = 0;
  /// What it needs and was not given, "" when it can be measured. One that cannot is left out where it is not played.
  virtual std::string lacks() const { return ""; }
};

/// Options of all rewards, among those of the environment.
struct RewardOptions {
  std::string rate = "token";
  std::string baseline;
  std::string expected = "baseline";
  double least_progress = 1e-3;
  std::string penalised = "reference_loss_drop";
  double mu = 0.01, nu = 0.01, free_uses = 4;
  void fields(Fields& f);
};

struct RewardContext {
  const Corpus& corpus;
  int slots = 1;
  RewardOptions options = {};
  Baseline baseline = {};
};

/// Without memory.
class StatelessReward : public Reward {
 public:
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}

 protected:
  explicit StatelessReward(const RewardContext& context) : corpus_(context.corpus) {}
  const Corpus& corpus_;
};

/// With the past of every slot, and what it foretells.
class ForecastReward : public Reward {
 public:
  void begin(Slots slots) override;
  void state(Archive& archive) override;
  void slot_state(Archive& archive, int slot) override;

 protected:
  explicit ForecastReward(const RewardContext& context);
  /// The fall that was to be expected of this interval, which then becomes part of the past; none in the first.
  std::optional<double> foretold(int slot, const Interval& interval);
  const Corpus& corpus_;

 private:
  std::vector<Forecast> forecasts_;  // of each slot
};

/// r less a penalty: of another reward, the one named by reward_penalised, whose state and error are this one's.
class PenalisedReward : public Reward {
 public:
  void begin(Slots slots) override { inner_->begin(slots); }
  Estimate measure(int slot, const Interval& interval) override;
  std::string lacks() const override { return inner_->lacks(); }
  void state(Archive& archive) override { inner_->state(archive); }
  void slot_state(Archive& archive, int slot) override { inner_->slot_state(archive, slot); }

 protected:
  explicit PenalisedReward(const RewardContext& context);
  virtual double penalty(const Interval& interval) const = 0;

 private:
  std::unique_ptr<Reward> inner_;
};

/// The error of a mean over reference domains of sum_x n_x v_x / sum_x n_x, where value(i) = v of items[i]: clustered by group,
/// within the domains. Passages of one work are not independent: in domain d with N_d tokens and M_d groups, the residual of
/// group g is e_g = sum_{x in g} n_x (v_x - r_d), and
///   var(r_d) = M_d / (M_d - 1) sum_g e_g^2 / N_d^2,   var(r) = sum_d var(r_d) / D^2.
/// It is the error of the reference set alone, not the run-to-run noise. NaN when a domain has a single group. For a function of
/// the two losses v is its differential (the delta method).
double clustered_error(const Corpus& corpus, std::span<const PassageId> items, const std::function<double(std::size_t)>& value);
/// Of loss_before - loss_after.
double clustered_error(const Corpus& corpus, const Interval& interval);

using RewardRegistry = Registry<Reward, const RewardContext&>;
RewardRegistry& rewards();

/// Shows a new object of the reward two episodes that are alike but for their last interval, in which the reference loss on `items`
/// rose in one and fell in the other. ConfigError unless it is greater for the one that fell.
void check_sign(const RewardRegistry::Entry& entry, const RewardContext& context, std::span<const PassageId> items);

/// In the reward's file, at namespace scope.
#define REGISTER_REWARD(name, Class, OptionsType, summary, status) \
  [[maybe_unused]] const bool registered_##Class = ::fader::rewards().add<Class, OptionsType>(name, summary, status)

}  // namespace fader

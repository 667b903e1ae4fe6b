// Keeps the credit of an episode: when it is measured, on what, by which estimators, what it cost, and what was found.
//
// In a run without estimators every call does nothing. In one with them the model, its training and the streams of everybody else are
// as without, bit for bit: what is drawn for a measurement depends on the seed, the estimator and the interval alone.
// Not thread-safe.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/ledger.h"
#include "env/credit.h"

namespace fader {

class CreditBook {
 public:
  /// `reference`: the reference passages, in the order of evaluation_items. ConfigError from an estimator that cannot serve here.
  CreditBook(const CreditContext& context, std::span<const PassageId> reference, std::int64_t horizon, Trainer& trainer, Ledger& ledger);

  /// Whether an interval has a measurement.
  bool measures(std::int64_t interval) const { return measurements_before(interval + 1) > measurements_before(interval); }
  void begin(Slots slots, std::span<const std::uint64_t> seeds);
  /// Candidates under one agent, best first; asked for in intervals with a measurement alone.
  using Ranker = std::function<std::vector<std::uint32_t>(std::size_t agent)>;
  /// Once picks are known, before they are trained on; `scene` without rankings, own and reference. `fresh`: the trainer holds a
  /// reference gradient of the model as it is. Called again for an interval that a saved state belongs to the middle of, it measures
  /// nothing.
  void before(CreditScene scene, std::int64_t interval, bool fresh, const Ranker& ranker);
  /// Room for the influence of the interval's picks, TrainJob::influence, in its first influence_steps(); empty: not wanted.
  std::span<float> influence(int slot, std::int64_t interval);
  std::int64_t influence_steps() const { return options_.steps; }
  /// After the interval; `scene` as before. Fills credit and credit_se, [estimators K].
  void after(CreditScene scene, std::int64_t interval, Estimate reward, std::span<double> credit, std::span<double> credit_se);
  /// What the first estimator found last, [K]; NaN before, and without estimators.
  std::span<const Estimate> last(int slot) const { return at(slot).last; }

  void slot_state(Archive& archive, int slot);

 private:
  struct Page {
    std::uint64_t seed = 0;
    std::int64_t measured = -1;              // the interval that `found` is of
    std::vector<Estimate> found;             // [estimators, K] of those that look before the training
    std::vector<float> influence;            // of each pick of the interval at hand
    std::vector<Estimate> last;              // [K]
    std::vector<std::vector<std::uint32_t>> rankings, own;  // [K] of the interval at hand, between before and after
  };
  Page& at(int slot) { return pages_.at(static_cast<std::size_t>(slot)); }
  const Page& at(int slot) const { return pages_.at(static_cast<std::size_t>(slot)); }
  /// How many measurements there are before an interval, evenly spread.
  std::int64_t measurements_before(std::int64_t interval) const;
  template <class Which>
  bool any(const Which& which) const;
  std::vector<std::vector<std::uint32_t>> own_picks(const CreditScene& scene) const;
  std::vector<PassageId> window(const Page& page, std::int64_t interval) const;
  void ask(std::size_t estimator, const CreditScene& scene, std::int64_t interval, std::span<Estimate> credit);
  void take_gradient(const CreditScene& scene);

  const Corpus& corpus_;
  const EstimatorOptions options_;
  const std::size_t agents_;
  const std::vector<PassageId> reference_;
  const std::int64_t horizon_;
  Trainer& trainer_;
  Ledger& ledger_;
  std::vector<std::unique_ptr<CreditEstimator>> estimators_;  // in the order of options_.names
  std::vector<Page> pages_;                                   // of each slot
};

}  // namespace fader

// What may still be trained on, in one slot.
//
// stream: interval t's candidates are slice t of one permutation; those not chosen are discarded. Nothing is used twice, and runs of
// equal seed see the same candidates whatever their consoles do.
// reservoir: candidates are all passages that were used fewer than `epochs` times, in the order of the permutation; those not
// chosen return. What is good runs out. A passage is taken at most once an interval.
//
// The permutation is a function of the seed. Not thread-safe.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/archive.h"
#include "env/selection.h"

namespace fader {

struct PoolShape {
  std::size_t slice = 0;       ///< candidates of an interval of a stream; 0: a reservoir
  std::size_t size = 0;        ///< reservoir: passages in play, the first of the permutation
  std::uint16_t epochs = 1;    ///< reservoir: how often each may be used
};

class Pool {
 public:
  Pool() = default;
  Pool(const PoolShape& shape, std::span<const PassageId> passages, std::uint64_t seed);

  /// Of the interval at hand; until `advance`.
  std::span<const PassageId> candidates() const;
  /// How often each candidate was used; empty: none was.
  std::span<const std::uint16_t> used() const { return candidate_used_; }
  /// The picks are used, and the next interval begins.
  void advance(std::span<const Pick> picks);
  /// Share of what there was: of the slices, or of the uses of a reservoir's passages.
  double left() const;
  std::size_t turn() const { return turn_; }   ///< intervals that are over
  /// Passages in play.
  std::span<const PassageId> passages() const { return passages_; }
  /// For a pool of the same shape and seed.
  void state(Archive& archive);

 private:
  void gather();

  PoolShape shape_;
  std::vector<PassageId> passages_;           // the permutation
  std::size_t turn_ = 0;
  std::vector<std::uint16_t> uses_;           // reservoir: of each passage
  // Of the interval at hand, found from the above.
  std::vector<PassageId> candidates_;         // reservoir
  std::vector<std::uint32_t> place_;          // of each candidate among the passages
  std::vector<std::uint16_t> candidate_used_;
};

/// Tokens that a reservoir must hold so that no console can run it dry: `epochs` uses of `held` tokens serve `intervals` of `demand`
/// tokens each, whichever passages are taken, when
///   epochs held >= (intervals - 1 + epochs) demand
/// for what is left before the last interval may all be uses of the same passages, one of which an interval takes.
double least_reservoir(std::int64_t intervals, double demand, std::int64_t epochs);

}  // namespace fader

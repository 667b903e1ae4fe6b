// A reward says what an interval was worth, from losses on the same items before and after it.
#pragma once
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "core/archive.h"
#include "core/registry.h"
#include "trainer/corpus.h"

namespace fader {

/// What a reward may look at. `before[i]` and `after[i]`, nats per token, belong to items[i]. `loss_before` and `loss_after` are
/// the reference losses: means over reference domains of summed nats over summed tokens.
struct Interval {
  std::span<const PassageId> items;
  std::span<const float> before, after;
  double loss_before = 0, loss_after = 0;
};
struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double standard_error = std::numeric_limits<double>::quiet_NaN();  ///< NaN: not known
};

/// One object serves all slots. Higher is better. Not thread-safe.
class Reward : public PerSlot {
 public:
  virtual void begin(Slots) {}
  virtual Estimate measure(int slot, const Interval& interval) = 0;
};

struct RewardContext {
  const Corpus& corpus;
  int slots = 1;
};
using RewardRegistry = Registry<Reward, const RewardContext&>;
RewardRegistry& rewards();

/// In the reward's file, at namespace scope.
#define REGISTER_REWARD(name, Class, OptionsType, summary, status) \
  [[maybe_unused]] const bool registered_##Class = ::fader::rewards().add<Class, OptionsType>(name, summary, status)

}  // namespace fader

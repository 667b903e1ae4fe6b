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
  std::int64_t tokens = 0;  ///< trained on since the episode began, this interval included
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
/// Of loss_before - loss_after: clustered by group, within the reference domains. Passages of one work are not independent:
/// in domain d with N_d tokens and M_d groups, the residual of group g is e_g = sum_{x in g} n_x (delta_x - r_d), and
///   var(r_d) = M_d / (M_d - 1) sum_g e_g^2 / N_d^2,   var(r) = sum_d var(r_d) / D^2.
/// It is the error of the reference set alone, not the run-to-run noise. NaN when a domain has a single group.
double clustered_error(const Corpus& corpus, const Interval& interval);

using RewardRegistry = Registry<Reward, const RewardContext&>;
RewardRegistry& rewards();

/// In the reward's file, at namespace scope.
#define REGISTER_REWARD(name, Class, OptionsType, summary, status) \
  [[maybe_unused]] const bool registered_##Class = ::fader::rewards().add<Class, OptionsType>(name, summary, status)

}  // namespace fader

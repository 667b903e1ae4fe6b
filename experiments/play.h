// The episode loop. It owns nothing but the order of calls: observe, decide, step, learn.
//
// A seat is one run: one policy, its slots, one run.h5. A cohort is one process: an environment and the seats at it.
// Checkpoints, logs, progress and early stopping are hooks; a hook looks and never changes the run.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/rng.h"
#include "env/env.h"
#include "policies/policy.h"
#include "policies/scaler.h"

namespace fader {

struct Seat {
  std::unique_ptr<Policy> policy;
  std::unique_ptr<Scaler> scaler;
  Rng learn;                      ///< the stream that learning draws from
  std::vector<int> slots;
  std::size_t reward = 0;         ///< which of EnvSpec::rewards it is fed
  std::ptrdiff_t credit = -1;     ///< which of EnvSpec::credits; -1: none
  bool frozen = false;            ///< decides, does not learn
};

struct Cohort {
  std::unique_ptr<Env> env;
  std::vector<Seat> seats;
  std::vector<std::uint64_t> seeds;  ///< [slot] of the run that the slot belongs to
};

/// What a hook is shown: the rows of one seat. `first` is the row of `outcome` that belongs to slots[0]; decisions and fed
/// rewards start at zero.
struct Glimpse {
  Cohort& cohort;
  std::size_t seat = 0;
  std::int64_t episode = 0, interval = 0;   ///< decisions made so far in this episode
  Slots slots;
  std::size_t first = 0;
  const Outcome& outcome;
  const Decisions* decisions = nullptr;     ///< null after a reset
  std::span<const double> fed;              ///< scaled rewards, by row
};

class Hook {
 public:
  virtual ~Hook() = default;
  virtual void reset(const Glimpse&) {}
  virtual void interval(const Glimpse&) {}
};

/// Plays one episode in every slot, to its end or until `stop` is not zero after an interval. Episode e of a slot with seed s
/// is seeded by the stream (s, "episode/<e>"); episode 0 by s itself, so that runs of equal seed can be paired.
/// Returns false when it was stopped.
bool play(Cohort& cohort, std::int64_t episode, std::span<Hook* const> hooks, const std::atomic<int>& stop);

}  // namespace fader

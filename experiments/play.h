// The episode loop. It owns nothing but the order of calls: observe, decide, step, learn.
//
// A seat is one run: one policy, its slots, one run.h5. A cohort is one process: an environment and the seats at it.
// Checkpoints, logs, progress and early stopping are hooks; a hook looks and never changes the run.
//
// A policy may learn across episodes: a seat with m slots plays m of them at once, a round, and goes on to the next round with
// what it has learned. Its episodes are counted round by round, slot by slot: number = round x m + place of the slot. After the
// learning episodes come those of evaluation, for which it is frozen and does not explore. Their seeds are others, and the same
// for all policies of equal seed, so that they can be paired.
#pragma once
#include <cstdint>
#include <functional>
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
  std::int64_t learning = 1, evaluation = 0;  ///< episodes
  std::unique_ptr<CreditScaler> credit_scaler = nullptr;  ///< null: none
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
  std::span<const std::int64_t> episodes;   ///< [slots] numbers of the episodes that they play
  bool evaluation = false;                  ///< they are of evaluation
  std::int64_t interval = 0;                ///< decisions made so far in these episodes
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

/// Plays round after round until every seat has played its episodes. Learning episode e of a slot with seed s is seeded by the
/// stream (s, "episode/<e>"), episode 0 by s itself, so that runs of equal seed can be paired; evaluation episode e by
/// (s, "evaluation/<e>").
class Player final : public Stateful {
 public:
  /// The cohort and the hooks outlive it.
  Player(Cohort& cohort, std::span<Hook* const> hooks);

  /// Goes on to the end of the last round and returns true. `rest` is called after every reset and every interval, and
  /// within an interval whenever the environment can be saved: state() may be called then, and `true` means stop: run returns
  /// false, and the cohort is good for nothing but to be destroyed.
  bool run(const std::function<bool()>& rest);

  /// Everything: the environment, the seats and this loop. Loaded into a player of a cohort made alike, run() goes on from there.
  /// Hooks see a reset again when no interval of the round was finished.
  void state(Archive& archive) override;

  std::int64_t round() const { return round_; }         ///< that is being played, from 0
  std::int64_t rounds() const { return rounds_; }
  std::int64_t interval() const { return interval_; }   ///< finished ones of this round
  std::int64_t finished() const { return finished_; }   ///< intervals of all rounds
  std::int64_t moments() const { return moments_; }     ///< rests within the interval at hand

 private:
  /// What a seat does in a round: the episode of its first slot, how many slots play, whether for evaluation.
  struct Part {
    std::int64_t first = 0, count = 0;
    bool evaluation = false;
  };
  Part part(const Seat& seat, std::int64_t round) const;
  void begin();
  void number();
  void reset();
  void advance();
  void gather();
  template <class F>
  void with_streams(std::size_t seat, F call);
  Glimpse glimpse(std::size_t seat, const Decisions* decisions, std::span<const double> fed);
  void show_reset();
  void decide();
  Grid<double> branch(std::size_t seat);
  std::vector<std::vector<double>> learn();
  std::vector<double> feed(std::size_t seat);
  void drop_ended();
  void check_loaded(Archive& archive);

  Cohort& cohort_;
  std::int64_t rounds_ = 0, round_ = 0, interval_ = 0, finished_ = 0, moments_ = 0;
  std::span<Hook* const> hooks_;
  std::function<void()> moment_;          // called by the environment when it rests within an interval
  bool begun_ = false;                    // a round is being played
  bool loaded_ = false;                   // hooks have not seen what was loaded
  std::vector<Rng> act_;                  // [slot]
  std::vector<std::vector<int>> active_;  // [seat] the slots still playing
  std::vector<std::vector<std::int64_t>> episodes_;  // [seat] what they play
  std::vector<int> slots_;                // of all seats, in order
  std::vector<std::size_t> first_;        // [seat] its first row
  Grid<double> observation_;              // that the next decision is about
  Grid<double> infos_;                    // of the reset, until an interval is finished
  std::vector<Decisions> decisions_;      // [seat] of the interval under way; empty between intervals
  Outcome outcome_;
};

}  // namespace fader

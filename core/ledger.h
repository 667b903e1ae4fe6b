// What everything cost: tokens, FLOPs and seconds by phase, per slot.
//
// At every moment exactly one phase is current, so the seconds of the phases add up to the time since the ledger began.
// The seconds of a phase are shared by the slots that are active. `observe` is what only people look at: free in
// equal-FLOP comparisons. Everything else that a console needs beyond `train` is its overhead.
// Not thread-safe: one ledger belongs to the thread that steps the environment.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/archive.h"
#include "core/table.h"

namespace fader {

enum class Phase : std::uint8_t { setup, train, score, probe, select, reward, observe, console, store };
inline constexpr std::size_t kPhases = 9;
inline constexpr std::array<std::string_view, kPhases> kPhaseNames = {"setup",  "train",   "score",   "probe", "select",
                                                                      "reward", "observe", "console", "store"};

class Ledger {
 public:
  struct Row {
    std::array<double, kPhases> seconds{}, flops{};
    std::array<std::int64_t, kPhases> tokens{};
    void state(Archive& archive);
  };

  /// Begins in phase `setup` with all slots active.
  explicit Ledger(int slots = 1);

  /// Makes `phase` current until the scope ends, then the phase before it again.
  class Scope {
   public:
    Scope(Ledger& ledger, Phase phase) : ledger_(ledger), before_(ledger.current_) { ledger_.enter(phase); }
    ~Scope() { ledger_.enter(before_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Ledger& ledger_;
    Phase before_;
  };
  [[nodiscard]] Scope scope(Phase phase) { return {*this, phase}; }

  void activate(Slots slots);  ///< who shares the seconds from now on; an empty call changes nothing
  void add(int slot, Phase phase, std::int64_t tokens, double flops);
  void add_seconds(Phase phase, double seconds);  ///< spent before the ledger began; shared by the active slots
  const Row& row(int slot);    ///< up to this moment

  void slot_state(Archive& archive, int slot);

 private:
  using Clock = std::chrono::steady_clock;
  void enter(Phase phase);
  void settle();

  std::vector<Row> rows_;
  std::vector<int> active_;
  Phase current_ = Phase::setup;
  Clock::time_point since_;
};

}  // namespace fader

#include "core/ledger.h"

#include <numeric>
#include <span>

#include "core/error.h"

namespace fader {

void Ledger::Row::state(Archive& archive) {
  archive.field("seconds", std::span<double>(seconds));
  archive.field("flops", std::span<double>(flops));
  archive.field("tokens", std::span<std::int64_t>(tokens));
}

Ledger::Ledger(int slots) : rows_(static_cast<std::size_t>(slots)), active_(static_cast<std::size_t>(slots)), begun_(Clock::now()), since_(begun_) {
  FADER_CHECK(slots > 0);
  std::iota(active_.begin(), active_.end(), 0);
}

void Ledger::settle() {
  const auto now = Clock::now();
  const double share = std::chrono::duration<double>(now - since_).count() / static_cast<double>(active_.size());
  for (const int slot : active_) rows_[static_cast<std::size_t>(slot)].seconds[static_cast<std::size_t>(current_)] += share;
  since_ = now;
}

void Ledger::enter(Phase phase) {
  settle();
  current_ = phase;
}

void Ledger::activate(Slots slots) {
  if (slots.empty()) return;
  settle();
  active_.assign(slots.begin(), slots.end());
}

void Ledger::add(int slot, Phase phase, std::int64_t tokens, double flops) {
  Row& row = rows_.at(static_cast<std::size_t>(slot));
  row.tokens[static_cast<std::size_t>(phase)] += tokens;
  row.flops[static_cast<std::size_t>(phase)] += flops;
}

const Ledger::Row& Ledger::row(int slot) {
  settle();
  return rows_.at(static_cast<std::size_t>(slot));
}

double Ledger::total_seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

void Ledger::slot_state(Archive& archive, int slot) { archive.field("row", rows_.at(static_cast<std::size_t>(slot))); }

}  // namespace fader

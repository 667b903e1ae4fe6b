#include "core/ledger.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "core/error.h"

namespace fader {
namespace {
constexpr std::int64_t kMostTokens = std::int64_t{1} << 60;  // of a phase; sums stay in range
}

void Ledger::Row::state(Archive& archive) {
  archive.field("seconds", std::span<double>(seconds));
  archive.field("flops", std::span<double>(flops));
  archive.field("tokens", std::span<std::int64_t>(tokens));
}

Ledger::Ledger(int slots) : since_(Clock::now()) {
  FADER_CHECK(slots > 0, "{} slots", slots);
  rows_.resize(static_cast<std::size_t>(slots));
  active_.resize(rows_.size());
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
  if (slots.empty() || std::ranges::equal(slots, active_)) return;
  settle();
  for (const int slot : slots) FADER_CHECK(slot >= 0 && slot < static_cast<int>(rows_.size()), "slot {} of {}", slot, rows_.size());
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

void Ledger::add_seconds(Phase phase, double seconds) {
  for (const int slot : active_)
    rows_[static_cast<std::size_t>(slot)].seconds[static_cast<std::size_t>(phase)] += seconds / static_cast<double>(active_.size());
}

void Ledger::slot_state(Archive& archive, int slot) {
  settle();  // saved: with the seconds up to now; loaded: the seconds before now belong to what is replaced
  Row& row = rows_.at(static_cast<std::size_t>(slot));
  archive.field("row", row);
  for (const std::int64_t tokens : row.tokens) archive.expect(tokens >= 0 && tokens <= kMostTokens, "what a slot has spent");
}

}  // namespace fader

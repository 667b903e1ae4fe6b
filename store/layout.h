// What writer and reader of a run file agree on beyond the columns: names of groups and counters, how many rows count.
#pragma once
#include <fmt/format.h>

#include <string>

#include "store/store.h"

namespace fader {

inline constexpr const char *kStatus = "status", *kCommit = "commit";

inline std::string episode_name(std::size_t episode) { return fmt::format("episode_{}", episode); }

/// Rows of a growing column when `committed` is counted. The reset row counts with the first decision.
inline std::uint64_t counted_rows(Rows rows, const Committed& committed) {
  switch (rows) {
    case Rows::interval: return committed.intervals;
    case Rows::interval_plus: return committed.intervals == 0 ? 0 : committed.intervals + 1;
    case Rows::step: return committed.steps;
    case Rows::event: return committed.events;
    case Rows::once:
    case Rows::constant: break;
  }
  return 1;
}

}  // namespace fader

// What writer and reader of a run file agree on beyond the columns: names of groups and counters, how many rows count.
#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <span>
#include <string>

#include "store/store.h"

namespace fader {

inline constexpr const char *kStatus = "status", *kCommit = "commit", *kSummary = "summary";
inline constexpr std::uint64_t kMostRows = std::uint64_t{1} << 48;  // of any dataset; keeps sums in range

inline std::string episode_name(std::size_t episode) { return fmt::format("episode_{}", episode); }

/// Why a column cannot be one of an episode, or of the summary; "": it can.
inline std::string misplaced(const Column& c, bool in_summary) {
  if (c.rows == Rows::episode && !in_summary) return fmt::format("'{}' has a row an episode, and so belongs to the summary", c.path);
  if (in_summary && (c.rows != Rows::episode || !c.scalar || c.size != 1 || c.type == Type::text))
    return fmt::format("'{}' is not a number an episode, as all of the summary is", c.path);
  return "";
}

/// Rows of a column of an episode when `committed` is counted. The reset row counts with the first decision.
inline std::uint64_t counted_rows(Rows rows, const Committed& committed) {
  switch (rows) {
    case Rows::interval: return committed.intervals;
    case Rows::interval_plus: return committed.intervals == 0 ? 0 : committed.intervals + 1;
    case Rows::step: return committed.steps;
    case Rows::event: return committed.events;
    case Rows::once:
    case Rows::constant:
    case Rows::episode: break;
  }
  return 1;
}

/// Makes a run file: everything that it will ever have, and no rows. `root` and `episodes` as RunWriter takes them.
void make_objects(const std::filesystem::path& path, const Attributes& root, std::span<const Attributes> episodes,
                  std::span<const Column> columns, std::span<const Column> summary);

/// Why a file with these root attributes is none that this program reads; "": it is one.
std::string schema_refusal(const Attributes& root);

/// Bytes of rows as the store exchanges them (h5::row_bytes), as what they mean.
std::vector<double> decode_numbers(const std::string& bytes, Type type);
std::vector<std::string> decode_texts(const std::string& bytes, std::size_t width);

}  // namespace fader

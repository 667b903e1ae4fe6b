// What writer and reader of a run file agree on beyond the columns: names of groups and counters, how many rows count.
#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <span>
#include <string>

#include "store/store.h"

namespace fader {

inline constexpr const char *kStatus = "status", *kCommit = "commit";
inline constexpr std::uint64_t kMostRows = std::uint64_t{1} << 48;  // of any dataset; keeps sums in range

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

/// Makes a run file: everything that it will ever have, and no rows. `root` and `episodes` as RunWriter takes them.
void make_objects(const std::filesystem::path& path, const Attributes& root, std::span<const Attributes> episodes,
                  std::span<const Column> columns);

/// Why a file with these root attributes is none that this program reads; "": it is one.
std::string schema_refusal(const Attributes& root);

/// Bytes of rows as the store exchanges them (h5::row_bytes), as what they mean.
std::vector<double> decode_numbers(const std::string& bytes, Type type);
std::vector<std::string> decode_texts(const std::string& bytes, std::size_t width);

}  // namespace fader

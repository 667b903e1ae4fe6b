// A scratch folder and a small run for the tests of this room.
#pragma once
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "store/store.h"

namespace fader::test {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Folder {
 public:
  Folder() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() / ("fader_store_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// For comparing doubles bit for bit; one NaN for all.
inline std::vector<std::uint64_t> bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> out;
  for (const double v : values) out.push_back(std::bit_cast<std::uint64_t>(std::isnan(v) ? kNan : v));
  return out;
}

inline std::vector<Column> small_columns() {
  return {{.path = "observations", .rows = Rows::interval_plus, .size = 2, .scalar = false, .axes = "interval field", .labels = {"x", "y"}},
          {.path = "rewards", .axes = "interval", .unit = "nat/token"},
          {.path = "tokens", .type = Type::i64, .axes = "interval"},
          {.path = "ended", .type = Type::boolean, .axes = "interval"},
          {.path = "train/loss", .rows = Rows::step, .axes = "step"},
          {.path = "train/step", .rows = Rows::step, .type = Type::i64, .axes = "step"},
          {.path = "cost/seconds", .axes = "interval", .is_volatile = true},
          {.path = "events/interval", .rows = Rows::event, .type = Type::i64, .is_volatile = true},
          {.path = "events/kind", .rows = Rows::event, .type = Type::text, .size = 16, .is_volatile = true},
          {.path = "events/text", .rows = Rows::event, .type = Type::text, .size = 64, .is_volatile = true},
          {.path = "final/loss", .rows = Rows::once},
          {.path = "names", .rows = Rows::constant, .type = Type::text, .size = 8, .axes = "agent", .text = {"a", "bb"}}};
}

/// Row t of every growing column, each number a function of t and `base`: a torn row shows.
inline void append_small(RunWriter& writer, std::size_t episode, int t, double base = 0, double seconds = 1) {
  if (t == 0) writer.append(episode, "observations", std::vector{base - 1, 0.5});
  writer.append(episode, "observations", std::vector{base + t, t + 0.5});
  writer.append(episode, "rewards", base + t);
  writer.append(episode, "tokens", 1000.0 * t);
  writer.append(episode, "ended", t % 2);
  writer.append(episode, "cost/seconds", seconds);
  for (int s = 0; s < 2; ++s) {
    writer.append(episode, "train/loss", base + 2 * t + s);
    writer.append(episode, "train/step", 2 * t + s + 1);
  }
}

}  // namespace fader::test

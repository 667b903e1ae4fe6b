#include "core/error.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace fader {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substitution, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view name, std::span<const std::string> known) {
  std::string best;
  std::size_t least = 3;
  for (const auto& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < least && 2 * distance < std::max(name.size(), candidate.size())) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, std::span<const std::string> known) {
  if (const std::string best = nearest(name, known); !best.empty()) return fmt::format("; did you mean '{}'?", best);
  if (known.empty()) return "";
  return fmt::format("; known: {}", fmt::join(known, ", "));
}

namespace detail {
void check_failed(const char* file, int line, const char* expression, const std::string& found) {
  throw Defect(fmt::format("{}:{}: broken promise: {}{}{}", file, line, expression, found.empty() ? "" : ": ", found));
}
}  // namespace detail

}  // namespace fader

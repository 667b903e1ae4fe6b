#include "core/error.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace fader {
namespace {

constexpr std::size_t kShortestBeginning = 3;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Letters put in, left out, replaced, or exchanged with their neighbour: one each (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> above, before(b.size() + 1), row(b.size() + 1);
  std::iota(before.begin(), before.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), before[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], above[j - 2] + 1);
    }
    above = std::exchange(before, row);
  }
  return before.back();
}

}  // namespace

std::string nearest(std::string_view name, std::span<const std::string> known) {
  std::string best;
  std::pair<std::size_t, std::size_t> least{3, 0};  // case counts only between equals
  for (const auto& candidate : known) {
    const std::pair distance{edit_distance(lower(name), lower(candidate)), edit_distance(name, candidate)};
    if (distance < least && 2 * distance.first < std::max(name.size(), candidate.size())) {
      least = distance;
      best = candidate;
    }
  }
  if (!best.empty() || name.size() < kShortestBeginning) return best;
  const auto begins = [&](const std::string& candidate) { return lower(candidate).rfind(lower(name), 0) == 0; };
  const auto first = std::find_if(known.begin(), known.end(), begins);
  return first != known.end() && std::find_if(first + 1, known.end(), begins) == known.end() ? *first : "";
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

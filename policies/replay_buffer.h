// Transitions that consoles learn from again and again: the last `capacity` of them, all slots together. Not thread-safe.
#pragma once
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "core/archive.h"
#include "core/rng.h"

namespace fader {

class ReplayBuffer {
 public:
  /// Transitions of `inputs` numbers seen, `agents` weights.
  ReplayBuffer(std::size_t capacity, std::size_t inputs, std::size_t agents)
      : capacity_(capacity), inputs_(inputs), agents_(agents), row_(2 * inputs + agents + 2) {}

  struct Row {
    std::span<const float> x, weights, after;
    float reward, goes_on;   ///< goes_on: 1, or 0 where the episode terminated
  };
  std::size_t size() const { return rows_.size() / row_; }
  Row operator[](std::size_t i) const {
    const std::span<const float> row = std::span(rows_).subspan(i * row_, row_);
    return {row.first(inputs_), row.subspan(inputs_, agents_), row.subspan(inputs_ + agents_, inputs_), row[row_ - 2], row[row_ - 1]};
  }
  /// In place of the oldest when full.
  void add(std::span<const float> x, std::span<const double> weights, std::span<const float> after, double reward, bool terminated) {
    if (size() < capacity_) rows_.resize(rows_.size() + row_);
    auto to = rows_.begin() + static_cast<std::ptrdiff_t>(next_ * row_);
    to = std::ranges::copy(x, to).out;
    to = std::ranges::transform(weights, to, [](double w) { return static_cast<float>(w); }).out;
    to = std::ranges::copy(after, to).out;
    *to++ = static_cast<float>(std::clamp(reward, -1e18, 1e18));
    *to = terminated ? 0.0f : 1.0f;
    next_ = (next_ + 1) % capacity_;
  }

  void state(Archive& archive) {
    archive.field("rows", rows_);
    archive.field("next", next_);
    if (!archive.loading()) return;
    archive.expect(rows_.size() % row_ == 0 && size() <= capacity_ && next_ < capacity_ && (size() == capacity_ || next_ == size()),
                   "a number of transitions");
    archive.expect(std::ranges::all_of(rows_, [](float v) { return std::isfinite(v); }), "transitions");
    for (std::size_t i = 0; i < size(); ++i) {
      const Row row = (*this)[i];
      archive.expect((row.goes_on == 0 || row.goes_on == 1) && std::ranges::all_of(row.weights, [](float w) { return w >= 0 && w <= 1; }),
                     "a transition");
    }
  }

 private:
  std::size_t capacity_, inputs_, agents_, row_;
  std::uint64_t next_ = 0;
  std::vector<float> rows_;  // x, weights, after, reward, goes_on
};

}  // namespace fader

// How far an episode is, read from what the environment shows, and where that lies among knots. Thread-safe: no state.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "policies/policy.h"

namespace fader {

class EpisodeProgress {
 public:
  /// ConfigError that begins with `who` when the environment shows no field "progress".
  EpisodeProgress(const PolicyContext& context, std::string_view who);
  /// The share of the episode's decisions that are over, 0 to 1: cut there, 0 when it was not measured.
  double of(std::span<const double> x) const;

 private:
  std::size_t offset_ = 0;
};

/// A point between two neighbours of a list: (1 - share) of the first, share of the second.
struct Between {
  std::size_t first = 0, second = 0;
  double share = 0;
};
/// `at` ascends; before its first and after its last element these hold.
Between between(std::span<const double> at, double progress);

/// Which of n equal stretches of an episode `progress` lies in.
std::size_t stretch_of(double progress, std::size_t n);

}  // namespace fader

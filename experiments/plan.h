// The runs of an experiment in the order in which they are played, and which of them wait for which.
//
// Most stand by themselves. A point may come after others (Point::after): its runs are played when all runs of those have ended,
// if it is still wanted then, and as what it turns out to be (config.h). What was found out is in the journal, so every
// process of a sweep comes to the same answers.
#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "experiments/claims.h"
#include "experiments/config.h"

namespace fader {

struct Task {
  std::size_t point = 0;
  std::int64_t seed = 0;
};

class Plan {
 public:
  /// `seeds`: in place of those of the points that stand by themselves; empty: as they are. `points`: these alone, and those that they come
  /// after; empty: all. ConfigError for a point that is not there.
  Plan(const Experiment& experiment, std::span<const std::int64_t> seeds, std::span<const std::size_t> points);

  const std::vector<Task>& tasks() const { return tasks_; }   ///< seed by seed, so that paired runs end together
  std::vector<RunKey> keys() const;
  const Point& point(std::size_t task) const { return experiment_.points[tasks_[task].point]; }
  std::string label(std::size_t task) const;                  ///< "ucb seed 3"
  /// sha256 of all points of the experiment: processes with another one do not work together.
  const std::string& hash() const { return hash_; }

  Claims::Standing standing(std::size_t task, const Claims& claims) const;
  /// What is played for this task, whose standing is `ready`. RunError when what it comes after has left nothing to go by.
  Point settled(std::size_t task, const Claims& claims, const std::filesystem::path& folder) const;

 private:
  class Answers;
  const Experiment& experiment_;
  std::vector<Task> tasks_;
  std::vector<std::vector<std::size_t>> of_point_;            // its tasks
  std::string hash_;
};

}  // namespace fader

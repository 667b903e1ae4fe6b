// How long an experiment will still take, from how long its work took of late.
//
// The speed of a run is an exponential average over its last tenth or so: early intervals, which warm caches, are forgotten,
// and so is a neighbour that has gone. What has not begun is taken to be like what was seen, and to be started as places
// become free. Nothing is said before some run has done two intervals. Times are seconds of any clock; not thread-safe.
#pragma once
#include <cstddef>
#include <map>
#include <optional>

namespace fader {

class TimeLeft {
 public:
  /// Of the whole experiment; `done` counts what was there already, which tells nothing about speed.
  void runs(std::size_t done, std::size_t total);
  void started(std::size_t worker, double now);
  /// `share` of the run's `intervals` is done. The first call is where the run stood when it began or was taken up again.
  void beat(std::size_t worker, double share, double intervals, double now);
  void ended(std::size_t worker, double now);

  std::optional<double> seconds(double now) const;

 private:
  struct Worker {
    double started = 0, since = 0;  ///< since: the last beat
    double share = 0, intervals = 1;
    double pace = 0;                ///< seconds that a whole run takes at its present speed, set-up apart
    double seen = 0;                ///< share of the run that it was learned from
    bool playing = false;
  };
  static bool tells(const Worker& worker);  ///< whether its own pace is known
  double of_run(const Worker& worker, double now) const;

  std::map<std::size_t, Worker> workers_;
  std::size_t done_ = 0, total_ = 0, places_ = 0;
  std::optional<double> pace_, before_, after_;  ///< of a run like those seen: in its intervals, before and after them
};

}  // namespace fader

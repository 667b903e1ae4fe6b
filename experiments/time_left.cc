#include "experiments/time_left.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <vector>

namespace fader {
namespace {

constexpr double kMemory = 0.1;  // of a run
constexpr double kOfRuns = 0.3;  // weight of the latest run in what surrounds the intervals

void average(std::optional<double>& mean, double value, double weight) { mean = mean ? *mean + weight * (value - *mean) : value; }

}  // namespace

bool TimeLeft::tells(const Worker& w) { return w.seen * w.intervals > 1.5; }  // two intervals, however they are rounded

void TimeLeft::runs(std::size_t done, std::size_t total) {
  done_ = done;
  total_ = total;
}

void TimeLeft::started(std::size_t worker, double now) {
  workers_[worker] = Worker{now, now};
  places_ = std::max(places_, workers_.size());
}

void TimeLeft::beat(std::size_t worker, double share, double intervals, double now) {
  Worker& w = workers_[worker];
  w.intervals = std::max(1.0, intervals);
  if (!w.playing) {
    w.playing = true;
    average(before_, now - w.started, kOfRuns);
  } else if (const double step = share - w.share; step > 0) {
    w.seen += step;
    const double pace = (now - w.since) / step, weight = std::max(1 - std::exp(-step / kMemory), step / w.seen);
    w.pace += weight * (pace - w.pace);
    if (tells(w)) average(pace_, w.pace, weight);
  } else {
    return;
  }
  w.share = share;
  w.since = now;
}

void TimeLeft::ended(std::size_t worker, double now) {
  const auto it = workers_.find(worker);
  if (it == workers_.end()) return;
  if (it->second.share > 1 - 1e-9) average(after_, now - it->second.since, kOfRuns);  // else it failed or was stopped
  workers_.erase(it);
}

double TimeLeft::of_run(const Worker& w, double now) const {
  const double pace = tells(w) ? w.pace : *pace_;
  const double waited = now - w.since;
  const double left = w.playing ? (1 - w.share) * pace - std::min(waited, pace / w.intervals)  // of the interval going on
                                : std::max(0.0, before_.value_or(0) - waited) + pace;
  return std::max(0.0, left) + after_.value_or(0);
}

std::optional<double> TimeLeft::seconds(double now) const {
  if (!pace_) return std::nullopt;
  std::priority_queue<double, std::vector<double>, std::greater<>> free;  // when each place will be
  for (const auto& [id, worker] : workers_) free.push(of_run(worker, now));
  while (free.size() < std::max<std::size_t>(1, places_)) free.push(0);
  double last = 0;
  const std::size_t waiting = total_ - std::min(total_, done_ + workers_.size());
  for (std::size_t i = 0; i < waiting; ++i) {
    const double end = free.top() + before_.value_or(0) + *pace_ + after_.value_or(0);
    free.pop();
    free.push(end);
  }
  for (; !free.empty(); free.pop()) last = free.top();
  return last;
}

}  // namespace fader

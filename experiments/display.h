// What a person sees while runs go on: on standard error, never anything that changes a run. What cannot be written is left
// out, and nothing is waited for.
//
// To a terminal: one line, rewritten at most ten times a second and as detailed as the width allows. To a file, a pipe or a
// terminal that cannot rewrite (TERM=dumb): plain lines whose spacing doubles from one second to sixty, without control
// characters. Nothing is coloured, NO_COLOR or not. Thread-safe.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/progress.h"
#include "experiments/run.h"
#include "experiments/time_left.h"

namespace fader {

class Display final : public Progress {
 public:
  using Clock = std::function<double()>;  ///< seconds that never fall
  /// `out`: a file descriptor; `quiet`: notes only.
  Display(int out, bool quiet, Clock clock = steady_seconds);
  ~Display() override;

  void update(std::string_view what, double done, double total, std::string_view unit) override;
  void note(std::string_view line) override;

  /// Of the whole experiment; done: also those that failed, and those kept from an earlier start.
  void runs(std::size_t done, std::size_t total);
  void started(std::size_t worker, const std::string& label);  ///< "ucb seed 3"
  void beat(std::size_t worker, const Beat& beat);
  void ended(std::size_t worker);
  void clear();                                               ///< takes the line away; for other output

  static double steady_seconds();

 private:
  struct Worker {
    std::string label;
    Beat beat;
    bool playing = false;                                     ///< the first beat has come
    double since = 0, speed = 0, seen = 0;                    ///< of the last beat; tokens a second of late, over so many beats
  };
  struct Detail;
  bool due() const;
  void show(const std::string& line);
  void show_runs();
  std::string line(std::size_t columns) const;
  static std::string of_worker(const Worker& worker, const Detail& detail);
  std::size_t columns() const;                                ///< that may be filled

  std::mutex mutex_;
  const int out_;
  const bool rewrites_, quiet_;
  const Clock clock_;
  bool drawn_ = false;
  double spacing_, last_;                                     ///< seconds between lines; when the last one came
  std::size_t done_ = 0, total_ = 0;
  std::map<std::size_t, Worker> workers_;
  TimeLeft left_;
};

/// "▁▃█" of numbers in [0, 1].
std::string bars(const std::vector<double>& shares);
/// "1m 20s"
std::string duration_text(double seconds);

}  // namespace fader

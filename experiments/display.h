// What a person sees while runs go on: on standard error, never anything that changes a run.
//
// To a terminal: one line, rewritten at most ten times a second. To a file or pipe: plain lines whose spacing doubles from
// one second to sixty, without control characters. Thread-safe.
#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/progress.h"
#include "experiments/run.h"

namespace fader {

class Display final : public Progress {
 public:
  /// `out`: a file descriptor; `quiet`: notes only.
  Display(int out, bool quiet);
  ~Display() override;

  void update(std::string_view what, double done, double total, std::string_view unit) override;
  void note(std::string_view line) override;

  void runs(std::size_t done, std::size_t total);             ///< of the whole experiment, failed ones included in done
  void started(std::size_t worker, const std::string& label);
  void beat(std::size_t worker, const Beat& beat);
  void ended(std::size_t worker);
  void clear();                                               ///< takes the line away; for other output

 private:
  using Clock = std::chrono::steady_clock;
  struct Seen {
    std::string label;
    Beat beat;
    Clock::time_point since;
    double rate = 0;  // of an episode a second, moving average
    double share = 0;
  };
  void show(const std::string& line, bool force);
  std::string line() const;

  std::mutex mutex_;
  int out_;
  bool terminal_, quiet_;
  bool drawn_ = false;
  double spacing_ = 1;                // seconds between plain lines
  Clock::time_point last_, begun_;
  std::size_t done_ = 0, total_ = 0;
  std::map<std::size_t, Seen> workers_;
};

/// "▁▃█" of numbers in [0, 1].
std::string bars(const std::vector<double>& shares);
/// "1m 20s"
std::string duration_text(double seconds);

}  // namespace fader

// Processes that train one model together: what each has computed of a sum becomes the sum, the same bits in all of them.
//
// Every process ("rank") makes the same calls in the same order. A buffer is summed in blocks; of a block each rank adds up a
// share, in the order of the ranks, and sends it to the others, while the parts of the next block are on their way: whoever
// adds up what, an element is always ((r0 + r1) + r2) + ..., and it is rounded at one place. Each rank sends and receives about
// 2 (n - 1) / n times the buffer.
//
// Sums go over plain TCP, one connection for each two ranks, in code of our own: c10d's gloo cannot be compiled against, since
// LibTorch is distributed without gloo's headers, and the gloo of distributions has another binary interface. c10d's store
// serves for the rendezvous. No allocation once buffers have grown. Not thread-safe.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "trainer/rendezvous.h"

namespace fader {

/// Another rank ended, was killed, or has been silent for too long. All calls after it throw the same.
struct LostRank : RunError {
  using RunError::RunError;
};

inline constexpr int kMostRanks = 256;

/// What a process is among those of its group, and what it expects of the others.
struct Membership {
  int rank = 0, size = 1;
  std::string check;                          ///< what all must agree in, as a text: version, configuration, seed
  std::chrono::milliseconds patience{600'000};  ///< how long another may be silent
  std::chrono::milliseconds delay{600'000};   ///< how long it may be late at the beginning
  std::function<void()> waiting;              ///< called now and then until all are there; may throw to leave
};

class Ranks {
 public:
  /// Waits for the others; all name the same `group`, once in the life of a store. RunError: they did not come, or differ in
  /// `check` (then in all processes).
  static std::shared_ptr<Ranks> meet(Rendezvous& at, const std::string& group, const Membership& membership);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return membership_.rank; }
  int size() const { return membership_.size; }

  /// In place; of equal length everywhere. After LostRank the values are good for nothing.
  void sum(std::span<float> values);
  /// In place, each number by itself; at most 16.
  void max(std::span<std::int64_t> values);
  /// What rank 0 has passed; at most 4 KiB.
  std::string from_first(const std::string& text);
  /// RunError in all ranks when some have different values: "rank 0 and rank 1 differ in <what>".
  void same(std::uint64_t value, std::string_view what);

 private:
  struct Peer;
  struct Trouble;
  explicit Ranks(Membership membership);
  void connect(Rendezvous& at, const std::string& group);
  void seat(std::unique_ptr<Peer> peer, std::chrono::milliseconds limit);
  static void exchange(std::span<const std::unique_ptr<Peer>> peers, std::chrono::milliseconds limit);
  void exchange();
  void add_up(std::span<float> own);
  void all_numbers(std::span<const std::int64_t> values);

  const Membership membership_;
  std::vector<std::unique_ptr<Peer>> peers_;  // all others, in the order of their ranks
  std::string lost_;                          // what was said of the rank that is lost; empty: none is
};

}  // namespace fader

// The best of many candidates: as many as hold the demanded tokens, found while the scores are read once.
//
// Whoever scores below the worst of those kept so far is turned away with one comparison; the rest go to a buffer that is cut
// back to the best whenever it is full. Where candidates are many, a sample of them, every 64th block, first says how good one
// must be about; should that have been too strict, all are read again without it. What is found never depends on the sample,
// on the size of the buffer or on the number of threads: the order of candidates (ranking.h) has no ties.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "env/ranking.h"
#include "trainer/team.h"

namespace fader {

/// Memory for n things and a few more, so that the next call, which may need some more, finds it there.
template <class T>
void make_room(std::vector<T>& items, std::size_t n) {
  if (items.capacity() < n) items.reserve(n + n / 8);
}

class Best {
 public:
  /// `tokens` as in Offer. Below `floor` nobody is wanted.
  void begin(std::span<const std::uint32_t> tokens, std::int64_t demand, double floor);
  double floor() const { return worst_.score; }
  void offer(const Ranked& c) {
    if (!c.before(worst_)) return;
    if (kept_.size() == room_) make_place();
    kept_.push_back(c);
    if (!tokens_.empty()) __builtin_prefetch(&tokens_[c.candidate]);
  }
  /// Only the best that hold the demand are left.
  void cut();
  /// Those kept hold the demand. They are the best of all that were offered, in no order, and may be more than it takes.
  bool enough() const { return held(0, kept_.size()) >= demand_; }
  std::span<Ranked> kept() { return kept_; }
  const Ranked& worst() const { return worst_; }

 private:
  static constexpr std::size_t kLittle = 4096;
  std::int64_t held(std::size_t first, std::size_t last) const;
  void make_place();

  std::span<const std::uint32_t> tokens_;
  std::int64_t demand_ = 0;
  std::vector<Ranked> kept_;
  std::size_t room_ = 0;  // to be cut when so many are there
  Ranked worst_;
};

/// Puts the best of all[first, last) to their places all[first, to), sorted.
void sort_best(std::span<Ranked> all, std::size_t first, std::size_t to);

class BestOf {
 public:
  static constexpr std::int64_t kBlock = 1024;
  explicit BestOf(Team& team) : team_(team), bests_(static_cast<std::size_t>(team.size())) {}

  /// The best of n candidates, in no order and perhaps some more than hold the demand, until the next call. scan(first, last, best)
  /// offers `best` those of [first, last), a block, that score at least best.floor(); it is called on all threads, for a block
  /// perhaps more than once.
  template <class Scan>
  std::span<Ranked> find(std::size_t n, std::span<const std::uint32_t> tokens, std::int64_t demand, const Scan& scan) {
    const auto all = static_cast<std::int64_t>(n);
    double floor = sampled_floor(all, tokens, demand, scan);
    for (;; floor = kNone) {
      team_.run([&](int t) {
        Best& best = bests_[static_cast<std::size_t>(t)];
        best.begin(tokens, demand, floor);
        const Share mine = share(all, kBlock, t, team_.size());
        for (std::int64_t b = mine.first; b < mine.last; b += kBlock) scan(b, std::min(b + kBlock, mine.last), best);
      });
      Best& best = bests_.front();
      for (std::size_t t = 1; t < bests_.size(); ++t)
        for (const Ranked& c : bests_[t].kept()) best.offer(c);
      if (floor == kNone) best.cut();
      if (floor == kNone || best.enough()) return best.kept();
    }
  }
  /// Those that were found hold the demand.
  bool enough() const { return bests_.front().enough(); }

 private:
  static constexpr double kNone = -std::numeric_limits<double>::infinity();
  static constexpr std::int64_t kSampled = 64;  // one block in so many
  static std::int64_t sample_demand(std::int64_t n, std::span<const std::uint32_t> tokens, std::int64_t demand);

  template <class Scan>
  double sampled_floor(std::int64_t n, std::span<const std::uint32_t> tokens, std::int64_t demand, const Scan& scan) {
    if (n < 4 * kSampled * kBlock) return kNone;
    Best& best = bests_.front();
    best.begin(tokens, sample_demand(n, tokens, demand), kNone);
    for (std::int64_t b = kSampled / 2 * kBlock; b + kBlock <= n; b += kSampled * kBlock) scan(b, b + kBlock, best);
    best.cut();
    return best.enough() ? best.worst().score : kNone;
  }

  Team& team_;
  std::vector<Best> bests_;  // of each thread
};

}  // namespace fader

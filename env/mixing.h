// Kernels of selection: one block of candidates at a time, in cache.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "env/best.h"
#include "env/selection.h"

namespace fader {

/// Of a block of n <= 1024 numbers those that may be wanted are marked in clusters, so that all others are turned away by vectors: mark
/// 16 g + l is that of numbers 128 g + 16 r + l, r = 0, ..., 7.
struct Marks {
  static constexpr std::int64_t kLanes = 16, kRows = 8, kGroup = kLanes * kRows;
  alignas(8) std::uint8_t of[BestOf::kBlock / kRows];

  /// Calls use(i) for all numbers of the marked clusters.
  template <class Use>
  void visit(std::int64_t n, const Use& use) const {
    for (std::int64_t g = 0; g * kGroup < n; ++g) {
      std::uint64_t words[2];
      std::memcpy(words, of + g * kLanes, sizeof words);
      if ((words[0] | words[1]) == 0) continue;
      for (std::int64_t l = 0; l < kLanes; ++l) {
        if (!of[g * kLanes + l]) continue;
        for (std::int64_t i = g * kGroup + l; i < std::min(n, (g + 1) * kGroup); i += kLanes) use(i);
      }
    }
  }
};

/// Where a score is at least `floor`.
void mark(std::int64_t n, const float* scores, float floor, Marks& marks);
void mark(std::int64_t n, const double* scores, double floor, Marks& marks);

/// Offers `best` the candidates first, first + 1, ... with these n <= 1024 scores. `mine(c)`: c may be offered.
template <class Score, class Mine>
void offer_block(const Score* scores, std::int64_t first, std::int64_t n, std::uint64_t key, Best& best, const Mine& mine) {
  Marks marks;
  mark(n, scores, static_cast<Score>(best.floor()), marks);
  marks.visit(n, [&](std::int64_t i) {
    const auto c = static_cast<std::size_t>(first + i);
    const auto score = static_cast<double>(scores[i]);
    if (score >= best.floor() && mine(c)) best.offer(Ranked::of(score, key, c));
  });
}

/// The weighted sums of the candidates' scores: S(c) = sum_i w_i s_i(c), divided by 1 + decay used(c); of the scores as they are, or
/// of their ranks on (0, 1) among the candidates. Keeps its memory.
class Mixture {
 public:
  /// The offer must live as long as this is asked.
  void begin(const Offer& offer, std::span<const double> weights, const SelectionOptions& options);
  /// Of [first, first + n).
  void block(std::int64_t first, std::int64_t n, double* out) const;
  /// Of the agents with weight, that with the greatest w_i s_i(c); among equals that of the greatest weight, then the first.
  std::uint16_t leader(std::size_t candidate) const;
  void look_ahead(std::size_t candidate) const;  ///< its leader will be asked for soon

 private:
  const float* ranks(const Offer& offer, std::size_t i);

  std::vector<double> weights_;            // of the agents that have weight
  std::vector<const float*> columns_;
  std::vector<std::uint16_t> agents_;
  std::span<const std::uint16_t> used_;
  double decay_ = 0;
  std::vector<std::vector<float>> ranks_;
  std::vector<Ranked> scratch_;
};

/// Those of `sorted` that hold the demand, best first, as picks of leader(contender) with propensity 1. ahead(contender): it will be
/// one soon.
template <class Leader, class Ahead>
void take_in_order(const Offer& offer, std::span<const Ranked> sorted, std::vector<Pick>& picks, const Leader& leader, const Ahead& ahead) {
  constexpr std::size_t kAhead = 8;
  make_room(picks, sorted.size());
  std::int64_t got = 0;
  for (std::size_t i = 0; i < sorted.size() && got < offer.demand; ++i) {
    if (i + kAhead < sorted.size()) {
      ahead(sorted[i + kAhead]);
      if (!offer.tokens.empty()) __builtin_prefetch(&offer.tokens[sorted[i + kAhead].candidate]);
    }
    picks.push_back({sorted[i].candidate, leader(sorted[i]), 1.0});
    got += offer.held(sorted[i].candidate);
  }
}

/// log(sum exp) as it is added up, in any range: the sum is exp(top) total.
struct LogSum {
  double top = -std::numeric_limits<double>::infinity(), total = 0;
  void add(const LogSum& other);
  double add(double x);   ///< one term, exp(x); its share of the sum that it makes
};

/// x -> exp(x - top) with the greatest of n <= 1024 as top, and their sum. -infinity counts for nothing.
LogSum exponentials(std::int64_t n, const double* x, double* out);

/// Exponential race: v uniform on (0, 1) from the candidate's bits, E = -log(1 - v).
double race_uniform(std::uint64_t key, std::size_t candidate);
inline double race_time(std::uint64_t key, std::size_t candidate) { return -std::log1p(-race_uniform(key, candidate)); }
/// Where v is at most bound e[i], of candidates first, first + 1, ...; v <= E.
void mark_race(std::uint64_t key, std::int64_t first, std::int64_t n, const double* e, double bound, Marks& marks);

}  // namespace fader

// Kernels of selection: one block of candidates at a time, in cache.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "env/best.h"
#include "env/selection.h"

namespace fader {

inline constexpr std::int64_t kCluster = 16;  // scores that are turned away together

/// Which clusters of n <= 1024 scores hold one of at least `floor`.
void mark_clusters(const float* scores, std::int64_t n, float floor, std::uint8_t* marks);
void mark_clusters(const double* scores, std::int64_t n, double floor, std::uint8_t* marks);

/// Offers `best` the candidates first, first + 1, ... with these n <= 1024 scores. `mine(c)`: c may be offered.
template <class Score, class Mine>
void offer_block(const Score* scores, std::int64_t first, std::int64_t n, std::uint64_t key, Best& best, const Mine& mine) {
  std::uint8_t marks[BestOf::kBlock / kCluster];
  mark_clusters(scores, n, static_cast<Score>(best.floor()), marks);
  for (std::int64_t m = 0; m * kCluster < n; ++m) {
    if (!marks[m]) continue;
    for (std::int64_t i = m * kCluster; i < std::min(n, (m + 1) * kCluster); ++i) {
      const auto c = static_cast<std::size_t>(first + i);
      if (static_cast<double>(scores[i]) >= best.floor() && mine(c)) best.offer(Contender::of(static_cast<double>(scores[i]), key, c));
    }
  }
}

/// The weighted sums of the candidates' scores: S(c) = sum_i w_i s_i(c), divided by 1 + decay used(c).
struct Mixture {
  std::span<const double> weights;
  std::span<const std::span<const float>> scores;
  std::span<const std::uint16_t> used;
  double decay = 0;
  /// Of [first, first + n).
  void block(std::int64_t first, std::int64_t n, double* out) const;
  /// Of the agents with weight, that with the greatest w_i s_i(c); among equals that of the greatest weight, then the first.
  std::uint16_t leader(std::size_t candidate) const;
};

/// What is summed: the agents' scores as they are, or their ranks on (0, 1) among the candidates. Keeps its memory.
class Columns {
 public:
  /// Until the next call; of an agent without weight perhaps empty.
  std::span<const std::span<const float>> of(const Offer& offer, std::span<const double> weights, bool raw);

 private:
  std::vector<std::vector<float>> ranks_;
  std::vector<std::span<const float>> views_;
  std::vector<Contender> scratch_;
};

/// log(sum exp) as it is added up, in any range: the sum is exp(top) total.
struct LogSum {
  double top = -std::numeric_limits<double>::infinity(), total = 0;
  void add(const LogSum& other);
  double share(double x) const;   ///< exp(x) / sum
};

/// x -> exp(x - top) with the greatest of n <= 1024 as top, and their sum. -infinity counts for nothing.
LogSum exponentials(std::int64_t n, const double* x, double* out);

/// Exponential race: v uniform on (0, 1) from the candidate's bits, E = -log(1 - v).
double race_uniform(std::uint64_t key, std::size_t candidate);
inline double race_time(std::uint64_t key, std::size_t candidate) { return -std::log1p(-race_uniform(key, candidate)); }
/// Which clusters of n <= 1024 candidates hold one whose v is at most bound e[i]; v <= E.
void mark_racers(std::uint64_t key, std::int64_t first, std::int64_t n, const double* e, double bound, std::uint8_t* marks);

}  // namespace fader

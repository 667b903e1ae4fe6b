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
  std::vector<Contender> scratch_;
};

/// Those of `sorted` that hold the demand, best first, as picks of their leaders with propensity 1.
void take_in_order(const Offer& offer, const Mixture& mixture, std::span<const Contender> sorted, std::vector<Pick>& picks);

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

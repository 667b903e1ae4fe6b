#include "env/mixing.h"

#include <bit>
#include <cmath>
#include <utility>

#include "trainer/lanes.h"

namespace fader {
namespace {

constexpr double kHalfUlp = 0x1.0p-53;

// 52 bits as the fraction of a number in [1, 2); less one and plus half a step, which is exact: (0, 1) without its ends.
FADER_INLINE double uniform_of(std::uint64_t bits) { return std::bit_cast<double>(0x3ff0000000000000ull | bits >> 12) - (1.0 - kHalfUlp); }

// e^x for x <= 0 to two units in the last place; 0 below -708. x = k ln 2 + r, the Taylor series of e^r on |r| <= ln 2 / 2, k
// put into the exponent; what is dropped is below 1e-17. The limit is a mask: a choice would not be vectorised.
FADER_INLINE double exponential_below(double x) {
  constexpr double shift = 0x1.8p52;  // adding it rounds to the nearest whole number, kept in the low bits
  const double rounded = x * 1.4426950408889634074 + shift;
  const double k = rounded - shift;
  const double r = (x - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r * r + r + 1.0;
  const std::uint64_t power = (std::bit_cast<std::uint64_t>(rounded) - std::bit_cast<std::uint64_t>(shift) + 1023u) << 52;
  const std::uint64_t low = 0u - static_cast<std::uint64_t>(!(x >= -708.0));
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(p * std::bit_cast<double>(power)) & ~low);
}

template <class Score>
FADER_INLINE void mark(const Score* __restrict scores, std::int64_t n, Score floor, std::uint8_t* __restrict marks) {
  std::int64_t i = 0;
  for (; i + kCluster <= n; i += kCluster) {
    int any = 0;
    for (std::int64_t j = 0; j < kCluster; ++j) any |= scores[i + j] >= floor;
    marks[i / kCluster] = static_cast<std::uint8_t>(any);
  }
  if (i < n) marks[i / kCluster] = 1;
}

FADER_KERNEL void mark_floats(const float* scores, std::int64_t n, float floor, std::uint8_t* marks) { mark(scores, n, floor, marks); }
FADER_KERNEL void mark_doubles(const double* scores, std::int64_t n, double floor, std::uint8_t* marks) { mark(scores, n, floor, marks); }

FADER_KERNEL void add_scaled(double w, const float* __restrict scores, std::int64_t n, double* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] += w * static_cast<double>(scores[i]);
}
FADER_KERNEL void decay_by(double decay, const std::uint16_t* __restrict used, std::int64_t n, double* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] /= 1 + decay * static_cast<double>(used[i]);
}

FADER_KERNEL double greatest(std::int64_t n, const double* x) {
  double lane[kernels::kLanes];
  for (double& l : lane) l = x[0];
  std::int64_t i = 0;
  for (; i + kernels::kLanes <= n; i += kernels::kLanes)
    for (std::int64_t l = 0; l < kernels::kLanes; ++l) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
  for (; i < n; ++i) lane[0] = x[i] > lane[0] ? x[i] : lane[0];
  return kernels::fold_lanes(lane, [](double a, double b) { return a > b ? a : b; });
}
FADER_KERNEL double exponentiate(std::int64_t n, const double* __restrict x, double top, double* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = exponential_below(x[i] - top);
  return kernels::sum(n, [&](std::int64_t i) { return out[i]; });
}

FADER_KERNEL void mark_race(std::uint64_t key, std::uint64_t first, std::int64_t n, const double* __restrict e, double bound,
                            std::uint8_t* __restrict marks) {
  std::int64_t i = 0;
  for (; i + kCluster <= n; i += kCluster) {
    int any = 0;
    for (std::int64_t j = 0; j < kCluster; ++j) any |= uniform_of(lot_bits(key, first + static_cast<std::uint64_t>(i + j))) <= e[i + j] * bound;
    marks[i / kCluster] = static_cast<std::uint8_t>(any);
  }
  if (i < n) marks[i / kCluster] = 1;
}

}  // namespace

void mark_clusters(const float* scores, std::int64_t n, float floor, std::uint8_t* marks) { mark_floats(scores, n, floor, marks); }
void mark_clusters(const double* scores, std::int64_t n, double floor, std::uint8_t* marks) { mark_doubles(scores, n, floor, marks); }

void Mixture::block(std::int64_t first, std::int64_t n, double* out) const {
  std::fill(out, out + n, 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] != 0) add_scaled(weights[i], scores[i].data() + first, n, out);
  if (!used.empty() && decay != 0) decay_by(decay, used.data() + first, n, out);
}

std::uint16_t Mixture::leader(std::size_t candidate) const {
  std::size_t best = 0;
  std::pair most(-std::numeric_limits<double>::infinity(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    const std::pair part(weights[i] * static_cast<double>(scores[i][candidate]), weights[i]);
    if (part > most) most = part, best = i;
  }
  return static_cast<std::uint16_t>(best);
}

std::span<const std::span<const float>> Columns::of(const Offer& offer, std::span<const double> weights, bool raw) {
  if (raw) return offer.scores;
  ranks_.resize(weights.size());
  views_.assign(weights.size(), {});
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    make_room(ranks_[i], offer.candidates);
    make_room(scratch_, offer.candidates);
    ranks_[i].resize(offer.candidates);
    normalise_ranks(offer.scores[i], offer.keys[i], scratch_, ranks_[i]);
    views_[i] = ranks_[i];
  }
  return views_;
}

void LogSum::add(const LogSum& other) {
  if (other.total == 0) return;
  if (other.top > top) {
    total = total * std::exp(top - other.top) + other.total;
    top = other.top;
  } else {
    total += other.total * std::exp(other.top - top);
  }
}

double LogSum::share(double x) const { return std::exp(x - top) / total; }

LogSum exponentials(std::int64_t n, const double* x, double* out) {
  const double top = greatest(n, x);
  if (top == -std::numeric_limits<double>::infinity()) {
    std::fill(out, out + n, 0.0);
    return {};
  }
  return {top, exponentiate(n, x, top, out)};
}

double race_uniform(std::uint64_t key, std::size_t candidate) { return uniform_of(lot_bits(key, candidate)); }

void mark_racers(std::uint64_t key, std::int64_t first, std::int64_t n, const double* e, double bound, std::uint8_t* marks) {
  mark_race(key, static_cast<std::uint64_t>(first), n, e, bound, marks);
}

}  // namespace fader

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

// How far ahead memory is asked for, in numbers: near the end of a page the processor does not look ahead by itself.
constexpr std::int64_t kSoon = 256;

// The greatest of each cluster, lane by lane, against the floor; value(i) of numbers that vectorise.
template <class Real, class Value>
FADER_INLINE void mark_by(std::int64_t n, const Value& value, Real floor, std::uint8_t* __restrict marks) {
  std::int64_t g = 0;
  for (; (g + 1) * Marks::kGroup <= n; ++g) {
    Real most[Marks::kLanes];
    for (std::int64_t l = 0; l < Marks::kLanes; ++l) most[l] = value(g * Marks::kGroup + l);
    for (std::int64_t i = g * Marks::kGroup + Marks::kLanes; i < (g + 1) * Marks::kGroup; i += Marks::kLanes)
      for (std::int64_t l = 0; l < Marks::kLanes; ++l) {
        const Real x = value(i + l);
        most[l] = x > most[l] ? x : most[l];
      }
    for (std::int64_t l = 0; l < Marks::kLanes; ++l) marks[g * Marks::kLanes + l] = most[l] >= floor;
  }
  if (g * Marks::kGroup < n) std::fill(marks + g * Marks::kLanes, marks + (g + 1) * Marks::kLanes, std::uint8_t{1});
}

FADER_KERNEL void mark_floats(std::int64_t n, const float* __restrict scores, float floor, std::uint8_t* __restrict marks) {
  mark_by(n, [=](std::int64_t i) { return scores[i]; }, floor, marks);
}
FADER_KERNEL void mark_doubles(std::int64_t n, const double* __restrict scores, double floor, std::uint8_t* __restrict marks) {
  mark_by(n, [=](std::int64_t i) { return scores[i]; }, floor, marks);
}
FADER_KERNEL void mark_racers(std::uint64_t key, std::uint64_t first, std::int64_t n, const double* __restrict e, double bound,
                              std::uint8_t* __restrict marks) {
  mark_by(n, [=](std::int64_t i) { return e[i] * bound - uniform_of(lot_bits(key, first + static_cast<std::uint64_t>(i))); }, 0.0, marks);
}

// All columns side by side, so that sums stay in registers.
FADER_KERNEL void add_up(std::size_t k, const double* __restrict w, const float* const* scores, std::int64_t first, std::int64_t n,
                         double* __restrict out) {
  constexpr std::int64_t kWide = 32;
  std::int64_t at = 0;
  for (; at + kWide <= n; at += kWide) {
    double sum[kWide] = {};
    for (std::size_t i = 0; i < k; ++i) {
      const float* s = scores[i] + first + at;
      __builtin_prefetch(s + kSoon);
      __builtin_prefetch(s + kSoon + 16);
      for (std::int64_t j = 0; j < kWide; ++j) sum[j] += w[i] * static_cast<double>(s[j]);
    }
    for (std::int64_t j = 0; j < kWide; ++j) out[at + j] = sum[j];
  }
  for (; at < n; ++at) {
    out[at] = 0;
    for (std::size_t i = 0; i < k; ++i) out[at] += w[i] * static_cast<double>(scores[i][first + at]);
  }
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

}  // namespace

void mark(std::int64_t n, const float* scores, float floor, Marks& marks) { mark_floats(n, scores, floor, marks.of); }
void mark(std::int64_t n, const double* scores, double floor, Marks& marks) { mark_doubles(n, scores, floor, marks.of); }

void Mixture::begin(const Offer& offer, std::span<const double> weights, const SelectionOptions& options) {
  decay_ = options.repetition_decay;
  used_ = offer.used;
  weights_.clear();
  columns_.clear();
  agents_.clear();
  ranks_.resize(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    weights_.push_back(weights[i]);
    agents_.push_back(static_cast<std::uint16_t>(i));
    columns_.push_back(options.raw() ? offer.scores[i].data() : ranks(offer, i));
  }
}

const float* Mixture::ranks(const Offer& offer, std::size_t i) {
  make_room(ranks_[i], offer.candidates);
  make_room(scratch_, offer.candidates);
  ranks_[i].resize(offer.candidates);
  normalise_ranks(offer.scores[i], offer.keys[i], scratch_, ranks_[i]);
  return ranks_[i].data();
}

void Mixture::block(std::int64_t first, std::int64_t n, double* out) const {
  add_up(weights_.size(), weights_.data(), columns_.data(), first, n, out);
  if (!used_.empty() && decay_ != 0) decay_by(decay_, used_.data() + first, n, out);
}

std::uint16_t Mixture::leader(std::size_t candidate) const {
  std::size_t best = 0;
  std::pair most(-std::numeric_limits<double>::infinity(), 0.0);
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    const std::pair part(weights_[i] * static_cast<double>(columns_[i][candidate]), weights_[i]);
    if (part > most) most = part, best = i;
  }
  return agents_[best];
}

void Mixture::look_ahead(std::size_t candidate) const {
  for (const float* column : columns_) __builtin_prefetch(column + candidate);
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

double LogSum::add(double x) {
  if (x > top) {
    total *= std::exp(top - x);
    top = x;
  }
  const double term = std::exp(x - top);
  total += term;
  return term / total;
}

LogSum exponentials(std::int64_t n, const double* x, double* out) {
  const double top = greatest(n, x);
  if (top == -std::numeric_limits<double>::infinity()) {
    std::fill(out, out + n, 0.0);
    return {};
  }
  return {top, exponentiate(n, x, top, out)};
}

double race_uniform(std::uint64_t key, std::size_t candidate) { return uniform_of(lot_bits(key, candidate)); }

void mark_race(std::uint64_t key, std::int64_t first, std::int64_t n, const double* e, double bound, Marks& marks) {
  mark_racers(key, static_cast<std::uint64_t>(first), n, e, bound, marks.of);
}

}  // namespace fader

// Named random streams.
//
// A stream is a counter-based generator, Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
// 1, 2, 3", SC11), whose key is a hash of (root seed, path). Streams of different paths never share numbers, adding a
// stream never shifts another, and the whole state is one counter. Distributions are our own: those of the standard
// library differ between implementations.
//
// Not thread-safe: one stream belongs to one thread; make a child per thread.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace fader {

class Archive;

class Rng {
 public:
  /// `path` reads like "run/env/pool". Equal (root, path) give equal streams on every machine.
  Rng(std::uint64_t root, std::string_view path);

  /// Depends on this stream's root and path and on `name`, never on how often the parent was drawn from.
  Rng child(std::string_view name) const;

  std::uint64_t bits();                    ///< 64 random bits
  double uniform();                        ///< [0, 1), 53 random bits
  double normal();                         ///< standard normal, by inversion: one draw, one number; 52 random bits
  double exponential();                    ///< mean 1
  double gamma(double shape);              ///< shape > 0 and finite, scale 1 (Marsaglia and Tsang 2000)
  std::uint64_t below(std::uint64_t n);    ///< 0 <= x < n, unbiased; n > 0
  /// An index with probability proportional to `weight`; weights are finite, non-negative and not all zero.
  std::size_t choice(std::span<const double> weight);

  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

  /// Saves or loads the position within the stream; the key is part of the state, so a stream may be moved.
  void state(Archive& archive);

 private:
  std::uint64_t key_ = 0;
  std::uint64_t counter_ = 0;  // of 64-bit outputs
};

/// The block function of Philox4x32-10: four words for (counter, key).
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// One 64-bit output for (key, index) without a stream object: for scores that are a function of an id.
std::uint64_t random_bits(std::uint64_t key, std::uint64_t index);

/// The key of the stream (root, path).
std::uint64_t stream_key(std::uint64_t root, std::string_view path);

/// Streams of a call, one per row; keyed by a member's run seed, never by its slot.
using Streams = std::span<Rng>;

}  // namespace fader

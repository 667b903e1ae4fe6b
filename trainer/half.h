// bfloat16: the upper half of a float32, for what is stored; sums and everything else are float32.
//
// `wide` and `narrow` stand in loops over any type, so that a kernel is written once: Wide<T> is what is computed with where T
// is stored (float of Half; float and double of themselves). Rounding is to the nearest, ties to
// even; not-a-number stays one, and what is too large becomes infinite.
#pragma once
#include <bit>
#include <cstdint>

#include "trainer/lanes.h"

namespace fader {

struct Half {
  std::uint16_t bits = 0;
};

FADER_INLINE float wide(float x) { return x; }
FADER_INLINE double wide(double x) { return x; }
FADER_INLINE float wide(Half x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

template <class T>
using Wide = decltype(wide(T{}));

template <class T>
FADER_INLINE T narrow(Wide<T> x) {
  return x;
}
template <>
FADER_INLINE Half narrow<Half>(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t none = 0u - static_cast<std::uint32_t>(x != x);  // a mask: a choice would be a branch
  return {static_cast<std::uint16_t>((rounded & ~none) | (0x7fc0u & none))};
}

namespace kernels {

/// The largest of n > 0 numbers.
template <class T>
FADER_INLINE Wide<T> largest(const T* x, std::int64_t n) {
  const auto larger = [](Wide<T> a, Wide<T> b) { return a < b ? b : a; };
  Wide<T> lane[kLanes];
  for (std::int64_t l = 0; l < kLanes; ++l) lane[l] = wide(x[0]);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) lane[l] = larger(lane[l], wide(x[i + l]));
  for (std::int64_t l = 0; i + l < n; ++l) lane[l] = larger(lane[l], wide(x[i + l]));
  return fold_lanes(lane, larger);
}

}  // namespace kernels
}  // namespace fader

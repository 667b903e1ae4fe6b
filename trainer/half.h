// bfloat16: the upper half of a float32, for what is stored; sums and everything else are float32.
//
// `wide` and `narrow` stand in loops over either type, so that a kernel is written once. Rounding is to the nearest, ties to
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
FADER_INLINE float wide(Half x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

template <class T>
FADER_INLINE T narrow(float x);
template <>
FADER_INLINE float narrow<float>(float x) {
  return x;
}
template <>
FADER_INLINE Half narrow<Half>(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t none = 0u - static_cast<std::uint32_t>(x != x);  // a mask: a choice would be a branch
  return {static_cast<std::uint16_t>((rounded & ~none) | (0x7fc0u & none))};
}

}  // namespace fader

// What the kernels share: compilation for several instruction sets, sums in lanes, an exponential that vectorises.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

/// Compiles the function once for each instruction set; the loader picks. What it calls must be inlined into it.
/// Sanitisers are not up yet when the loader picks.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define FADER_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FADER_KERNEL
#endif
#if defined(__CUDACC__)
#define FADER_INLINE __host__ __device__ inline __attribute__((always_inline))
#else
#define FADER_INLINE inline __attribute__((always_inline))
#endif

namespace fader::kernels {

inline constexpr std::int64_t kLanes = 16;  // partial sums of every reduction, whatever the instruction set

/// Folds the lanes into one number by halves; `fold` combines two.
template <class Real, class Fold>
FADER_INLINE Real fold_lanes(Real (&lane)[kLanes], Fold fold) {
  for (int l = 0; l < 8; ++l) lane[l] = fold(lane[l], lane[l + 8]);
  for (int l = 0; l < 4; ++l) lane[l] = fold(lane[l], lane[l + 4]);
  return fold(fold(lane[0], lane[2]), fold(lane[1], lane[3]));
}

/// Sum of term(i) for 0 <= i < n.
template <class Term>
FADER_INLINE auto sum(std::int64_t n, Term term) {
  using Real = decltype(term(n));
  Real lane[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) lane[l] += term(i + l);
  for (std::int64_t l = 0; i + l < n; ++l) lane[l] += term(i + l);
  return fold_lanes(lane, [](Real a, Real b) { return a + b; });
}

/// e^x to about two units in the last place; 0 below -87, 3e38 above 88. x = k ln 2 + r, a polynomial for e^r (minimax of
/// degree 5 on |r| <= ln 2 / 2, coefficients of the Cephes library), k put into the exponent. The limits are masks:
/// a choice would become a branch around all the rest, which is not vectorised.
FADER_INLINE float exponential(float x) {
  constexpr float shift = 12582912.0f;  // 1.5 x 2^23: adding it rounds to the nearest whole number, kept in the low bits
  const float rounded = x * 1.44269504088896341f + shift;
  const float k = rounded - shift;
  const float r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(rounded) - std::bit_cast<std::uint32_t>(shift) + 127u) << 23;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(p * std::bit_cast<float>(power));
  const std::uint32_t low = 0u - static_cast<std::uint32_t>(x < -87.0f), high = 0u - static_cast<std::uint32_t>(x > 88.0f);
  return std::bit_cast<float>((bits & ~(low | high)) | (std::bit_cast<std::uint32_t>(3e38f) & high));
}
inline double exponential(double x) { return std::exp(x); }

}  // namespace fader::kernels

// One instruction does the work: vdpbf16ps adds, to each of 16 float32 sums, the products of two pairs of bfloat16. So both
// operands are taken in pairs along the inner dimension:
//
//   C tile [12 rows, 32 columns] += sum over k/2 of  pair(A[row], k) (broadcast)  x  pair(B[:, column], k)
//
// B is packed panel by panel: 32 columns, for each k/2 the 32 pairs (64 bytes twice), zeros beyond the edges. A is read where it
// lies when its rows are pairs already (not transposed, even), else packed as well: 12 rows, for each k/2 the 12 pairs. The 24
// sums of a tile stay in registers over the whole inner dimension; every element of C is summed in the same order wherever it
// lies. Unlike LibTorch's product this one can add to float32, and allocates nothing once its room is as large as needed.
#include "trainer/product_avx512.h"

#include <algorithm>
#include <type_traits>

#include "core/error.h"
#include "trainer/buffer.h"

#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 on its own header
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#define FADER_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

namespace fader::avx512 {
namespace {

constexpr std::int64_t kRows = 12, kColumns = 32;  // of a tile

// Pairs of bfloat16 somewhere: that of row i and k/2 = j is at data[i * row + j * pair].
struct Pairs {
  const std::uint32_t* data;
  std::int64_t row, pair;
};

template <int kTileRows, class Finish>
FADER_BF16 inline void tile(const Pairs& a, const std::uint32_t* b, std::int64_t pairs, const Finish& finish) {
  __m512 sums[kTileRows][2];
  for (auto& s : sums) s[0] = s[1] = _mm512_setzero_ps();
  const std::uint32_t* x = a.data;
  for (std::int64_t j = 0; j < pairs; ++j, x += a.pair, b += kColumns) {
    const auto low = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b));
    const auto high = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + 16));
#pragma GCC unroll 12
    for (int i = 0; i < kTileRows; ++i) {
      const auto one = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(x[i * a.row])));
      sums[i][0] = _mm512_dpbf16_ps(sums[i][0], one, low);
      sums[i][1] = _mm512_dpbf16_ps(sums[i][1], one, high);
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < kTileRows; ++i) finish(i, sums[i][0], sums[i][1]);
}

// Where a tile's rows go: to bfloat16, to float32, or added to float32.
template <class Out>
struct Target {
  Out* c;
  std::int64_t stride;
  bool add;
  __mmask16 low, high;  // which of the columns exist

  FADER_BF16 void operator()(int i, __m512 x, __m512 y) const {
    Out* to = c + i * stride;
    if constexpr (std::is_same_v<Out, Half>) {
      _mm256_mask_storeu_epi16(to, low, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
      _mm256_mask_storeu_epi16(to + 16, high, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(y)));
    } else {
      if (add) {
        x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(low, to));
        y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(high, to + 16));
      }
      _mm512_mask_storeu_ps(to, low, x);
      _mm512_mask_storeu_ps(to + 16, high, y);
    }
  }
};

template <int kTileRows, class Out>
FADER_BF16 void last_tile(std::int64_t rows, const Pairs& a, const std::uint32_t* b, std::int64_t pairs, const Target<Out>& target) {
  if constexpr (kTileRows > 0) {
    if (rows == kTileRows) return tile<kTileRows>(a, b, pairs, target);
    last_tile<kTileRows - 1>(rows, a, b, pairs, target);
  }
}

__mmask16 first_of_16(std::int64_t n) { return static_cast<__mmask16>((1u << std::clamp<std::int64_t>(n, 0, 16)) - 1u); }

// 16 rows of 16 become 16 columns of 16.
FADER_BF16 inline void transpose(__m512i (&r)[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int h = 0; h < 2; ++h) {
      r[i + 2 * h] = _mm512_unpacklo_epi64(t[i + h], t[i + h + 2]);
      r[i + 2 * h + 1] = _mm512_unpackhi_epi64(t[i + h], t[i + h + 2]);
    }
  }
  for (int i = 0; i < 4; ++i) {  // r[4 g + i]: column i of every 128 bits, of rows 4 g to 4 g + 3
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// Pairs (x[2j], x[2j+1]) of `n` rows, `stride` numbers apart, turned so that pair j of all rows lies together: out[j * width + i],
// zero beyond row n, up to 16 of them.
FADER_BF16 void pack_along(const Half* x, std::int64_t stride, std::int64_t n, std::int64_t inner, std::int64_t width, std::uint32_t* out) {
  const __mmask16 room = first_of_16(width);
  for (std::int64_t k = 0; k < inner; k += 32) {
    const std::int64_t left = std::min<std::int64_t>(32, inner - k);
    const auto there = static_cast<__mmask32>(left == 32 ? ~0u : (1u << left) - 1u);
    __m512i r[16];
    for (int i = 0; i < 16; ++i) r[i] = i < n ? _mm512_maskz_loadu_epi16(there, x + i * stride + k) : _mm512_setzero_si512();
    transpose(r);
    for (std::int64_t j = 0; j < (left + 1) / 2; ++j) _mm512_mask_storeu_epi32(out + (k / 2 + j) * width, room, r[j]);
  }
}

// The same for numbers that lie the other way: x[k * stride + i] is row i's number k.
FADER_BF16 void pack_across(const Half* x, std::int64_t stride, std::int64_t n, std::int64_t inner, std::int64_t width, std::uint32_t* out) {
  const __mmask16 some = first_of_16(n), room = first_of_16(width);
  for (std::int64_t k = 0; k < inner; k += 2) {
    const Half* row = x + k * stride;
    const __m512i even = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, row));
    __m512i both = even;
    if (k + 1 < inner)
      both = _mm512_or_si512(even, _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, row + stride)), 16));
    _mm512_mask_storeu_epi32(out + k / 2 * width, room, both);
  }
}

// All of A as tiles take it.
Pairs operand(const Matrix<Half>& a, std::int64_t rows, std::int64_t inner) {
  if (!a.transposed && inner % 2 == 0 && reinterpret_cast<std::uintptr_t>(a.data) % 4 == 0)
    return {reinterpret_cast<const std::uint32_t*>(a.data), inner / 2, 1};
  thread_local Buffer<std::uint32_t> packed;
  const std::int64_t pairs = (inner + 1) / 2;
  std::uint32_t* out = at_least(packed, (rows + kRows - 1) / kRows * kRows * pairs);
  for (std::int64_t i = 0; i < rows; i += kRows) {
    const std::int64_t n = std::min(kRows, rows - i);
    if (a.transposed) pack_across(a.data + i, a.cols, n, inner, kRows, out + i * pairs);
    else pack_along(a.data + i * a.cols, a.cols, n, inner, kRows, out + i * pairs);
  }
  return {out, 1, kRows};
}

void pack_panel(const Matrix<Half>& b, std::int64_t first, std::int64_t columns, std::int64_t inner, std::uint32_t* out) {
  for (std::int64_t half = 0; half < kColumns; half += 16) {
    const std::int64_t n = std::clamp<std::int64_t>(columns - first - half, 0, 16);
    if (b.transposed) {
      // rows of 16 pairs, kColumns apart: the two halves of a panel lie side by side
      const Half* x = b.data + (first + half) * b.cols;
      pack_along(x, b.cols, n, inner, kColumns, out + half);
    } else {
      pack_across(b.data + first + half, b.cols, n, inner, kColumns, out + half);
    }
  }
}

template <class Out>
void multiply(const Matrix<Half>& a, const Matrix<Half>& b, Out* c, bool add) {
  const std::int64_t rows = a.transposed ? a.cols : a.rows, inner = a.transposed ? a.rows : a.cols;
  const std::int64_t columns = b.transposed ? b.rows : b.cols, pairs = (inner + 1) / 2;
  FADER_CHECK_EQ(inner, b.transposed ? b.cols : b.rows);
  thread_local Buffer<std::uint32_t> panel_room;
  std::uint32_t* panel = at_least(panel_room, pairs * kColumns);
  const Pairs left = operand(a, rows, inner);
  for (std::int64_t j = 0; j < columns; j += kColumns) {
    pack_panel(b, j, columns, inner, panel);
    const __mmask16 low = first_of_16(columns - j), high = first_of_16(columns - j - 16);
    for (std::int64_t i = 0; i < rows; i += kRows) {
      const std::int64_t tile_rows = std::min(kRows, rows - i);
      const std::int64_t at = left.pair == 1 ? i * left.row : i * pairs;  // packed: a block of rows after another
      last_tile<kRows>(tile_rows, {left.data + at, left.row, left.pair}, panel, pairs, Target<Out>{c + i * columns + j, columns, add, low, high});
    }
  }
}

}  // namespace

bool here() {
  static const bool fast = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && !__builtin_cpu_supports("amx-tile");
  return fast;
}

void product(const Matrix<Half>& a, const Matrix<Half>& b, Half* c) { multiply(a, b, c, false); }
void product(const Matrix<Half>& a, const Matrix<Half>& b, float* c, bool add) { multiply(a, b, c, add); }

}  // namespace fader::avx512

#else
namespace fader::avx512 {
bool here() { return false; }
void product(const Matrix<Half>&, const Matrix<Half>&, Half*) { FADER_CHECK(false, "no AVX512-BF16"); }
void product(const Matrix<Half>&, const Matrix<Half>&, float*, bool) { FADER_CHECK(false, "no AVX512-BF16"); }
}  // namespace fader::avx512
#endif

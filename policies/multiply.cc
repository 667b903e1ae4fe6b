#include "policies/multiply.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/error.h"

// Compiled once for each instruction set; the loader picks (sanitisers are not up yet when it does). What is called must be
// inlined. Sums are vectorised over columns only, and products are not fused into them, so that all give the same bits.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define FADER_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FADER_CLONES
#endif
#define FADER_ALWAYS_INLINE inline __attribute__((always_inline))

namespace fader {
namespace {

constexpr std::size_t kWide = 32, kRows = 4;  // columns and rows that are summed at once, in registers

/// Element (i, p) of the left factor is data[i * row + p * step].
struct Left {
  const float* data;
  std::size_t row, step;
};

/// R rows and kWide columns of c.
template <std::size_t R>
FADER_ALWAYS_INLINE void block(Left a, std::size_t k, const float* b, std::size_t b_row, float* c, std::size_t c_row, bool add) {
  float sum[R][kWide];
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t q = 0; q < kWide; ++q) sum[r][q] = add ? c[r * c_row + q] : 0.0f;
  for (std::size_t p = 0; p < k; ++p)
    for (std::size_t r = 0; r < R; ++r) {
      const float x = a.data[r * a.row + p * a.step];
      for (std::size_t q = 0; q < kWide; ++q) sum[r][q] += x * b[p * b_row + q];
    }
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t q = 0; q < kWide; ++q) c[r * c_row + q] = sum[r][q];
}

/// kWide columns of c.
FADER_CLONES void columns(Left a, std::size_t m, std::size_t k, const float* b, std::size_t b_row, float* c, std::size_t c_row, bool add) {
  std::size_t i = 0;
  for (; i + kRows <= m; i += kRows) block<kRows>({a.data + i * a.row, a.row, a.step}, k, b, b_row, c + i * c_row, c_row, add);
  for (; i < m; ++i) block<1>({a.data + i * a.row, a.row, a.step}, k, b, b_row, c + i * c_row, c_row, add);
}

/// Columns j to j + width of `from`, filled up with zeros, or of `padded` back into `to`.
void pad(Table<const float> from, std::size_t j, std::size_t width, std::vector<float>& padded) {
  padded.assign(from.rows * kWide, 0.0f);
  for (std::size_t p = 0; p < from.rows; ++p) std::copy_n(from.data + p * from.cols + j, width, padded.data() + p * kWide);
}
void unpad(const std::vector<float>& padded, std::size_t j, std::size_t width, Table<float> to) {
  for (std::size_t i = 0; i < to.rows; ++i) std::copy_n(padded.data() + i * kWide, width, to.data + i * to.cols + j);
}

void run(Left a, std::size_t m, std::size_t k, Table<const float> b, Table<float> c, Into into) {
  FADER_CHECK(b.rows == k && c.rows == m && c.cols == b.cols, "{} x {} times {} x {} into {} x {}", m, k, b.rows, b.cols, c.rows, c.cols);
  const bool add = into == Into::add;
  std::size_t j = 0;
  for (; j + kWide <= c.cols; j += kWide) columns(a, m, k, b.data + j, b.cols, c.data + j, c.cols, add);
  thread_local std::vector<float> b_left, c_left;  // what does not fill a block
  for (; j < c.cols; j += kWide) {
    const std::size_t width = std::min(kWide, c.cols - j);
    pad(b, j, width, b_left);
    pad(c, j, width, c_left);
    columns(a, m, k, b_left.data(), kWide, c_left.data(), kWide, add);
    unpad(c_left, j, width, c);
  }
}

FADER_CLONES void tanh_all(float* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    // 1 - 2 / (exp(2 |x|) + 1), the exponential as 2^whole times the series of exp(rest), |rest| <= ln 2 / 2.
    const float size = x[i] < 0 ? -x[i] : x[i];
    const float y = 2 * (size < 10.0f ? size : 10.0f);
    const float shifted = y * 1.44269504f + 12582912.0f;  // 1.5 2^23: rounds to a whole number, kept in the low bits
    const float whole = shifted - 12582912.0f;
    const float rest = (y - whole * 0.693359375f) + whole * 2.12194440e-4f;  // ln 2 in two parts
    const float series =
        1 + rest * (1 + rest * (1.0f / 2 + rest * (1.0f / 6 + rest * (1.0f / 24 + rest * (1.0f / 120 + rest * (1.0f / 720 + rest / 5040))))));
    const float power = std::bit_cast<float>((std::bit_cast<std::int32_t>(shifted) - 0x4B400000 + 127) << 23);
    const float t = 1 - 2 / (series * power + 1);
    x[i] = x[i] < 0 ? -t : t;
  }
}

FADER_CLONES void adam(Adam how, const float* __restrict gradient, float* __restrict first, float* __restrict second,
                       const float* __restrict theta, float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    first[i] = how.keep_first * first[i] + (1 - how.keep_first) * gradient[i];
    second[i] = how.keep_second * second[i] + (1 - how.keep_second) * gradient[i] * gradient[i];
    out[i] = theta[i] - how.rate * first[i] / (std::sqrt(second[i]) * how.unbias + how.epsilon);
  }
}

FADER_CLONES double squares(const float* x, std::size_t n) {
  constexpr std::size_t kLanes = 16;  // partial sums, whatever the instruction set
  double lane[kLanes] = {}, total = 0;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t l = 0; l < kLanes; ++l) lane[l] += static_cast<double>(x[i + l]) * static_cast<double>(x[i + l]);
  for (; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  for (const double sum : lane) total += sum;
  return total;
}

FADER_CLONES void columns_sum(const float* a, std::size_t rows, std::size_t cols, float* c) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) c[j] += a[i * cols + j];
}

}  // namespace

void multiply(Table<const float> a, Table<const float> b, Table<float> c, Into into) {
  run({a.data, a.cols, 1}, a.rows, a.cols, b, c, into);
}

void multiply_tn(Table<const float> a, Table<const float> b, Table<float> c, Into into) {
  run({a.data, 1, a.cols}, a.cols, a.rows, b, c, into);
}

void multiply_nt(Table<const float> a, Table<const float> b, Table<float> c, Into into) {
  thread_local std::vector<float> turned;
  turned.resize(b.rows * b.cols);
  for (std::size_t i = 0; i < b.rows; ++i)
    for (std::size_t j = 0; j < b.cols; ++j) turned[j * b.rows + i] = b.data[i * b.cols + j];
  multiply(a, {turned.data(), b.cols, b.rows}, c, into);
}

void add_columns(Table<const float> a, std::span<float> c) {
  FADER_CHECK_EQ(a.cols, c.size());
  columns_sum(a.data, a.rows, a.cols, c.data());
}

double sum_of_squares(std::span<const float> x) { return squares(x.data(), x.size()); }

void moving_step(const Adam& how, std::span<const float> gradient, std::span<float> first, std::span<float> second,
                 std::span<const float> theta, std::span<float> out) {
  for (const std::size_t n : {first.size(), second.size(), theta.size(), out.size()}) FADER_CHECK_EQ(n, gradient.size());
  adam(how, gradient.data(), first.data(), second.data(), theta.data(), out.data(), gradient.size());
}

void hyperbolic_tangent(std::span<float> x) { tanh_all(x.data(), x.size()); }

}  // namespace fader

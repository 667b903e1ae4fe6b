// Every product against plain sums, in every layout, at sizes around those of blocks.
#include "trainer/product.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"
#include "trainer/buffer.h"
#include "trainer/product_avx512.h"

using namespace fader;

namespace {

template <class T>
Buffer<T> numbers(std::int64_t n, const char* name) {
  Rng rng(3, name);
  Buffer<T> out(static_cast<std::size_t>(n));
  for (T& x : out) x = narrow<T>(static_cast<Wide<T>>(rng.normal()));
  return out;
}

struct Size {
  std::int64_t rows, inner, columns;
};
const std::vector<Size> kSizes = {{1, 1, 1}, {3, 2, 5}, {12, 32, 32}, {13, 33, 33}, {25, 31, 17}, {24, 64, 16}, {11, 7, 48}, {40, 129, 70}, {64, 300, 96}};

template <class T>
double number(const Matrix<T>& m, std::int64_t row, std::int64_t column) {
  return static_cast<double>(wide(m.transposed ? m.data[column * m.cols + row] : m.data[row * m.cols + column]));
}

// multiply(a, b, c): c was 1 before when `add`.
template <class T, class Out, class Multiply>
void check(bool add, double tolerance, const Multiply& multiply) {
  for (const Size& s : kSizes)
    for (const bool at : {false, true})
      for (const bool bt : {false, true}) {
        CAPTURE(s.rows, s.inner, s.columns, at, bt);
        const Buffer<T> left = numbers<T>(s.rows * s.inner, "a"), right = numbers<T>(s.inner * s.columns, "b");
        const Matrix<T> a{left.data(), at ? s.inner : s.rows, at ? s.rows : s.inner, at};
        const Matrix<T> b{right.data(), bt ? s.columns : s.inner, bt ? s.inner : s.columns, bt};
        Buffer<Out> c(static_cast<std::size_t>(s.rows * s.columns) + 8, narrow<Out>(1));  // what lies behind stays
        multiply(a, b, c.data());
        double worst = 0;
        for (std::int64_t i = 0; i < s.rows; ++i)
          for (std::int64_t j = 0; j < s.columns; ++j) {
            double want = add ? 1 : 0, size = 1;
            for (std::int64_t k = 0; k < s.inner; ++k) {
              want += number(a, i, k) * number(b, k, j);
              size += std::abs(number(a, i, k) * number(b, k, j));
            }
            worst = std::max(worst, std::abs(static_cast<double>(wide(c[static_cast<std::size_t>(i * s.columns + j)])) - want) / size);
          }
        REQUIRE(worst < tolerance);
        for (std::size_t i = c.size() - 8; i < c.size(); ++i) REQUIRE(wide(c[i]) == 1);
      }
}

}  // namespace

TEST_CASE("product: plain sums, in every layout") {
  for (const bool add : {false, true}) {
    check<float, float>(add, 1e-6, [add](const auto& a, const auto& b, float* c) { product(a, b, c, add); });
    check<double, double>(add, 1e-14, [add](const auto& a, const auto& b, double* c) { product(a, b, c, add); });
    check<Half, float>(add, 1.0 / 256, [add](const auto& a, const auto& b, float* c) { product(a, b, c, add); });
  }
  check<Half, Half>(false, 1.0 / 256, [](const auto& a, const auto& b, Half* c) { product(a, b, c); });
}

TEST_CASE("product: bfloat16 by AVX512-BF16 sums in float32") {
  if (!avx512::here()) {
    WARN("skipped: this processor has no AVX512-BF16, or has AMX as well");
    return;
  }
  for (const bool add : {false, true}) check<Half, float>(add, 1e-6, [add](const auto& a, const auto& b, float* c) { avx512::product(a, b, c, add); });
  check<Half, Half>(false, 1.0 / 256, [](const auto& a, const auto& b, Half* c) { avx512::product(a, b, c); });
}

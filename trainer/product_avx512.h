// Products of bfloat16 matrices on processors that have AVX512-BF16 and no AMX. Elsewhere LibTorch's products are used.
#pragma once
#include <cstdint>

#include "trainer/product.h"

namespace fader::avx512 {

/// Whether this processor is one of them.
bool here();

/// As fader::product. Only where here().
void product(const Matrix<Half>& a, const Matrix<Half>& b, Half* c);
void product(const Matrix<Half>& a, const Matrix<Half>& b, float* c, bool add);

}  // namespace fader::avx512

#include "trainer/product.h"

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

#include <type_traits>

namespace fader {
namespace {

template <class T>
constexpr at::ScalarType kType = std::is_same_v<T, float> ? at::kFloat : at::kBFloat16;

template <class T>
at::Tensor view(const Matrix<T>& m) {
  T* data = const_cast<T*>(m.data);  // LibTorch knows no tensors of const numbers; operands are only read
  if (m.transposed) return at::from_blob(data, {m.cols, m.rows}, {1, m.cols}, kType<T>);
  return at::from_blob(data, {m.rows, m.cols}, {m.cols, 1}, kType<T>);
}

}  // namespace

template <class T>
void product(const Matrix<T>& a, const Matrix<T>& b, T* c, bool add) {
  const c10::InferenceMode no_autograd;
  const at::Tensor left = view(a), right = view(b);
  at::Tensor out = at::from_blob(c, {left.size(0), right.size(1)}, kType<T>);
  if (add) at::addmm_out(out, out, left, right);
  else at::mm_out(out, left, right);
}

template void product(const Matrix<float>&, const Matrix<float>&, float*, bool);
template void product(const Matrix<Half>&, const Matrix<Half>&, Half*, bool);

void keep_to_one_thread() { at::set_num_threads(1); }

}  // namespace fader

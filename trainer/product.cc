#include "trainer/product.h"

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

namespace fader {
namespace {

at::Tensor view(const Operand& m) {
  float* data = const_cast<float*>(m.data);  // LibTorch knows no tensors of const numbers; operands are only read
  if (m.transposed) return at::from_blob(data, {m.cols, m.rows}, {1, m.cols}, at::kFloat);
  return at::from_blob(data, {m.rows, m.cols}, {m.cols, 1}, at::kFloat);
}

}  // namespace

void product(const Operand& a, const Operand& b, float* c, bool add) {
  const c10::InferenceMode no_autograd;
  const at::Tensor left = view(a), right = view(b);
  at::Tensor out = at::from_blob(c, {left.size(0), right.size(1)}, at::kFloat);
  if (add) at::addmm_out(out, out, left, right);
  else at::mm_out(out, left, right);
}

void keep_to_one_thread() { at::set_num_threads(1); }

}  // namespace fader

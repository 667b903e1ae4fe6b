// Products of members by cuBLASLt, which is loaded when the first GPU is used: a program with the CUDA part starts on machines
// without.
//
// How a product is computed is chosen once for each shape, for the most members that can take part, and kept: which members
// take part changes no member's numbers. Sums that are split are put together in a fixed order.
#pragma once
#include <cuda_runtime_api.h>

#include <memory>

#include "trainer/cuda/device.h"

namespace fader::cuda {

class CublasLt {
 public:
  /// ConfigError when the library is not there. `members`: the most that a product may have.
  explicit CublasLt(Index members);
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;

  /// Asynchronous. RunError when cuBLASLt refuses.
  template <class T, class Out>
  void multiply(const Product<T, Out>& product, cudaStream_t stream);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace fader::cuda

// A GPU: memory, a queue, launches of kernels, products, and steps recorded as CUDA graphs. The first that is visible. Not
// thread-safe.
//
// A work that is replayed runs as it is the first time, is recorded the second time, and then the record is launched.
#pragma once
#include <cuda_runtime_api.h>

#include <map>
#include <string>

#include "trainer/cuda/cublas_lt.h"
#include "trainer/cuda/device.h"

namespace fader::cuda {

/// RunError naming what failed and why. After it the GPU's state is unknown: only a fresh process can go on.
void check_cuda(cudaError_t status, const char* what);

/// Makes the first visible GPU the current one; its name. ConfigError when there is none that can be used.
std::string use_first_gpu();

class CudaDevice {
 public:
  /// ConfigError when there is no GPU that can be used. `members`: the most that a product may have.
  explicit CudaDevice(Index members);
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;

  void* allocate(std::size_t bytes);
  void release(void* p);
  void* allocate_staging(std::size_t bytes);
  void release_staging(void* p);
  void upload(void* to, const void* from, std::size_t bytes);
  void download(void* to, const void* from, std::size_t bytes);
  void copy(void* to, const void* from, std::size_t bytes);
  void zero(void* p, std::size_t bytes);
  void wait();
  int scratch_limit() const { return scratch_limit_; }
  std::size_t memory() const;

  template <class Kernel>
  void launch(Index blocks, const Kernel& kernel, int scratch = 0);  // launches.cu, one line for each kernel
  template <class T, class Out>
  void product(const Product<T, Out>& p) {
    products_.multiply(p, stream_);
  }
  template <class Work>
  void replay(const ReplayKey& key, const Work& work) {
    replay(key, [](const void* w) { (*static_cast<const Work*>(w))(); }, &work);
  }

 private:
  using Call = void (*)(const void*);
  void replay(const ReplayKey& key, Call call, const void* work);
  struct Record {
    bool seen = false;
    cudaGraphExec_t graph = nullptr;
  };
  void forget();

  cudaStream_t stream_ = nullptr;
  int scratch_limit_ = 0;
  CublasLt products_;
  std::map<ReplayKey, Record> records_;
};

}  // namespace fader::cuda

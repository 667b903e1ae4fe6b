// All that nvcc compiles: how a GPU runs the kernels of block.h. A kernel of 32 lanes is run by warps, four to a thread block; any
// other by a thread block of its lanes.
#include "trainer/cuda/attention.h"
#include "trainer/cuda/by_product.h"
#include "trainer/cuda/cuda_device.h"
#include "trainer/cuda/kernels.h"
#include "trainer/cuda/update.h"

namespace fader::cuda {
namespace {

constexpr int kWarpsABlock = 4;

// Each step adds what lies `far` lanes away: all lanes end with the same sum, taken in the same order.
template <class Real, class Fold>
__device__ Real fold_warp(Real x, Fold both) {
  for (int far = kWarp / 2; far > 0; far /= 2) x = both(x, __shfl_xor_sync(0xffffffffu, x, far));
  return x;
}
struct Add {
  template <class Real>
  __device__ Real operator()(Real a, Real b) const {
    return a + b;
  }
};
struct Larger {
  __device__ float operator()(float a, float b) const { return a < b ? b : a; }
};

struct WarpBlock {
  __device__ int lane() const { return static_cast<int>(threadIdx.x); }
  __device__ static constexpr int lanes() { return kWarp; }
  __device__ void sync() { __syncwarp(); }
  template <class Real>
  __device__ Real sum(Real x) {
    return fold_warp(x, Add());
  }
  __device__ float max(float x) { return fold_warp(x, Larger()); }
};

template <int kLanes>
struct ThreadBlock {
  static_assert(kLanes % kWarp == 0);
  float* memory;
  double* partial;  // [kLanes / kWarp], shared

  __device__ int lane() const { return static_cast<int>(threadIdx.x); }
  __device__ static constexpr int lanes() { return kLanes; }
  __device__ float* scratch() const { return memory; }
  __device__ void sync() { __syncthreads(); }
  template <class Real>
  __device__ Real sum(Real x) {
    return fold(x, Add());
  }
  __device__ float max(float x) { return fold(x, Larger()); }

 private:
  template <class Real, class Fold>
  __device__ Real fold(Real x, Fold both) {
    x = fold_warp(x, both);
    if (lane() % kWarp == 0) partial[lane() / kWarp] = x;
    __syncthreads();
    Real all = static_cast<Real>(partial[0]);
    for (int w = 1; w < kLanes / kWarp; ++w) all = both(all, static_cast<Real>(partial[w]));
    __syncthreads();
    return all;
  }
};

template <class Kernel>
__global__ void __launch_bounds__(kWarp* kWarpsABlock) run_by_warps(const __grid_constant__ Kernel kernel, Index blocks) {
  const Index index = static_cast<Index>(blockIdx.x) * kWarpsABlock + threadIdx.y;
  if (index >= blocks) return;
  WarpBlock block;
  kernel(block, index);
}

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kLanes) run_by_blocks(const __grid_constant__ Kernel kernel) {
  extern __shared__ float scratch[];
  __shared__ double partial[Kernel::kLanes / kWarp];
  ThreadBlock<Kernel::kLanes> block{scratch, partial};
  kernel(block, static_cast<Index>(blockIdx.x));
}

}  // namespace

template <class Kernel>
void CudaDevice::launch(Index blocks, const Kernel& kernel, int scratch) {
  if (blocks == 0) return;
  if constexpr (Kernel::kLanes == kWarp) {
    const dim3 lanes(kWarp, kWarpsABlock);
    run_by_warps<<<static_cast<unsigned>(blocks_of(blocks, kWarpsABlock)), lanes, 0, stream_>>>(kernel, blocks);
  } else {
    constexpr int kAlways = 48 * 1024;  // bytes that a block may have without asking
    const int bytes = scratch * static_cast<int>(sizeof(float));
    if (bytes > kAlways) {
      const void* function = reinterpret_cast<const void*>(&run_by_blocks<Kernel>);
      check_cuda(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "asking for shared memory");
    }
    run_by_blocks<<<static_cast<unsigned>(blocks), Kernel::kLanes, static_cast<std::size_t>(bytes), stream_>>>(kernel);
  }
  check_cuda(cudaGetLastError(), "launching a kernel");
}

#define FADER_LAUNCH(...) template void CudaDevice::launch(Index, const __VA_ARGS__&, int);
#define FADER_LAUNCHES_OF(T)                                                                                            \
  FADER_LAUNCH(RmsNorm<T>) FADER_LAUNCH(RmsNormBackward<T>) FADER_LAUNCH(GainPartials<T>) FADER_LAUNCH(Rotate<T>)       \
  FADER_LAUNCH(SwiGlu<T>) FADER_LAUNCH(SwiGluBackward<T>) FADER_LAUNCH(AttentionForward<T>)                             \
  FADER_LAUNCH(AttentionQueries<T>) FADER_LAUNCH(AttentionKeys<T>) FADER_LAUNCH(AdamWUpdate<T>)                         \
  FADER_LAUNCH(GatherOperands<T>) FADER_LAUNCH(RowDots<T>) FADER_LAUNCH(GainDots<T>)                                    \
  FADER_LAUNCH(CrossEntropy<T, kWarp, false>) FADER_LAUNCH(CrossEntropy<T, kWarp, true>)                                \
  FADER_LAUNCH(CrossEntropy<T, kWide, false>) FADER_LAUNCH(CrossEntropy<T, kWide, true>)
FADER_LAUNCHES_OF(float)
FADER_LAUNCHES_OF(Half)
FADER_LAUNCH(Expand)
FADER_LAUNCH(Embed)
FADER_LAUNCH(EmbedBackward)
FADER_LAUNCH(EmbedDots)
FADER_LAUNCH(SegmentSums)
FADER_LAUNCH(GainSum)
FADER_LAUNCH(PieceSums)
FADER_LAUNCH(TotalSums)
FADER_LAUNCH(Judge)

}  // namespace fader::cuda

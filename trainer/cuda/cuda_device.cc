#include "trainer/cuda/cuda_device.h"

#include "core/error.h"

namespace fader::cuda {
namespace {

constexpr std::size_t kRecords = 64;  // graphs kept; a run has as many as it has sets of active slots, one or a few
constexpr int kOldest = 80;           // compute capability, times ten

}  // namespace

std::string use_first_gpu() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  const std::string advice =
      "use device = \"cpu\" where there is no NVIDIA GPU; where there is one, look whether nvidia-smi lists it and what "
      "CUDA_VISIBLE_DEVICES says";
  if (status == cudaErrorInsufficientDriver)
    throw ConfigError(fmt::format("device = \"cuda\": the NVIDIA driver is missing, or older than CUDA {}.{} asks for; {}",
                                  CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10, advice));
  if (status != cudaSuccess)
    throw ConfigError(fmt::format("device = \"cuda\": no GPU can be used: {}; {}", cudaGetErrorString(status), advice));
  if (count == 0) throw ConfigError("device = \"cuda\": no GPU was found; " + advice);
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, 0), "reading the GPU's properties");
  if (properties.major * 10 + properties.minor < kOldest)
    throw ConfigError(fmt::format("device = \"cuda\": {} has compute capability {}.{}; 8.0 or more (Ampere) is needed",
                                  properties.name, properties.major, properties.minor));
  check_cuda(cudaSetDevice(0), "choosing the GPU");
  return properties.name;
}

void check_cuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess)
    throw RunError(fmt::format("the GPU failed at {}: {} ({})", what, cudaGetErrorString(status), cudaGetErrorName(status)));
}

CudaDevice::CudaDevice(Index members) : products_((use_first_gpu(), members)) {
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a queue");
  int bytes = 0;
  check_cuda(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), "reading the size of shared memory");
  scratch_limit_ = bytes / static_cast<int>(sizeof(float)) - 256;  // the kernels' own few numbers
}

CudaDevice::~CudaDevice() {
  cudaStreamSynchronize(stream_);
  forget();
  cudaStreamDestroy(stream_);
}

void* CudaDevice::allocate(std::size_t bytes) {
  wait();
  forget();
  void* p = nullptr;
  const cudaError_t status = cudaMalloc(&p, bytes);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    throw RunError(fmt::format(
        "the GPU has {:.1f} GiB free where {:.1f} GiB more are needed; try fewer members, a smaller batch or a smaller model",
        static_cast<double>(memory()) / (1 << 30), static_cast<double>(bytes) / (1 << 30)));
  }
  check_cuda(status, "making room");
  return p;
}
void CudaDevice::release(void* p) {
  cudaStreamSynchronize(stream_);
  cudaFree(p);
}
void* CudaDevice::allocate_staging(std::size_t bytes) {
  void* p = nullptr;
  check_cuda(cudaMallocHost(&p, bytes), "making room for copies");
  return p;
}
void CudaDevice::release_staging(void* p) {
  cudaStreamSynchronize(stream_);
  cudaFreeHost(p);
}
void CudaDevice::upload(void* to, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "copying to the GPU");
}
void CudaDevice::download(void* to, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "copying from the GPU");
}
void CudaDevice::copy(void* to, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copying on the GPU");
}
void CudaDevice::zero(void* p, std::size_t bytes) { check_cuda(cudaMemsetAsync(p, 0, bytes, stream_), "clearing memory"); }
void CudaDevice::wait() { check_cuda(cudaStreamSynchronize(stream_), "its work"); }

std::size_t CudaDevice::memory() const {
  std::size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "reading how much memory is free");
  return free;
}

void CudaDevice::replay(const ReplayKey& key, Call call, const void* work) {
  if (records_.size() >= kRecords && !records_.contains(key)) forget();
  Record& record = records_[key];
  if (!std::exchange(record.seen, true))
    return call(work);  // kernels are loaded, and ways of computing products chosen, outside of a record
  if (record.graph == nullptr) {
    check_cuda(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "beginning a record");
    cudaGraph_t graph = nullptr;
    try {
      call(work);
    } catch (...) {
      if (cudaStreamEndCapture(stream_, &graph) == cudaSuccess && graph != nullptr) cudaGraphDestroy(graph);
      throw;
    }
    check_cuda(cudaStreamEndCapture(stream_, &graph), "ending a record");
    const cudaError_t status = cudaGraphInstantiate(&record.graph, graph, 0);
    cudaGraphDestroy(graph);
    check_cuda(status, "making a record ready");
  }
  check_cuda(cudaGraphLaunch(record.graph, stream_), "launching a record");
}

void CudaDevice::forget() {
  for (auto& [key, record] : records_)
    if (record.graph != nullptr) cudaGraphExecDestroy(record.graph);
  records_.clear();
}

}  // namespace fader::cuda

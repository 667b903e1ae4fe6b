#include "trainer/cuda/cuda_bank.h"

#include "trainer/cuda/cuda_device.h"
#include "trainer/cuda/device_bank.h"

namespace fader {

Gpu first_gpu() {
  Gpu gpu;
  gpu.name = cuda::use_first_gpu();
  cuda::check_cuda(cudaMemGetInfo(&gpu.free, &gpu.total), "reading how much memory is free");
  return gpu;
}

std::unique_ptr<Bank> make_cuda_bank(const ModelOptions& model, const TrainOptions& train, int slots,
                                     std::shared_ptr<const Corpus> corpus) {
  using cuda::CudaDevice;
  auto device = std::make_unique<CudaDevice>(cuda::most_members(slots));
  if (train.precision == "float32")
    return std::make_unique<cuda::DeviceBank<CudaDevice, float>>(std::move(device), model, train, slots, std::move(corpus));
  return std::make_unique<cuda::DeviceBank<CudaDevice, Half>>(std::move(device), model, train, slots, std::move(corpus));
}

}  // namespace fader

#include "trainer/cuda/cuda_bank.h"
#include "trainer/cuda/device_bank.h"
#include "trainer/cuda/host_device.h"

namespace fader {

std::unique_ptr<Bank> make_emulated_cuda_bank(const ModelOptions& model, const TrainOptions& train, int slots,
                                              std::shared_ptr<const Corpus> corpus, int lanes, std::size_t memory) {
  using cuda::HostDevice;
  auto device = std::make_unique<HostDevice>(lanes, memory);
  if (train.precision == "float32")
    return std::make_unique<cuda::DeviceBank<HostDevice, float>>(std::move(device), model, train, slots, std::move(corpus));
  return std::make_unique<cuda::DeviceBank<HostDevice, Half>>(std::move(device), model, train, slots, std::move(corpus));
}

}  // namespace fader

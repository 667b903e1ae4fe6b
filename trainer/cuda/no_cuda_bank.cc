// Takes the place of cuda_bank.cc where there is no nvcc.
#include "core/error.h"
#include "trainer/cuda/cuda_bank.h"

namespace fader {
namespace {

[[noreturn]] void refuse() {
  throw ConfigError(
      "device = \"cuda\": this program was built without its CUDA part: no nvcc was found when it was configured, or FADER_CUDA "
      "was OFF; "
      "install the CUDA toolkit (12.0 or later) and configure again with -DFADER_CUDA=ON, or use device = \"cpu\"");
}

}  // namespace

Gpu first_gpu() { refuse(); }
std::unique_ptr<Bank> make_cuda_bank(const ModelOptions&, const TrainOptions&, int, std::shared_ptr<const Corpus>) { refuse(); }

}  // namespace fader

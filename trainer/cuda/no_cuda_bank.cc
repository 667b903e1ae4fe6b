// Takes the place of cuda_bank.cc where there is no nvcc.
#include "core/error.h"
#include "trainer/cuda/cuda_bank.h"

namespace fader {

std::unique_ptr<Bank> make_cuda_bank(const ModelOptions&, const TrainOptions&, int, std::shared_ptr<const Corpus>) {
  throw ConfigError("device = \"cuda\": this program was built without its CUDA part, since no nvcc was found when it was configured; install the CUDA "
                    "toolkit (12.4 or later) and build again with -DFADER_CUDA=ON, or use device = \"cpu\"");
}

}  // namespace fader

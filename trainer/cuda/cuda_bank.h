// The bank on a GPU. See README.md in this folder.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "trainer/bank.h"
#include "trainer/corpus.h"

namespace fader {

/// The first GPU that CUDA_VISIBLE_DEVICES leaves. ConfigError when this build has no CUDA part or there is no GPU that it can use:
/// says which, what was found and what to try.
struct Gpu {
  std::string name;
  std::size_t free = 0, total = 0;  ///< bytes
};
Gpu first_gpu();

/// On the first GPU. The corpus is kept in its memory; batches name their tokens by Batch::source.
/// Activations and products are bfloat16, unless the options say precision = "float32".
/// ConfigError as above.
std::unique_ptr<Bank> make_cuda_bank(const ModelOptions& model, const TrainOptions& train, int slots,
                                     std::shared_ptr<const Corpus> corpus);

/// The same code run by this processor, one block after another: for tests. Slow. `lanes`: threads that a block's lanes are;
/// `memory`: bytes that are free, as it believes, half of which a wave may take.
std::unique_ptr<Bank> make_emulated_cuda_bank(const ModelOptions& model, const TrainOptions& train, int slots,
                                              std::shared_ptr<const Corpus> corpus, int lanes = 1,
                                              std::size_t memory = std::size_t{1} << 30);

}  // namespace fader

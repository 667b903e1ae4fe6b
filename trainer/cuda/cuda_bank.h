// The bank on a GPU. See README.md in this folder.
#pragma once
#include <memory>

#include "trainer/bank.h"
#include "trainer/corpus.h"
#include "trainer/model.h"

namespace fader {

/// On the first GPU that CUDA_VISIBLE_DEVICES leaves. The corpus is kept in its memory; batches name their tokens by Batch::source.
/// ConfigError when this build has no CUDA part or there is no GPU that it can use: says which, what was found and what to try.
std::unique_ptr<Bank> make_cuda_bank(const ModelOptions& model, const TrainOptions& train, int slots, std::shared_ptr<const Corpus> corpus,
                                     Precision precision = Precision::bfloat16);

/// The same code run by this processor, one block after another: for tests. Slow. `lanes`: threads that a block's lanes are;
/// `memory`: bytes that working memory is cut to, twice over.
std::unique_ptr<Bank> make_emulated_cuda_bank(const ModelOptions& model, const TrainOptions& train, int slots, std::shared_ptr<const Corpus> corpus,
                                              Precision precision = Precision::bfloat16, int lanes = 1, std::size_t memory = std::size_t{1} << 30);

}  // namespace fader

// The bank of the GPU, run by this processor: everything but launches, cuBLASLt's calls and recorded steps is the code that a GPU runs.
#include <catch2/catch.hpp>

#include "tests/trainer/cuda_oracle.h"

using namespace fader;
using namespace fader::oracle;

namespace {

std::unique_ptr<Bank> emulated(const ModelOptions& o, int slots, Precision precision, int lanes = 1, const TrainOptions& train = {},
                               std::size_t memory = std::size_t{1} << 30) {
  auto bank = make_emulated_cuda_bank(o, train, slots, corpus_of(o), precision, lanes, memory);
  for (int s = 0; s < slots; ++s) bank->reset(s, 10 + static_cast<std::uint64_t>(s));
  return bank;
}

std::vector<Batch> batches(const Corpus& corpus, PassageId& next, std::initializer_list<std::int64_t> positions) {
  std::vector<Batch> out;
  for (const std::int64_t p : positions) out.push_back(batch_of(corpus, next, p));
  return out;
}

}  // namespace

TEST_CASE("cuda bank: gradients and losses are the CPU's, whatever the shape and the number of lanes") {
  const auto [o, positions, lanes] = GENERATE(table<ModelOptions, std::int64_t, int>({
      {odd(), 75, 1},
      {odd(), 75, 3},
      {shape(40, 16, 1, 1, 16, 0), 200, 1},
      {shape(70, 36, 6, 3, 33, 50), 300, 1},
      {shape(50, 12, 2, 1, 150, 0), 400, 1},   // several tiles of attention a segment
      {shape(30, 128, 1, 1, 40, 8), 100, 1},   // a head too wide for the largest tile
      {shape(2100, 8, 2, 1, 16, 0), 64, 2},    // a vocabulary that takes a whole block
  }));
  CAPTURE(o.width, o.heads, positions, lanes);
  const auto corpus = corpus_of(o);
  const auto bank = emulated(o, 2, Precision::float32, lanes);
  PassageId next = 0;
  Looks looks(1, batches(*corpus, next, {positions, positions / 3, positions}));
  bank->reference({&looks.job, 1});
  Oracle oracle(o, {}, 11, Precision::float32);
  const auto nats = oracle.differentiate(looks.batches, looks.weight);
  CHECK(relative_error(looks.nats, nats) < 2e-6);
  CHECK(worst_tensor(o, kept(*bank, 1, true).reference, oracle.gradient) < 1e-5);
  CHECK(bank->reference_norm(1) == Approx(oracle.norm()).epsilon(1e-5));
  Looks forward(1, looks.batches);
  bank->losses({&forward.job, 1});
  CHECK(forward.nats == looks.nats);  // bit for bit
}

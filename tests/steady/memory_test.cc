// What training takes of the heap: nothing between two steps once it is under way, and in all what the estimate says. This
// program's malloc counts.
#include <catch2/catch.hpp>

#include "tests/counted_malloc.h"
#include "tests/trainer/toy_corpus.h"
#include "trainer/estimate.h"
#include "trainer/product_avx512.h"
#include "trainer/trainer.h"

using namespace fader;

namespace {

bool can_count(const std::string& precision) {
  if (!counted::kCounts) WARN("skipped: this build has an allocator of its own");
  else if (precision == "bfloat16" && !avx512::here()) WARN("skipped: products of bfloat16 are LibTorch's on this processor, and they allocate");
  else return true;
  return false;
}

ModelOptions model_of(std::int64_t width, std::int64_t context) {
  ModelOptions o;
  o.vocabulary = 512;
  o.width = width;
  o.layers = 3;
  o.context = context;
  return o;
}

// One call of train with `steps` steps; `between` is called after each.
void train(Trainer& trainer, const Corpus& corpus, std::int64_t steps, bool influence, const std::function<void()>& between) {
  std::vector<std::vector<PassageId>> ids(2);
  std::vector<std::vector<float>> told(2);
  std::vector<TrainJob> jobs(2);
  PassageId next = 0;
  for (int slot = 0; slot < 2; ++slot) {
    auto& mine = ids[static_cast<std::size_t>(slot)];
    for (std::int64_t left = trainer.demand(slot, steps); left > 0; left -= corpus.passages()[mine.back()].tokens)
      mine.push_back(next++ % static_cast<PassageId>(corpus.passages().size()));
    jobs[static_cast<std::size_t>(slot)].slot = slot;
    jobs[static_cast<std::size_t>(slot)].passages = mine;
    auto& room = told[static_cast<std::size_t>(slot)];
    room.resize(influence ? mine.size() : 0);
    jobs[static_cast<std::size_t>(slot)].influence = room;
  }
  trainer.train(jobs, steps, between);
}

}  // namespace

TEST_CASE("steady: a step allocates nothing, whether it tells the influence of its passages or not") {
  const std::string precision = GENERATE("float32", "bfloat16");
  const int threads = GENERATE(1, 2);
  const bool influence = GENERATE(false, true);
  CAPTURE(precision, threads, influence);
  if (!can_count(precision)) return;
  const ModelOptions model = model_of(64, 64);
  TrainOptions options;
  options.batch = 16;
  options.precision = precision;
  const auto corpus = ToyCorpus::random(1, 2000, 512, 64);
  auto trainer = make_trainer(model, options, corpus, 2, {threads});
  const std::uint64_t seeds[] = {1, 2};
  const int slots[] = {0, 1};
  trainer->reset(slots, seeds);
  std::vector<LossJob> references;
  for (const int slot : slots) references.push_back({.slot = slot, .passages = corpus->set(Set::reward).first(20)});
  if (influence) trainer->set_reference(references);
  std::int64_t step = 0, before = 0, after = 0;
  train(*trainer, *corpus, 30, influence, [&] {
    if (++step == 10) before = counted::calls;
    if (step == 30) after = counted::calls;
  });
  CHECK(step == 30);
  CHECK(before > 0);
  CHECK(after - before == 0);
}

TEST_CASE("steady: the most that is taken is what the estimate says, and no more than 16 bytes a parameter, activations and a fifth") {
  const std::string precision = GENERATE("float32", "bfloat16");
  const bool recompute = GENERATE(false, true), influence = GENERATE(false, true);
  CAPTURE(precision, recompute, influence);
  if (!can_count(precision)) return;
  ModelOptions model = model_of(256, 128);
  model.vocabulary = 4096;
  TrainOptions options;
  options.batch = 16;
  options.precision = precision;
  options.recompute = recompute;
  const auto corpus = ToyCorpus::random(1, 300, 4096, 128);
  const std::int64_t start = counted::bytes;
  counted::most = start;
  const TrainingEstimate e = estimate(model, options, 1, 1e9);
  auto trainer = make_trainer(model, options, corpus, 1, {1});
  const std::uint64_t seed = 1;
  const int slot = 0;
  trainer->reset({&slot, 1}, {&seed, 1});
  std::vector<PassageId> ids;
  for (std::int64_t left = trainer->demand(0, 4); left > 0; left -= corpus->passages()[ids.back()].tokens)
    ids.push_back(static_cast<PassageId>(ids.size() % corpus->passages().size()));
  std::vector<float> told(influence ? ids.size() : 0);
  LossJob reference{.passages = corpus->set(Set::reward).first(20)};
  if (influence) trainer->set_reference({&reference, 1});
  TrainJob job{.passages = ids, .influence = told};
  trainer->train({&job, 1}, 4);
  const auto taken = static_cast<double>(counted::most - start);
  CAPTURE(taken / 1e6, e.state_bytes / 1e6, e.activation_bytes / 1e6);
  CHECK(taken < 1.05 * (e.state_bytes + e.activation_bytes) + 1e6);
  CHECK(taken > (influence ? 0.8 : 0.6) * (e.state_bytes + e.activation_bytes));  // without a reference gradient
  if (!influence) CHECK(taken < 1.2 * (16 * e.parameters + e.activation_bytes));
}

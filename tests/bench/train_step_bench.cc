// What a training step, a look and a probe cost, on one thread, at the shapes of the two experiments:
//   A  vocabulary 512, width 64, 4 layers, context 64, 16 rows      B  vocabulary 2048, width 128, 4 layers, context 128, 32 rows
#include <benchmark/benchmark.h>

#include "tests/trainer/toy_corpus.h"
#include "trainer/trainer.h"

namespace {

using namespace fader;

struct Shape {
  std::int64_t vocabulary, width, layers, heads, context, batch;
};
constexpr Shape kShapes[] = {{512, 64, 4, 4, 64, 16}, {2048, 128, 4, 4, 128, 32}};

struct Bench {
  ModelOptions model;
  TrainOptions training;
  std::shared_ptr<const Corpus> corpus;
  std::unique_ptr<Trainer> trainer;

  explicit Bench(const Shape& s) {
    model.vocabulary = s.vocabulary;
    model.width = s.width;
    model.layers = s.layers;
    model.heads = s.heads;
    model.context = s.context;
    training.batch = s.batch;
    corpus = ToyCorpus::random(1, 4000, static_cast<int>(s.vocabulary), static_cast<int>(s.context));
    trainer = make_trainer(model, training, corpus, 1, {1});
    const int slot = 0;
    const std::uint64_t seed = 1;
    trainer->reset(std::span(&slot, 1), std::span(&seed, 1));
  }
};

void train_step(benchmark::State& state) {
  Bench b(kShapes[state.range(0)]);
  std::size_t next = 0;
  std::vector<PassageId> ids;
  std::int64_t tokens = 0;
  double flops = 0;
  for (auto unused : state) {
    ids.clear();
    for (std::int64_t left = b.trainer->demand(0, 1); left > 0; left -= b.corpus->passages()[ids.back()].tokens)
      ids.push_back(static_cast<PassageId>(next++ % b.corpus->passages().size()));
    TrainJob job{.passages = ids};
    b.trainer->train(std::span(&job, 1), 1);
    tokens += job.cost.tokens;
    flops += job.cost.flops;
  }
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(flops / 1e9, benchmark::Counter::kIsRate);
}

// 256 passages of the reward set: range 1 says whether with their gradient.
void look(benchmark::State& state) {
  Bench b(kShapes[state.range(0)]);
  const auto all = b.corpus->set(Set::reward);
  const auto ids = all.first(std::min<std::size_t>(256, all.size()));
  std::vector<float> loss(ids.size());
  LossJob job{.passages = ids, .loss = loss};
  std::int64_t tokens = 0;
  for (auto unused : state) {
    if (state.range(1) == 0) b.trainer->losses(std::span(&job, 1));
    else b.trainer->set_reference(std::span(&job, 1));
    tokens += job.cost.tokens;
  }
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
}

BENCHMARK(train_step)->Arg(0)->Arg(1)->ArgName("shape")->Unit(benchmark::kMillisecond);
BENCHMARK(look)->ArgsProduct({{0, 1}, {0, 1}})->ArgNames({"shape", "gradient"})->Unit(benchmark::kMillisecond);

}  // namespace

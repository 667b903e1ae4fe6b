// A trainer small enough to be checked number by number, and what its tests do with one.
#pragma once
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/trainer/toy_corpus.h"
#include "trainer/trainer.h"

namespace fader::small {

inline ModelOptions small_model() {
  ModelOptions o;
  o.vocabulary = 40;
  o.width = 16;
  o.layers = 2;
  o.heads = 2;
  o.context = 16;
  o.init_std = 0.1;
  return o;
}

inline TrainOptions small_training() {
  TrainOptions o;
  o.intervals = 10;
  o.steps_per_interval = 4;
  o.batch = 3;
  o.precision = "float32";  // numbers that do not depend on the processor
  return o;
}

inline std::shared_ptr<const Corpus> corpus() {
  static const auto made = ToyCorpus::random(1, 300);
  return made;
}

inline std::unique_ptr<Trainer> fresh(int slots = 1, const TrainOptions& training = small_training(), int threads = 1) {
  auto trainer = make_trainer(small_model(), training, corpus(), slots, {threads});
  for (int s = 0; s < slots; ++s) {
    const std::uint64_t seed = 11;
    trainer->reset(std::span(&s, 1), std::span(&seed, 1));
  }
  return trainer;
}

// The next passages of the corpus that `steps` steps of a slot take, from `at` on.
inline std::vector<PassageId> take(const Trainer& trainer, int slot, std::int64_t steps, PassageId& at) {
  std::vector<PassageId> ids;
  for (std::int64_t left = trainer.demand(slot, steps); left > 0;) {
    ids.push_back(at++ % static_cast<PassageId>(corpus()->passages().size()));
    left -= corpus()->passages()[ids.back()].tokens;
  }
  return ids;
}

struct Trained {
  TrainJob job;
  std::vector<PassageId> passages;
  std::vector<float> loss;
};
inline Trained train(Trainer& trainer, std::int64_t steps, PassageId& at, int slot = 0) {
  Trained t;
  t.passages = take(trainer, slot, steps, at);
  t.loss.resize(t.passages.size());
  t.job.slot = slot;
  t.job.passages = t.passages;
  t.job.loss = t.loss;
  trainer.train(std::span(&t.job, 1), steps);
  return t;
}

inline std::vector<float> losses(Trainer& trainer, std::span<const PassageId> ids, int slot = 0) {
  std::vector<float> loss(ids.size());
  LossJob job{.slot = slot, .passages = ids, .loss = loss};
  trainer.losses(std::span(&job, 1));
  return loss;
}
inline void set_reference(Trainer& trainer, std::span<const PassageId> ids, std::span<const float> weight = {}, int slot = 0) {
  LossJob job{.slot = slot, .passages = ids, .weight = weight};
  trainer.set_reference(std::span(&job, 1));
}
inline Probe probe(Trainer& trainer, std::span<const PassageId> ids, int slot = 0) {
  Probe p{.slot = slot, .passages = ids};
  trainer.influence(std::span(&p, 1));
  return p;
}
inline std::string saved(Trainer& trainer, int slot = 0) {
  Archive archive;
  trainer.slot_state(archive, slot);
  return archive.bytes();
}
inline std::vector<PassageId> first(Set set, std::size_t n) {
  const auto all = corpus()->set(set);
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(n, all.size()))};
}

}  // namespace fader::small

// What the tests of the GPU's bank share: small models, batches over a toy corpus, and a member trained by the CPU's model, its
// oracle.
#pragma once
#include <cmath>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "core/archive.h"
#include "core/error.h"
#include "core/rng.h"
#include "tests/trainer/toy_corpus.h"
#include "trainer/bank.h"
#include "trainer/buffer.h"
#include "trainer/cuda/cuda_bank.h"
#include "trainer/model.h"

namespace fader::oracle {

inline ModelOptions shape(std::int64_t vocabulary, std::int64_t width, std::int64_t heads, std::int64_t layers,
                          std::int64_t context, std::int64_t hidden, double std = 0.3) {
  ModelOptions o;
  o.vocabulary = vocabulary;
  o.width = width;
  o.heads = heads;
  o.layers = layers;
  o.context = context;
  o.hidden = hidden;
  o.init_std = std;  // 0.3: far from the linear regime, so that every term shows
  return o;
}
/// Nothing about it is a multiple of anything.
inline ModelOptions odd() { return shape(37, 24, 3, 2, 19, 13); }

/// The same object for the same shape: batches point into it.
inline std::shared_ptr<const Corpus> corpus_of(const ModelOptions& o) {
  static std::map<std::pair<std::int64_t, std::int64_t>, std::shared_ptr<const Corpus>> made;
  auto& corpus = made[{o.vocabulary, o.context}];
  if (corpus == nullptr) corpus = ToyCorpus::random(5, 200, static_cast<int>(o.vocabulary), static_cast<int>(o.context));
  return corpus;
}

/// Segments of passages of the corpus from `next` on, until there are exactly `positions`; every third of tokens that it does not
/// hold.
inline Batch batch_of(const Corpus& corpus, PassageId& next, std::int64_t positions) {
  static std::list<std::vector<std::uint32_t>> kept;  // what batches name must stay where it is
  Batch batch;
  while (batch.positions() < positions) {
    auto tokens = corpus.tokens(next++ % static_cast<PassageId>(corpus.passages().size()));
    if (next % 3 == 0) tokens = kept.emplace_back(tokens.begin(), tokens.end());
    const auto room = static_cast<std::size_t>(positions - batch.positions());
    batch.add(tokens.first(std::min(room, tokens.size())), corpus.begin_mark(), 0);
  }
  return batch;
}

inline std::vector<Batch> batches_of(const Corpus& corpus, PassageId& next, std::initializer_list<std::int64_t> positions) {
  std::vector<Batch> out;
  for (const std::int64_t p : positions) out.push_back(batch_of(corpus, next, p));
  return out;
}

/// Where a bank is: on a GPU when `lanes` is 0, else emulated by that many threads.
struct Place {
  int lanes = 1;
  std::size_t memory = std::size_t{1} << 30;
};
/// What keeps a GPU from being used; empty: nothing.
inline std::string no_gpu() {
  static const std::string why = [] {
    try {
      make_cuda_bank(odd(), {}, 1, corpus_of(odd()));
      return std::string();
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
  }();
  return why;
}
/// Emulated by one lane, and a GPU where there is one.
inline std::vector<Place> places() {
  std::vector<Place> all{{.lanes = 1}};
  if (no_gpu().empty()) all.push_back({.lanes = 0});
  return all;
}
/// Slot s starts from seed 10 + s.
inline std::unique_ptr<Bank> bank_at(Place place, const ModelOptions& o, int slots, Precision precision, TrainOptions train = {}) {
  train.precision = precision == Precision::float32 ? "float32" : "bfloat16";
  auto bank = place.lanes == 0 ? make_cuda_bank(o, train, slots, corpus_of(o))
                               : make_emulated_cuda_bank(o, train, slots, corpus_of(o), place.lanes, place.memory);
  for (int s = 0; s < slots; ++s) bank->reset(s, 10 + static_cast<std::uint64_t>(s));
  return bank;
}

/// What a bank keeps of a slot.
struct Kept {
  std::vector<float> parameters, moment1, moment2, reference, mean;
};
inline std::string saved(Bank& bank, int slot, bool reference = false, bool mean = false) {
  Archive archive;
  bank.state(archive, slot, reference, mean);
  return archive.bytes();
}
inline Kept kept(Bank& bank, int slot, bool reference = false, bool mean = false) {
  Archive archive(saved(bank, slot, reference, mean));
  Kept k;
  archive.field("parameters", k.parameters);
  archive.field("moment1", k.moment1);
  archive.field("moment2", k.moment2);
  if (reference) archive.field("reference", k.reference);
  if (mean) archive.field("mean", k.mean);
  archive.finish();
  return k;
}

inline double relative_error(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / size);
}
/// The largest relative error of any tensor.
inline double worst_tensor(const ModelOptions& o, std::span<const float> a, std::span<const float> b) {
  double worst = 0;
  for (const Tensor& t : Layout(o).tensors) {
    const auto at = static_cast<std::size_t>(t.offset), n = static_cast<std::size_t>(t.size());
    const double error = relative_error(a.subspan(at, n), b.subspan(at, n));
    worst = error <= worst ? worst : error;  // not a number is the worst
  }
  return worst;
}

/// One member, trained by the CPU's model and AdamW in plain loops.
struct Oracle {
  Oracle(const ModelOptions& model, const TrainOptions& train, std::uint64_t seed, Precision precision)
      : o(model), t(train), layout(model), forms(make_model(model, 1, precision)) {
    for (auto* b : {&parameters, &first, &second, &mean, &gradient}) b->resize(static_cast<std::size_t>(layout.size));
    initialise(layout, seed, parameters);
  }
  /// Into `gradient`.
  std::vector<float> differentiate(std::span<const Batch> batches, std::span<const float> weight) {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    std::vector<float> all;
    std::size_t segments = 0;
    for (const Batch& batch : batches) {
      std::vector<float> nats(static_cast<std::size_t>(batch.positions()));
      forms->gradient(parameters, batch, weight.subspan(segments, batch.segments()), nats, gradient);
      segments += batch.segments();
      all.insert(all.end(), nats.begin(), nats.end());
    }
    return all;
  }
  double norm() const {
    double square = 0;
    for (const float g : gradient) square += static_cast<double>(g) * g;
    return std::sqrt(square);
  }
  double step(const Batch& batch, double rate, std::int64_t at, std::int64_t averaged) {
    const auto nats =
        differentiate({&batch, 1}, std::vector<float>(batch.segments(), 1.0f / static_cast<float>(batch.positions())));
    const double clip = t.clip > 0 && norm() > t.clip ? t.clip / norm() : 1.0;
    for (const Tensor& tensor : layout.tensors)
      for (auto i = static_cast<std::size_t>(tensor.offset); i < static_cast<std::size_t>(tensor.offset + tensor.size()); ++i) {
        const double g = gradient[i] * clip, p = parameters[i];
        const double m = t.beta1 * first[i] + (1 - t.beta1) * g, v = t.beta2 * second[i] + (1 - t.beta2) * g * g;
        const double m1 = m / (1 - std::pow(t.beta1, at)), v1 = v / (1 - std::pow(t.beta2, at));
        first[i] = static_cast<float>(m);
        second[i] = static_cast<float>(v);
        parameters[i] =
            static_cast<float>(p - rate * m1 / (std::sqrt(v1) + t.epsilon) - (tensor.matrix() ? rate * t.weight_decay * p : 0.0));
        if (averaged > 0) mean[i] += (parameters[i] - mean[i]) / static_cast<float>(averaged);
      }
    return std::accumulate(nats.begin(), nats.end(), 0.0) / static_cast<double>(nats.size());
  }

  ModelOptions o;
  TrainOptions t;
  Layout layout;
  std::unique_ptr<Model<float>> forms;
  Buffer<float> parameters, first, second, mean, gradient;
};

/// A step in some slots of a bank, and what came of it.
struct Steps {
  std::vector<StepJob> jobs;
  std::vector<std::vector<float>> nats;
  void add(int slot, const Batch& batch, double rate, std::int64_t step, std::int64_t averaged = 0) {
    nats.emplace_back(static_cast<std::size_t>(batch.positions()));
    jobs.push_back({.slot = slot, .batch = &batch, .rate = rate, .step = step, .averaged = averaged});
  }
  void take(Bank& bank) {
    for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].nats = nats[i];
    bank.step(jobs);
  }
};

/// A job that looks at batches; holds what it needs.
struct Looks {
  Looks(int slot, std::vector<Batch> batches_given, bool averaged = false) : batches(std::move(batches_given)) {
    std::size_t positions = 0;
    for (const Batch& b : batches) {
      positions += static_cast<std::size_t>(b.positions());
      for (std::size_t s = 0; s < b.segments(); ++s) weight.push_back(0.01f * static_cast<float>(1 + (s + weight.size()) % 5));
    }
    nats.resize(positions);
    job = {.slot = slot, .averaged = averaged, .batches = batches, .weight = weight, .nats = nats};
  }
  Looks(Looks&&) = default;  // moved vectors keep their places
  std::vector<Batch> batches;
  std::vector<float> weight, nats;
  LookJob job;
};

}  // namespace fader::oracle

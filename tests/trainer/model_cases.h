// Models and batches that tests of passes share: shapes of all kinds, weights far from the linear regime, segments of any length.
#pragma once
#include <cmath>
#include <span>
#include <vector>

#include "core/rng.h"
#include "trainer/buffer.h"
#include "trainer/model.h"

namespace fader::cases {

inline ModelOptions shape(std::int64_t vocabulary, std::int64_t width, std::int64_t heads, std::int64_t layers, std::int64_t context,
                   std::int64_t hidden) {
  ModelOptions o;
  o.vocabulary = vocabulary;
  o.width = width;
  o.heads = heads;
  o.layers = layers;
  o.context = context;
  o.hidden = hidden;
  o.init_std = 0.3;  // far from the linear regime, so that every term shows
  return o;
}

inline Buffer<float> weights(const ModelOptions& o, std::uint64_t seed) {
  const Layout layout(o);
  Buffer<float> p(static_cast<std::size_t>(layout.size));
  initialise(layout, seed, p);
  Rng rng(seed, "test/gains");
  for (const Tensor& t : layout.tensors)
    for (std::int64_t i = 0; i < t.size() && !t.matrix(); ++i)
      p[static_cast<std::size_t>(t.offset + i)] += static_cast<float>(0.2 * rng.normal());
  return p;
}

inline Batch random_batch(const ModelOptions& o, std::uint64_t seed, std::int64_t positions) {
  Rng rng(seed, "test/batch");
  Batch batch;
  while (batch.positions() < positions) {
    std::vector<std::uint32_t> tokens(1 + rng.below(static_cast<std::uint64_t>(o.context)));
    for (auto& t : tokens) t = static_cast<std::uint32_t>(rng.below(static_cast<std::uint64_t>(o.vocabulary)));
    batch.add(tokens, 0, 0);
  }
  return batch;
}

template <class Real>
double relative_error(std::span<const Real> a, std::span<const Real> b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / size);
}

inline std::vector<float> some_weights(const Batch& batch) {
  std::vector<float> w;
  for (std::size_t s = 0; s < batch.segments(); ++s) w.push_back(0.01f * static_cast<float>(1 + s % 5));
  return w;
}

struct Case {
  ModelOptions o;
  std::int64_t positions;
  int threads;
};
inline const std::vector<Case> kCases = {
    {shape(21, 12, 2, 2, 9, 10), 40, 1},    {shape(40, 16, 1, 1, 16, 0), 200, 1},    {shape(64, 36, 6, 3, 33, 50), 300, 2},
    {shape(300, 64, 4, 2, 64, 0), 2500, 1}, {shape(130, 80, 2, 2, 100, 0), 2500, 3},
};

}  // namespace fader::cases

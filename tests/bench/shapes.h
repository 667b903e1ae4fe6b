// The shapes that speed is measured at, and batches of random tokens for them. XS, S and M are those of the comparison with other
// programs (tests/bench/peers); bandit and text are the models of experiments/bandit_ucb.toml and experiments/slimpajama.toml.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/rng.h"
#include "trainer/packer.h"
#include "trainer/trainer.h"

namespace fader::bench {

struct Shape {
  std::int64_t layers, heads, width, context, rows, vocabulary;
};
inline const std::map<std::string, Shape> kShapes = {{"XS", {2, 2, 64, 64, 64, 512}},
                                                     {"S", {4, 4, 128, 128, 32, 4096}},
                                                     {"M", {6, 6, 384, 256, 16, 8192}},
                                                     {"bandit", {4, 4, 64, 64, 16, 512}},
                                                     {"text", {2, 5, 160, 128, 4, 2048}}};

inline ModelOptions model_of(const Shape& s) {
  ModelOptions o;
  o.layers = s.layers;
  o.heads = s.heads;
  o.width = s.width;
  o.context = s.context;
  o.vocabulary = s.vocabulary;
  return o;
}

inline std::vector<Batch> batches_of(const Shape& s, int count) {
  std::vector<Batch> out(static_cast<std::size_t>(count));
  Rng rng(1, "bench/tokens");
  for (Batch& batch : out)
    for (std::int64_t r = 0; r < s.rows; ++r) {
      std::vector<std::uint32_t> tokens(static_cast<std::size_t>(s.context));
      for (auto& t : tokens) t = static_cast<std::uint32_t>(rng.below(static_cast<std::uint64_t>(s.vocabulary)));
      batch.add(tokens, 0, static_cast<std::int32_t>(r));
    }
  return out;
}

}  // namespace fader::bench

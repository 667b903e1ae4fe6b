// Our contender of peers/compare.py: train_worker SHAPE THREADS PRECISION. Reads numbers from standard input; for each, does so
// many optimiser steps (gradient, norm, AdamW) on random tokens and prints the seconds that they took.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>

#include "core/rng.h"
#include "trainer/buffer.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"

using namespace fader;

namespace {

struct Shape {
  std::int64_t layers, heads, width, context, rows, vocabulary;
};
const std::map<std::string, Shape> kShapes = {{"XS", {2, 2, 64, 64, 64, 512}}, {"S", {4, 4, 128, 128, 32, 4096}}, {"M", {6, 6, 384, 256, 16, 8192}}};

std::vector<Batch> batches(const Shape& s) {
  std::vector<Batch> out(8);
  Rng rng(1, "bench/tokens");
  for (Batch& batch : out)
    for (std::int64_t r = 0; r < s.rows; ++r) {
      std::vector<std::uint32_t> tokens(static_cast<std::size_t>(s.context));
      for (auto& t : tokens) t = static_cast<std::uint32_t>(rng.below(static_cast<std::uint64_t>(s.vocabulary)));
      batch.add(tokens, 0, static_cast<std::int32_t>(r));
    }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || !kShapes.count(argv[1])) {
    std::fprintf(stderr, "usage: train_worker XS|S|M THREADS float32|bfloat16\n");
    return 2;
  }
  const Shape s = kShapes.at(argv[1]);
  ModelOptions o;
  o.layers = s.layers;
  o.heads = s.heads;
  o.width = s.width;
  o.context = s.context;
  o.vocabulary = s.vocabulary;
  const TrainOptions training;
  const Layout layout(o);
  const auto n = static_cast<std::size_t>(layout.size);
  Buffer<float> parameters(n), gradient(n), first(n), second(n);
  initialise(layout, 1, parameters);
  const auto team = std::make_shared<Team>(std::stoi(argv[2]));
  const auto model = make_model(o, team, std::string(argv[3]) == "bfloat16" ? Precision::bfloat16 : Precision::float32);
  const std::vector<Batch> all = batches(s);
  std::vector<float> nats(static_cast<std::size_t>(all[0].positions())), weight(all[0].segments(), 1.0f / static_cast<float>(nats.size()));
  std::int64_t step = 0;
  const auto take_step = [&] {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    model->gradient(parameters, all[static_cast<std::size_t>(step) % all.size()], weight, nats, gradient);
    ++step;
    const AdamW rule(training, 1e-3, step, norm(gradient));
    team->run([&](int t) {
      const Share part = share(layout.size, 1024, t, team->size());
      rule.step(layout, part.first, part.last, gradient, parameters, first, second);
    });
  };
  for (int i = 0; i < 3; ++i) take_step();
  std::printf("ready %lld\n", static_cast<long long>(layout.size));
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = std::stoi(line); i > 0; --i) take_step();
    std::printf("%.9f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    std::fflush(stdout);
  }
}

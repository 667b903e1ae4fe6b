// Our contender of peers/compare.py: train_worker SHAPE THREADS PRECISION. Reads numbers from standard input; for each, does so
// many optimiser steps (gradient, norm, AdamW) on random tokens and prints the seconds that they took.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "tests/bench/shapes.h"
#include "trainer/buffer.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"

using namespace fader;

int main(int argc, char** argv) {
  if (argc != 4 || !bench::kShapes.count(argv[1])) {
    std::fprintf(stderr, "usage: train_worker XS|S|M THREADS float32|bfloat16\n");
    return 2;
  }
  const bench::Shape s = bench::kShapes.at(argv[1]);
  const ModelOptions o = bench::model_of(s);
  const TrainOptions training;
  const Layout layout(o);
  const auto n = static_cast<std::size_t>(layout.size);
  Buffer<float> parameters(n), gradient(n), first(n), second(n);
  initialise(layout, 1, parameters);
  const auto team = std::make_shared<Team>(std::stoi(argv[2]));
  const auto model = make_model(o, team, std::string(argv[3]) == "bfloat16" ? Precision::bfloat16 : Precision::float32);
  const std::vector<Batch> all = bench::batches_of(s, 8);
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

// Our contender of peers/compare.py: train_worker SHAPE THREADS PRECISION. Reads numbers from standard input; for each, does so
// many optimiser steps (gradient, norm, AdamW) on random tokens and prints the seconds that they took.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "tests/bench/shapes.h"
#include "trainer/bank.h"

using namespace fader;

int main(int argc, char** argv) {
  const std::string precision = argc == 4 ? argv[3] : "";
  if ((precision != "float32" && precision != "bfloat16") || !bench::kShapes.count(argv[1])) {
    std::fprintf(stderr, "usage: train_worker XS|S|M THREADS float32|bfloat16\n");
    return 2;
  }
  const bench::Shape s = bench::kShapes.at(argv[1]);
  const ModelOptions o = bench::model_of(s);
  TrainOptions training;
  training.precision = precision;
  const auto bank = make_cpu_bank(o, training, 1, {std::stoi(argv[2])});  // the very step of a run
  bank->reset(0, 1);
  const std::vector<Batch> all = bench::batches_of(s, 8);
  std::vector<float> nats(static_cast<std::size_t>(all[0].positions()));
  std::int64_t step = 0;
  const auto take_step = [&] {
    StepJob job{.batch = &all[static_cast<std::size_t>(step) % all.size()], .rate = 1e-3, .step = step + 1, .nats = nats};
    bank->step({&job, 1});
    ++step;
  };
  for (int i = 0; i < 3; ++i) take_step();
  std::printf("ready %lld\n", static_cast<long long>(o.parameters()));
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = std::stoi(line); i > 0; --i) take_step();
    std::printf("%.9f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    std::fflush(stdout);
  }
}

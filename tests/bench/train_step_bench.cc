// One optimiser step: tokens a second, share of the processor's peak, time by part, allocations and memory.
//   "of peak": FLOPs of the step (flops.h) against what large products of the same precision reach here, on all its threads
//   "...%":    of the threads' time in forward and backward passes; "optimiser%": of the wall time, all that is around them
//   "allocs":  calls of malloc and its like in a step;   "MB": the most that the heap held, tokens apart
#include <benchmark/benchmark.h>

#include "tests/bench/shapes.h"
#include "tests/counted_malloc.h"
#include "trainer/buffer.h"
#include "trainer/estimate.h"
#include "trainer/flops.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"

namespace {

using namespace fader;

void train_step(benchmark::State& state, const std::string& name, Precision precision, int threads) {
  const bench::Shape& shape = bench::kShapes.at(name);
  const ModelOptions o = bench::model_of(shape);
  const TrainOptions training;
  const std::vector<Batch> batches = bench::batches_of(shape, 8);
  const double peak = product_rate(precision) * threads;
  const std::int64_t held = counted::bytes;
  counted::most = held;
  const Layout layout(o);
  const auto n = static_cast<std::size_t>(layout.size);
  Buffer<float> parameters(n), gradient(n), first(n), second(n);
  initialise(layout, 1, parameters);
  const auto team = std::make_shared<Team>(threads);
  const auto model = make_model(o, team, precision);
  std::vector<float> nats(static_cast<std::size_t>(batches[0].positions()));
  const std::vector<float> weight(batches[0].segments(), 1.0f / static_cast<float>(nats.size()));
  std::int64_t step = 0;
  const auto take_step = [&] {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    model->gradient(parameters, batches[static_cast<std::size_t>(step) % batches.size()], weight, nats, gradient);
    const AdamW rule(training, 1e-3, ++step, norm(gradient));
    team->share_out(layout.size, [&](Share part) { rule.step(layout, part.first, part.last, gradient, parameters, first, second); });
  };
  for (int i = 0; i < 2; ++i) take_step();
  model->measure();
  const std::int64_t before = counted::calls;
  const auto start = std::chrono::steady_clock::now();
  for (auto unused : state) take_step();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto steps = static_cast<double>(state.iterations());
  state.counters["allocs"] = static_cast<double>(counted::calls - before) / steps;
  state.counters["MB"] = static_cast<double>(counted::most - held) / 1e6;
  state.counters["tokens/s"] = steps * static_cast<double>(nats.size()) / seconds;
  state.counters["of peak"] = steps * training_flops(o, layout, batches[0]) / seconds / peak;
  double passes = 0;
  for (const double s : model->seconds()) passes += s;
  for (std::size_t i = 0; i < kPartNames.size(); ++i) state.counters[std::string(kPartNames[i]) + "%"] = 100 * model->seconds()[i] / passes;
  state.counters["optimiser%"] = 100 * (1 - passes / threads / seconds);
}

const bool registered = [] {
  for (const auto& [name, shape] : bench::kShapes)
    for (const Precision precision : {Precision::bfloat16, Precision::float32})
      for (const int threads : {1, 2})
        benchmark::RegisterBenchmark((name + (precision == Precision::bfloat16 ? "/bfloat16" : "/float32") + "/threads:" + std::to_string(threads)).c_str(),
                                     [name = name, precision, threads](benchmark::State& state) { train_step(state, name, precision, threads); })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
  return true;
}();

}  // namespace

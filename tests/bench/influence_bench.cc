// What credit signals cost: an optimiser step that tells every segment's influence against one that does not, and influence of
// passages one by one. Everything is done in turns and medians are taken, so that a busy machine bears on all alike.
//   "step/step":       a step with inner products over a step without
//   "one/s":           passages a second, a backward pass and a whole gradient for each: inner product and norm
//   "each/s":          passages a second, all in one call: inner product and norm;  "dots/s": inner product only
//   "each x", "dots x": those against "one/s"
//   "each/fb", "dots/fb": time against forward and backward passes over the same passages, all together
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "tests/bench/shapes.h"
#include "trainer/bank.h"

namespace {

using namespace fader;

// Medians of the seconds that each work takes, done in turns.
std::vector<double> in_turns(int rounds, const std::vector<std::function<void()>>& works) {
  std::vector<std::vector<double>> seconds(works.size());
  for (int round = 0; round <= rounds; ++round)
    for (std::size_t i = 0; i < works.size(); ++i) {
      const auto start = std::chrono::steady_clock::now();
      works[i]();
      if (round > 0) seconds[i].push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  std::vector<double> out;
  for (auto& s : seconds) {
    std::nth_element(s.begin(), s.begin() + rounds / 2, s.end());
    out.push_back(s[static_cast<std::size_t>(rounds / 2)]);
  }
  return out;
}

// Passages of a quarter to the whole of a context, in batches of some thousand positions.
std::vector<Batch> passages_of(const bench::Shape& s, int count) {
  std::vector<Batch> out(1);
  Rng rng(2, "bench/passages");
  for (int i = 0; i < count; ++i) {
    std::vector<std::uint32_t> tokens(static_cast<std::size_t>(s.context / 4) + rng.below(static_cast<std::uint64_t>(s.context * 3 / 4 + 1)));
    for (auto& t : tokens) t = static_cast<std::uint32_t>(rng.below(static_cast<std::uint64_t>(s.vocabulary)));
    if (out.back().positions() + static_cast<std::int64_t>(tokens.size()) > 4096) out.emplace_back();
    out.back().add(tokens, 0, i);
  }
  return out;
}

struct Looks {
  explicit Looks(std::vector<Batch> given) : batches(std::move(given)) {
    for (const Batch& b : batches)
      for (std::size_t s = 0; s < b.segments(); ++s) weight.push_back(1.0f / static_cast<float>(b.length(s)));
    std::size_t positions = 0;
    for (const Batch& b : batches) positions += static_cast<std::size_t>(b.positions());
    nats.resize(positions);
    dots.resize(weight.size());
    squares.resize(weight.size());
  }
  LookJob job(bool of_each, bool norms) {
    LookJob job{.batches = batches, .weight = weight, .nats = nats};
    if (of_each) job.dots = dots;
    if (of_each && norms) job.squares = squares;
    return job;
  }
  std::vector<Batch> batches;
  std::vector<float> weight, nats, dots, squares;
};

void influence(benchmark::State& state, const std::string& name, const std::string& precision, int threads) {
  const bench::Shape& shape = bench::kShapes.at(name);
  constexpr int kPassages = 64;
  TrainOptions training;
  training.precision = precision;
  const auto bank = make_cpu_bank(bench::model_of(shape), training, 1, {threads});
  bank->reset(0, 1);
  Looks all(passages_of(shape, kPassages));
  std::vector<Looks> single;
  for (const Batch& b : all.batches)
    for (std::size_t s = 0; s < b.segments(); ++s) {
      Batch one;
      one.add(std::span(b.target).subspan(static_cast<std::size_t>(b.begin[s]), static_cast<std::size_t>(b.length(s))), 0, 0);
      single.emplace_back(std::vector<Batch>{one});
    }
  LookJob reference = all.job(false, false);
  bank->reference({&reference, 1});

  const std::vector<Batch> batches = bench::batches_of(shape, 4);
  std::vector<float> nats(static_cast<std::size_t>(batches[0].positions())), dots(batches[0].segments());
  std::int64_t step = 0;
  const auto take_step = [&](bool measures) {
    StepJob job{.batch = &batches[static_cast<std::size_t>(step / 2) % batches.size()], .rate = 1e-5, .step = step / 2 + 1, .nats = nats};
    if (measures) job.dots = dots;
    bank->step({&job, 1});
    ++step;
  };
  const auto of_each = [&](bool norms) {
    LookJob job = all.job(true, norms);
    bank->influence_of_each({&job, 1});
  };
  for (auto unused : state) {
    const auto s = in_turns(15, {[&] { take_step(false); }, [&] { take_step(true); }});
    const auto p = in_turns(5, {[&] {
                                  for (Looks& one : single) {
                                    LookJob job = one.job(false, false);
                                    bank->influence({&job, 1});
                                  }
                                },
                                [&] { of_each(true); }, [&] { of_each(false); },
                                [&] {
                                  LookJob job = all.job(false, false);
                                  bank->influence({&job, 1});
                                }});
    state.counters["step/step"] = s[1] / s[0];
    state.counters["one/s"] = kPassages / p[0];
    state.counters["each/s"] = kPassages / p[1];
    state.counters["dots/s"] = kPassages / p[2];
    state.counters["each x"] = p[0] / p[1];
    state.counters["dots x"] = p[0] / p[2];
    state.counters["each/fb"] = p[1] / p[3];
    state.counters["dots/fb"] = p[2] / p[3];
  }
}

const bool registered = [] {
  for (const std::string name : {"bandit", "text", "S", "M"})
    for (const std::string precision : {"bfloat16", "float32"})
      for (const int threads : {1, 2})
        benchmark::RegisterBenchmark((name + "/" + precision + "/threads:" + std::to_string(threads)).c_str(),
                                     [=](benchmark::State& state) { influence(state, name, precision, threads); })
            ->Unit(benchmark::kMillisecond)
            ->Iterations(1)
            ->UseRealTime();
  return true;
}();

}  // namespace

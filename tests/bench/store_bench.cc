// What it costs to keep a run: committing a decision to run.h5, and writing a checkpoint. `share` is the part of the wall time
// that it takes at one decision a second, and at a checkpoint every sixty seconds.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "core/rng.h"
#include "experiments/checkpoint.h"
#include "core/files.h"
#include "store/store.h"
#include "tests/scratch_folder.h"

using namespace fader;

namespace {

// As pretrain-v0 with four agents and five presets, ten optimiser steps a decision.
RunShape shape_of_a_run() {
  RunShape shape;
  shape.agents = {"quality", "domain", "topic", "random"};
  shape.rewards = {"reference_loss_drop"};
  shape.credits = {"agent_reward"};
  shape.diagnostics = {"index", "mean", "bonus", "pulls", "pulls_entropy"};
  shape.phases.assign(9, "phase");
  for (std::size_t i = 0; i < shape.phases.size(); ++i) shape.phases[i] += std::to_string(i);
  for (int i = 0; i < 40; ++i) shape.observation_labels.push_back("x" + std::to_string(i));
  shape.presets.assign(5, std::vector<double>(4, 0.25));
  for (const char* path : {"infos/tokens", "infos/loss_train", "infos/loss_reference"}) shape.infos.push_back({.path = path});
  for (int i = 0; i < 10; ++i) shape.series.push_back({.path = "agents/series" + std::to_string(i), .size = 4, .axis = "agent"});
  for (const char* path : {"final/loss_reference", "final/loss_validation", "final/loss_test"}) shape.finals.push_back({.path = path});
  return shape;
}
std::vector<Column> columns() { return run_columns(shape_of_a_run()); }

void commit(benchmark::State& state) {
  const ScratchFolder at;
  const auto list = columns();
  const std::vector<Attributes> episodes(1);
  RunWriter writer(at / "run.h5", {}, episodes, list);
  const std::vector<double> values(64, 0.25), zeros(64, 0);
  const auto append = [&](const Column& c) {
    writer.append(0, c.path, std::span(c.type == Type::f64 ? values : zeros).first(c.size));
  };
  for (const Column& c : list)
    if (c.rows == Rows::interval_plus) append(c);
  for (auto _ : state) {
    for (const Column& c : list) {
      if (c.rows == Rows::interval || c.rows == Rows::interval_plus) append(c);
      for (int step = 0; step < 10 && c.rows == Rows::step; ++step) append(c);
    }
    writer.commit(0);
  }
  state.counters["share"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(commit)->Unit(benchmark::kMillisecond)->UseRealTime();

// A run of many episodes, 64 of them kept in full (40 decisions each): making the file, opening it to read, and an episode of which
// the summary alone has a row. Argument: episodes between two commits; 64 is what the writer does by itself.
constexpr std::size_t kFull = 64;
void make(benchmark::State& state) {
  const ScratchFolder at;
  const auto list = columns();
  const auto summary = summary_columns(shape_of_a_run());
  for (auto _ : state) RunWriter(at / "run.h5", {}, std::vector<Attributes>(kFull), list, summary).close();
  state.counters["columns"] = static_cast<double>(list.size());
  state.counters["MB"] = static_cast<double>(std::filesystem::file_size(at / "run.h5")) / 1e6;
}
BENCHMARK(make)->Unit(benchmark::kMillisecond)->UseRealTime();

RunWriter filled(const std::filesystem::path& file) {
  const auto list = columns();
  RunWriter writer(file, {}, std::vector<Attributes>(kFull), list, summary_columns(shape_of_a_run()));
  const std::vector<double> values(64, 0.25), zeros(64, 0);
  for (std::size_t e = 0; e < kFull; ++e) {
    for (const Column& c : list) {
      const int rows = c.rows == Rows::interval ? 40 : c.rows == Rows::interval_plus ? 41 : c.rows == Rows::step ? 400 : 0;
      for (int row = 0; row < rows; ++row) writer.append(e, c.path, std::span(c.type == Type::f64 ? values : zeros).first(c.size));
    }
    writer.commit(e);
  }
  return writer;
}

void open(benchmark::State& state) {
  const ScratchFolder at;
  filled(at / "run.h5").close();
  for (auto _ : state) benchmark::DoNotOptimize(RunReader(at / "run.h5").episodes());
  state.counters["MB"] = static_cast<double>(std::filesystem::file_size(at / "run.h5")) / 1e6;
}
BENCHMARK(open)->Unit(benchmark::kMillisecond)->UseRealTime();

void summarise(benchmark::State& state) {
  const ScratchFolder at;
  RunWriter writer = filled(at / "run.h5");
  const std::vector<double> row(summary_columns(shape_of_a_run()).size(), 1);
  std::int64_t n = 0;
  for (auto _ : state) {
    writer.summarise(row);
    if (++n % state.range(0) == 0) writer.commit_summary();
  }
}
BENCHMARK(summarise)->Arg(1)->Arg(8)->Arg(64)->Unit(benchmark::kMillisecond)->UseRealTime();

// Argument: parameters of the model; weights and two moments of each are saved, and as much again where a reference gradient is.
void checkpoint(benchmark::State& state) {
  const ScratchFolder at;
  Rng rng(1, "bytes");
  std::string bytes(static_cast<std::size_t>(state.range(0)) * 4 * sizeof(float), '\0');
  for (char& c : bytes) c = static_cast<char>(rng.bits());
  const Checkpoints checkpoints(at / "checkpoints", 2, 0);
  Manifest manifest;
  manifest.config_sha256 = manifest.corpus_sha256 = sha256("");
  for (auto _ : state) {
    ++manifest.moment.interval;
    checkpoints.write(manifest, bytes);
  }
  state.counters["share"] = benchmark::Counter(60.0 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["MB"] = static_cast<double>(bytes.size()) / 1e6;
}
BENCHMARK(checkpoint)->Arg(200'000)->Arg(1'000'000)->Arg(14'000'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

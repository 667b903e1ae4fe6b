// What a sweep costs beside its runs. `scheduling` plays the same short bandit runs one after another in this process and by sweep(), one
// job, by turns: `overhead_ms` is what a run takes longer there, with everything: the claim, the process, its libraries beginning anew, reading
// what the run came to (`outcome_ms`), the summary. `journal` opens the journal of a sweep with that many runs, all complete, and joins it.
#include <benchmark/benchmark.h>

#include <fmt/format.h>

#include <chrono>
#include <fstream>

#include "core/files.h"
#include "experiments/claims.h"
#include "experiments/outcome.h"
#include "experiments/display.h"
#include "experiments/sweep.h"
#include "tests/scratch_folder.h"

using namespace fader;
namespace fs = std::filesystem;

namespace {

fs::path bandits(const ScratchFolder& at, int points) {
  std::string values;
  for (int k = 0; k < points; ++k) values += fmt::format("{}{}", k ? ", " : "", (k + 1) / 20.0);
  std::ofstream(at / "bandits.toml") << "# What does a run cost that does next to nothing?\nname = \"bandits\"\n[run]\nseeds = [0]\n[env]\nkind = \"bandit-v0\"\n"
                                        "horizon = 20\n[[policies]]\nkind = \"ucb\"\n[sweep.over]\npolicies.ucb.c = [" << values << "]\n";
  return at / "bandits.toml";
}

class Nobody final : public RunWatcher {
 public:
  void beat(const Beat&) override {}
  void event(const std::string&, const std::string&) override {}
};

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void scheduling(benchmark::State& state) {
  const int runs = static_cast<int>(state.range(0));
  const ScratchFolder at;
  const Experiment experiment = load_experiment(bandits(at, runs), {});
  const Signals signals;
  Display display(2, true);
  Nobody nobody;
  double alone = 0, swept = 0, outcome = 0;
  for (auto _ : state) {
    fs::remove_all(at / "runs");
    swept += seconds_of([&] { sweep(experiment, {.out = at / "runs", .jobs = 1}, display, signals); });
    fs::remove_all(at / "alone");
    alone += seconds_of([&] {
      for (const Point& point : experiment.points)
        execute({experiment, point, 0, run_folder(at / "alone", point, 0), at / "cache", {}}, signals, display, nobody);
    });
    outcome += seconds_of([&] { for (const Point& point : experiment.points) outcome_of(run_folder(at / "alone", point, 0) / "run.h5", ""); });
  }
  const double all = static_cast<double>(state.iterations()) * runs;
  state.counters["alone_ms"] = 1e3 * alone / all;
  state.counters["swept_ms"] = 1e3 * swept / all;
  state.counters["outcome_ms"] = 1e3 * outcome / all;
  state.counters["overhead_ms"] = 1e3 * (swept - alone) / all;
}
BENCHMARK(scheduling)->Arg(100)->Iterations(5)->Unit(benchmark::kMillisecond);

void journal(benchmark::State& state) {
  const ScratchFolder at;
  std::vector<RunKey> keys;
  for (std::int64_t k = 0; k < state.range(0); ++k) keys.push_back({fmt::format("policy=ucb,c={}", k / 5), k % 5});
  {
    Claims claims(at.path(), "");
    claims.join("plan", keys, {});
    const nlohmann::json facts = {{"hash", std::string(64, 'a')}, {"corpus", std::string(64, 'b')}, {"bytes", 104512},
                                  {"values", {{"final/loss_test", 3.25}, {"final/loss_validation", 3.25}, {"final/loss_reference", 3.25}, {"flops", 1e12},
                                              {"return", 0.5}, {"seconds", 7.25}, {"tokens", 1e6}, {"episodes", 1}}}};
    for (std::size_t k = 0; k < keys.size(); ++k) {
      claims.note(k, "start", "");
      claims.complete(k, facts);
    }
  }
  for (auto _ : state) {
    Claims claims(at.path(), "");
    claims.join("plan", keys, {});
    if (claims.ended() != keys.size()) state.SkipWithError("not all runs are complete");
  }
}
BENCHMARK(journal)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace

// Steps of the known-answer environments with 8 agents under a fixed policy: episodes of their default length, resets
// included, one slot. items_per_second: decisions. `runner` also clears the outcome before every step, as the runner does.
#include <benchmark/benchmark.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "env/registry.h"

using namespace fader;

namespace {

constexpr std::size_t kAgents = 8;

template <class T>
void set(Options& options, const std::string& name, T value) {
  for (auto& o : options.list())
    if (o.name == name) {
      *std::get<T*>(o.target) = std::move(value);
      return;
    }
  FADER_CHECK(false, "no option '{}'", name);
}

Vectors eye() {
  Vectors out(kAgents, std::vector<double>(kAgents, 0.0));
  for (std::size_t k = 0; k < kAgents; ++k) out[k][k] = 1;
  return out;
}
std::vector<double> rising(double from, double to, std::size_t n = kAgents) {
  std::vector<double> out;
  for (std::size_t k = 0; k < n; ++k) out.push_back(from + (to - from) * static_cast<double>(k) / static_cast<double>(n - 1));
  return out;
}

void payoff(Options& o, const char* kind) {
  set(o, "means", rising(0.1, 0.8));
  set(o, "payoff", std::string(kind));
}
void normal(Options& o) { payoff(o, "normal"); }
void student(Options& o) { payoff(o, "student"); }
void bernoulli(Options& o) { payoff(o, "bernoulli"); }
void drifting(Options& o) {
  normal(o);
  set(o, "drift_amplitude", 0.1);
}
void experts(Options& o) { set<std::int64_t>(o, "experts", kAgents); }
void agents(Options& o) { set<std::int64_t>(o, "agents", kAgents); }
void delayed(Options& o) { set(o, "spends", rising(0.1, 0.25, kAgents - 2)); }
void reservoir(Options& o) {
  set(o, "supplies", rising(0.1, 0.2, kAgents - 1));
  auto first = rising(0.2, 0.8, kAgents - 1), last = rising(1, 0.3, kAgents - 1);
  first.push_back(0.1);
  last.push_back(0.1);
  set(o, "first", first);
  set(o, "last", last);
}
void misleading(Options& o) {
  set(o, "means", rising(0.1, 0.8));
  auto bias = std::vector<double>(kAgents, 0.0);
  bias[0] = 1;
  set(o, "bias", bias);
}
void collinear(Options& o) {
  set(o, "matrix", eye());
  set(o, "means", rising(0.1, 0.8));
}
void curves(Options& o) {
  set(o, "floors", rising(0.8, 1.5));
  set(o, "scales", rising(1, 2.5));
  set(o, "powers", rising(0.3, 0.6));
  set(o, "reference", std::vector<double>{});
  set(o, "transfer", eye());
}

void steps(benchmark::State& state, const char* name, void (*change)(Options&), bool runner = false) {
  const auto& entry = environments().at(name);
  const auto options = entry.options();
  change(*options);
  const auto env = entry.make(*options, EnvContext{});
  FADER_CHECK_EQ(env->spec().agents.size(), kAgents);
  const std::array<int, 1> slots = {0};
  const std::vector<double> weights(kAgents, 1.0 / kAgents);
  std::array<std::uint64_t, 1> seed = {1};
  Outcome out;
  out.fit(env->spec(), 1);
  env->reset(slots, seed, out);
  for (auto _ : state) {
    if (runner) out.fit(env->spec(), 1);
    env->step(slots, {weights.data(), 1, kAgents}, out);
    if (out.end[0] == End::no) continue;
    ++seed[0];
    env->reset(slots, seed, out);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(steps, bandit, "bandit-v0", normal);
BENCHMARK_CAPTURE(steps, bandit_runner, "bandit-v0", normal, true);
BENCHMARK_CAPTURE(steps, bandit_student, "bandit-v0", student);
BENCHMARK_CAPTURE(steps, bandit_bernoulli, "bandit-v0", bernoulli);
BENCHMARK_CAPTURE(steps, bandit_drifting, "bandit-v0", drifting);
BENCHMARK_CAPTURE(steps, experts, "experts-v0", experts);
BENCHMARK_CAPTURE(steps, contextual, "contextual-v0", agents);
BENCHMARK_CAPTURE(steps, delayed, "delayed-v0", delayed);
BENCHMARK_CAPTURE(steps, reservoir, "reservoir-v0", reservoir);
BENCHMARK_CAPTURE(steps, hidden, "hidden-v0", agents);
BENCHMARK_CAPTURE(steps, misleading, "misleading-v0", misleading);
BENCHMARK_CAPTURE(steps, collinear, "collinear-v0", collinear);
BENCHMARK_CAPTURE(steps, curves, "curves-v0", curves);

}  // namespace

// Decide-learn pairs of bandits over 32 presets, and steps of the known-answer environment.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "env/registry.h"
#include "policies/policy.h"

using namespace fader;

namespace {

using Settings = std::vector<std::pair<std::string, std::variant<bool, std::string>>>;

void set(Options& options, const Settings& settings) {
  for (auto& o : options.list())
    for (const auto& [name, value] : settings) {
      if (o.name != name) continue;
      if (const bool* yes = std::get_if<bool>(&value)) *std::get<bool*>(o.target) = *yes;
      else *std::get<std::string*>(o.target) = std::get<std::string>(value);
    }
}

void decide_and_learn(benchmark::State& state, const char* name, const Settings& settings = {}) {
  constexpr std::size_t kAgents = 32;
  PolicyContext context;
  for (std::size_t k = 0; k < kAgents; ++k) context.agents.push_back("agent_" + std::to_string(k));
  const auto options = policies().at(name).options();
  set(*options, settings);
  const auto policy = policies().at(name).make(*options, context);
  const std::array<int, 1> slots = {0};
  const std::array<End, 1> end = {End::no};
  std::vector<Rng> streams = {Rng(1, "slot")};
  Rng world(1, "world"), learner(1, "learn");
  const Grid<double> nothing(1, 0);
  Decisions decided;
  decided.fit(policy->spec(), kAgents, 1);
  const Observations observed = {slots, nothing.view()};
  std::array<double, 1> reward = {0}, se = {0.1};
  const Transitions transition = {observed, decided, reward, se, nothing.view(), nothing.view(), nothing.view(), end};
  for (auto _ : state) {
    policy->decide(observed, streams, decided);
    reward[0] = world.uniform();
    policy->learn(transition, learner);
    benchmark::DoNotOptimize(decided.arm[0]);
  }
}
BENCHMARK_CAPTURE(decide_and_learn, ucb, "ucb");
BENCHMARK_CAPTURE(decide_and_learn, discounted_ucb, "discounted_ucb");
BENCHMARK_CAPTURE(decide_and_learn, uniform, "uniform");

const Settings fast = {{"propensity", false}};  // no probabilities by integration
BENCHMARK_CAPTURE(decide_and_learn, sliding_ucb, "sliding_ucb");
BENCHMARK_CAPTURE(decide_and_learn, thompson, "thompson");
BENCHMARK_CAPTURE(decide_and_learn, thompson_fast, "thompson", fast);
BENCHMARK_CAPTURE(decide_and_learn, thompson_beta, "thompson", Settings{{"variant", "beta"}});
BENCHMARK_CAPTURE(decide_and_learn, thompson_beta_fast, "thompson", Settings{{"variant", "beta"}, {"propensity", false}});
BENCHMARK_CAPTURE(decide_and_learn, discounted_thompson_fast, "discounted_thompson", fast);
BENCHMARK_CAPTURE(decide_and_learn, linucb, "linucb");
BENCHMARK_CAPTURE(decide_and_learn, d_linucb, "d_linucb");
BENCHMARK_CAPTURE(decide_and_learn, lin_thompson, "lin_thompson");
BENCHMARK_CAPTURE(decide_and_learn, lin_thompson_fast, "lin_thompson", fast);

// Argument: agents. items_per_second: steps of one slot.
void bandit_steps(benchmark::State& state) {
  const auto agents = static_cast<std::size_t>(state.range(0));
  const auto& entry = environments().at("bandit-v0");
  const auto options = entry.options();
  for (auto& o : options->list()) {
    if (o.name == "means") std::get<std::vector<double>*>(o.target)->assign(agents, 0.5);
    if (o.name == "horizon") *std::get<std::int64_t*>(o.target) = 1'000'000'000;
  }
  const auto env = entry.make(*options, EnvContext{});
  const std::array<int, 1> slots = {0};
  const std::vector<double> weights(agents, 1.0 / static_cast<double>(agents));
  Outcome out;
  out.fit(env->spec(), 1);
  env->reset(slots, std::array<std::uint64_t, 1>{1}, out);
  for (auto _ : state) env->step(slots, {weights.data(), 1, agents}, out);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(bandit_steps)->Arg(4)->Arg(8);

}  // namespace

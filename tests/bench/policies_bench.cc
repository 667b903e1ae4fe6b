// Decide-learn pairs of bandits over 32 presets.
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

constexpr std::size_t kAgents = 32;

// Two fields are observed of every agent, beside the weights.
PolicyContext context_of_32() {
  PolicyContext context;
  context.horizon = 100;
  for (std::size_t k = 0; k < kAgents; ++k) context.agents.push_back("agent_" + std::to_string(k));
  for (const char* name : {"weights", "agent_score", "agent_reward"})
    context.observation.push_back({name, context.observation.size() * kAgents, kAgents, context.agents, "agent"});
  return context;
}

void decide_and_learn(benchmark::State& state, const char* name, const Settings& settings = {}) {
  const PolicyContext context = context_of_32();
  const auto options = policies().at(name).options();
  set(*options, settings);
  const auto policy = policies().at(name).make(*options, context);
  const std::array<int, 1> slots = {0};
  const std::array<End, 1> end = {End::no};
  std::vector<Rng> streams = {Rng(1, "slot")};
  Rng world(1, "world"), learner(1, "learn");
  Grid<double> x(1, 3 * kAgents), credit(1, policy->spec().credit == "none" ? 0 : kAgents);
  const Grid<double> credit_se(1, credit.cols(), 0.1);
  for (double& number : x.view().flat()) number = world.normal();
  Decisions decided;
  decided.fit(policy->spec(), kAgents, 1);
  const Observations observed = {slots, x.view()};
  std::array<double, 1> reward = {0}, se = {0.1};
  const Transitions transition = {observed, decided, reward, se, credit.view(), credit_se.view(), x.view(), end};
  for (auto _ : state) {
    policy->decide(observed, streams, decided);
    reward[0] = world.uniform();
    for (double& c : credit.view().flat()) c = world.uniform();
    policy->learn(transition, learner);
    benchmark::DoNotOptimize(decided.arm[0]);
  }
}
BENCHMARK_CAPTURE(decide_and_learn, ucb, "ucb");
BENCHMARK_CAPTURE(decide_and_learn, discounted_ucb, "discounted_ucb");
BENCHMARK_CAPTURE(decide_and_learn, uniform, "uniform");
BENCHMARK_CAPTURE(decide_and_learn, epsilon_greedy, "epsilon_greedy");
BENCHMARK_CAPTURE(decide_and_learn, boltzmann, "boltzmann");
BENCHMARK_CAPTURE(decide_and_learn, gradient_bandit, "gradient_bandit");
BENCHMARK_CAPTURE(decide_and_learn, hedge, "hedge");
BENCHMARK_CAPTURE(decide_and_learn, exponentiated_gradient, "exponentiated_gradient");
BENCHMARK_CAPTURE(decide_and_learn, exp3, "exp3");
BENCHMARK_CAPTURE(decide_and_learn, exp3s, "exp3s");
BENCHMARK_CAPTURE(decide_and_learn, exp3ix, "exp3ix");
BENCHMARK_CAPTURE(decide_and_learn, exp4, "exp4");
BENCHMARK_CAPTURE(decide_and_learn, odm_paper, "odm_paper");
BENCHMARK_CAPTURE(decide_and_learn, odm_code, "odm_code");

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

// Decide-learn pairs of policies that know episodes, begin included: 8 agents, 50 decisions an episode. items_per_second:
// decisions.
void episodes(benchmark::State& state, const char* name) {
  constexpr std::size_t kFew = 8;
  constexpr std::int64_t kDecisions = 50;
  PolicyContext context;
  for (std::size_t k = 0; k < kFew; ++k) context.agents.push_back("agent_" + std::to_string(k));
  context.observation = {{"progress", 0, 1}, {"loss_domain", 1, kFew, context.agents, "domain"}};
  context.horizon = kDecisions;
  const auto policy = policies().make_default(name, context);
  const std::array<int, 1> slots = {0};
  std::array<End, 1> end = {End::no};
  std::vector<Rng> streams = {Rng(1, "slot")};
  Rng world(1, "world"), learner(1, "learn");
  Grid<double> seen(1, 1 + kFew, 0), credit(1, kFew, 0);
  const Grid<double> none(1, 0);
  Decisions decided;
  decided.fit(policy->spec(), kFew, 1);
  const auto given = policy->spec().credit == "none" ? none.view() : std::as_const(credit).view();
  std::array<double, 1> reward = {0}, se = {0.1};
  std::int64_t t = 0;
  for (auto _ : state) {
    if (t == 0) policy->begin(slots, streams);
    seen[0][0] = static_cast<double>(t) / kDecisions;
    for (std::size_t k = 0; k < kFew; ++k) {
      credit[0][k] = 2 + static_cast<double>(k) / static_cast<double>(t + 1) + 0.01 * world.uniform();
      seen[0][1 + k] = credit[0][k];
    }
    policy->decide({slots, std::as_const(seen).view()}, streams, decided);
    reward[0] = world.uniform();
    t = (t + 1) % kDecisions;
    end[0] = t == 0 ? End::terminated : End::no;
    policy->learn({{slots, std::as_const(seen).view()}, decided, reward, se, given, given, std::as_const(seen).view(), end},
                  learner);
    benchmark::DoNotOptimize(decided.weights[0][0]);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(episodes, dirichlet, "dirichlet");
BENCHMARK_CAPTURE(episodes, schedule, "schedule");
BENCHMARK_CAPTURE(episodes, random_search, "random_search");
BENCHMARK_CAPTURE(episodes, cma_es, "cma_es");
BENCHMARK_CAPTURE(episodes, gp_bo, "gp_bo")->Iterations(50 * 100);  // a hundred episodes: the time of one grows with those before
BENCHMARK_CAPTURE(episodes, ado, "ado");
BENCHMARK_CAPTURE(episodes, aioli, "aioli");

}  // namespace

// Learned consoles: PPO's decisions a second, learning included, at the settings that other libraries come with (two hidden layers of
// 64, 2048 decisions an update, batches of 64, 10 epochs), and what a decision alone takes. On bandit-v0 with four agents.
#include <benchmark/benchmark.h>

#include <array>
#include <numeric>
#include <utility>

#include "env/registry.h"
#include "policies/policy.h"

using namespace fader;

namespace {

template <class T>
void set(Options& options, const std::string& name, T value) {
  for (auto& o : options.list())
    if (o.name == name) *std::get<T*>(o.target) = value;
}

/// A console and its members on a bandit whose episode does not end.
class Loop {
 public:
  Loop(const char* policy, int members, const std::string& distribution, std::int64_t n_steps) : outcome_(), seeds_(static_cast<std::size_t>(members)) {
    const auto& entry = environments().at("bandit-v0");
    const auto options = entry.options();
    set<std::int64_t>(*options, "horizon", 1'000'000'000);
    EnvContext world;
    world.slots = members;
    env_ = entry.make(*options, world);
    PolicyContext context;
    context.agents = env_->spec().agents;
    context.observation = env_->spec().observation;
    context.horizon = 100;
    context.slots = members;
    const auto& kind = policies().at(policy);
    const auto choices = kind.options();
    set(*choices, "distribution", distribution);
    set(*choices, "n_steps", n_steps);
    set<std::int64_t>(*choices, "batch", 64);
    policy_ = kind.make(*choices, context);
    slots_.resize(seeds_.size());
    std::iota(slots_.begin(), slots_.end(), 0);
    std::iota(seeds_.begin(), seeds_.end(), std::uint64_t{1});
    for (const std::uint64_t seed : seeds_) streams_.emplace_back(seed, "act");
    outcome_.fit(env_->spec(), slots_.size());
    decided_.fit(policy_->spec(), context.agents.size(), slots_.size());
    env_->reset(slots_, seeds_, outcome_);
    policy_->begin(slots_, streams_);
    before_ = outcome_.observation;
    reward_.resize(slots_.size());
  }
  void decide() { policy_->decide({slots_, std::as_const(before_).view()}, streams_, decided_); }
  void step_and_learn() {
    env_->step(slots_, std::as_const(decided_.weights).view(), outcome_);
    for (std::size_t i = 0; i < slots_.size(); ++i) reward_[i] = outcome_.reward[i][0];
    const Grid<double> none(slots_.size(), 0);
    policy_->learn({{slots_, std::as_const(before_).view()}, decided_, reward_, reward_, none.view(), none.view(),
                    std::as_const(outcome_.observation).view(), outcome_.end},
                   learner_);
    std::swap(before_, outcome_.observation);
  }

 private:
  std::unique_ptr<Env> env_;
  std::unique_ptr<Policy> policy_;
  Outcome outcome_;
  Decisions decided_;
  Grid<double> before_;
  std::vector<std::uint64_t> seeds_;
  std::vector<int> slots_;
  std::vector<double> reward_;
  std::vector<Rng> streams_;
  Rng learner_{1, "learn"};
};

const char* const kDistributions[] = {"categorical", "logistic_normal", "dirichlet"};

// Arguments: members, distribution. One iteration is a whole update; items_per_second: decisions.
void ppo(benchmark::State& state) {
  constexpr std::int64_t kSteps = 2048;
  const auto members = static_cast<int>(state.range(0));
  Loop loop("ppo", members, kDistributions[state.range(1)], kSteps);
  state.SetLabel(kDistributions[state.range(1)]);
  for (auto _ : state)
    for (std::int64_t step = 0; step < kSteps; step += members) {
      loop.decide();
      loop.step_and_learn();
    }
  state.SetItemsProcessed(state.iterations() * kSteps);
}
BENCHMARK(ppo)->ArgsProduct({{1, 8}, {0, 1, 2}})->Unit(benchmark::kMillisecond);

void ppo_decide(benchmark::State& state) {
  Loop loop("ppo", static_cast<int>(state.range(0)), "categorical", 2048);
  for (auto _ : state) loop.decide();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ppo_decide)->Arg(1)->Arg(8);

}  // namespace

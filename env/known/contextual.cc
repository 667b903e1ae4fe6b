// A linear contextual bandit, as an environment. Contract and sums: env/known_answer.h.
//
// Before each decision one of m contexts, unit vectors of d numbers, is drawn with equal chances and shown. Agent k then pays
// theta_k . x + noise; weights w earn the weighted sum. Contexts and theta_k (unit vectors as well) are drawn once from
// `instance_seed`: they belong to the environment, not to a run's seed, so that policies may learn them across runs.
// Shown: "context", x of the decision that comes. The credit "payoff" is every agent's payoff.
// The contexts being finite, all is exact:
//   optimum          T mean_x max_k theta_k . x: the agent that suits the context
//   schedule, fixed  T max_k mean_x theta_k . x: a schedule cannot see the context, and decisions are alike
// console/regret compares with the best agent of the context that was drawn, and is never negative.
// Status: checked against direct computation (tests/oracle/contextual_env_test.cc).
#include <algorithm>
#include <numeric>

#include "env/known_answer.h"

namespace fader {
namespace {

struct ContextualEnvOptions final : KnownAnswerOptions {
  std::int64_t agents = 4, dimensions = 4, contexts = 8, instance_seed = 1;

  void fields(Fields& f) override {
    reward_field(f);
    f("agents", agents, "how many there are", 1, 1000);
    f("dimensions", dimensions, "numbers of a context", 1, 1000);
    f("contexts", contexts, "different contexts", 1, 1e5);
    horizon_field(f, 1e6);
    noise_field(f, "standard deviation of payoffs");
    f("instance_seed", instance_seed, "draws contexts and what agents make of them", 0, 9e15);
  }
};

Grid<double> unit_vectors(std::size_t n, std::size_t d, Rng rng) {
  Grid<double> out(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    double square = 0;
    for (double& x : out[i]) {
      x = rng.normal();
      square += x * x;
    }
    for (double& x : out[i]) x /= std::sqrt(square);
  }
  return out;
}

class ContextualEnv final : public KnownAnswer {
 public:
  ContextualEnv(const ContextualEnvOptions& options, const EnvContext& context)
      : KnownAnswer("contextual-v0", counted("agent", (options.validate(), static_cast<std::size_t>(options.agents))), {"payoff"},
                    options.horizon, context),
        deviation_(agents(), options.noise),
        now_(slots(), 0) {
    const Rng drawn(static_cast<std::uint64_t>(options.instance_seed), "env/contextual");
    const auto d = static_cast<std::size_t>(options.dimensions), m = static_cast<std::size_t>(options.contexts);
    contexts_ = unit_vectors(m, d, drawn.child("contexts"));
    const Grid<double> theta = unit_vectors(agents(), d, drawn.child("theta"));
    mean_.resize(m, agents());
    for (std::size_t x = 0; x < m; ++x)
      for (std::size_t k = 0; k < agents(); ++k)
        mean_[x][k] = std::inner_product(theta[k].begin(), theta[k].end(), contexts_[x].begin(), 0.0);
    show("context", d);
  }

 private:
  void begin(std::size_t slot) override { draw(slot); }
  Earned play(std::size_t slot, std::int64_t, std::span<const double> w, const Row& row) override {
    const Earned earned = pay(slot, w, mean_[now_[slot]], deviation_, row);
    draw(slot);
    return earned;
  }
  void draw(std::size_t slot) { now_[slot] = draws(slot).below(contexts_.rows()); }
  void observe(std::size_t slot, std::int64_t, std::span<double> shown) const override {
    std::ranges::copy(contexts_[now_[slot]], shown.begin());
  }
  void more_state(Archive& archive, std::size_t slot) override {
    archive.field("context", now_[slot]);
    archive.expect(now_[slot] < contexts_.rows(), "a context of this environment");
  }
  Answer solve() override;

  const std::vector<double> deviation_;
  Grid<double> contexts_, mean_;    // [m, d], [m, K]
  std::vector<std::uint64_t> now_;  // [slot] the context that is shown
};

Answer ContextualEnv::solve() {
  Grid<double> blind(static_cast<std::size_t>(spec().horizon), agents());
  const auto m = static_cast<double>(contexts_.rows());
  double best = 0;
  std::vector<double> mean(agents(), 0.0);
  for (std::size_t x = 0; x < contexts_.rows(); ++x) {
    best += std::ranges::max(mean_[x]) / m;
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += mean_[x][k] / m;
  }
  for (std::size_t t = 0; t < blind.rows(); ++t) std::ranges::copy(mean, blind[t].begin());
  Answer answer = linear_answer(blind);
  answer.optimum = best * static_cast<double>(spec().horizon);
  return answer;
}

REGISTER_ENV("contextual-v0", ContextualEnv, ContextualEnvOptions,
             "known answer: a linear contextual bandit over finitely many contexts", "checked against an oracle");

}  // namespace
}  // namespace fader

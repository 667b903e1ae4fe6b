// An agent whose credit looks best while its effect is worst, as an environment. Contract and sums: env/known_answer.h.
//
// Agent k pays p_k = mu_k + noise; weights w earn sum_k w_k p_k: what is fed back as reward is right. The credit "estimate" is
// p_k + bias_k: off by a known amount, as estimates of influence are where an agent's picks please the estimator and not the
// model. By default the agent of least mean looks best. A console that trusts credit ends at T mu of the misleading agent.
// Optimum = best schedule = best fixed: all weight on the greatest mean, known in closed form.
// Status: checked against direct computation (tests/oracle/misleading_env_test.cc).
#include <algorithm>

#include "env/known_answer.h"

namespace fader {
namespace {

struct MisleadingEnvOptions final : KnownAnswerOptions {
  std::vector<double> means = {0.2, 0.4, 0.6, 0.8}, bias = {1, 0, 0, 0};

  void fields(Fields& f) override {
    reward_field(f);
    f("means", means, "mean payoff of each agent", -1e6, 1e6);
    f("bias", bias, "what credit adds to each agent's payoff", -1e6, 1e6);
    horizon_field(f, 1e6);
    noise_field(f, "standard deviation of payoffs");
  }
  void validate() const override {
    KnownAnswerOptions::validate();
    if (means.size() < 2)
      throw ConfigError(fmt::format("means: {} of them; expected one mean for each of two or more agents", means.size()));
    if (bias.size() != means.size())
      throw ConfigError(fmt::format("bias: {} numbers for {} agents; expected one for each", bias.size(), means.size()));
    const std::size_t worst = least(means);
    for (std::size_t k = 0; k < means.size(); ++k)
      if (k != worst && means[k] + bias[k] >= means[worst] + bias[worst])
        throw ConfigError(
            fmt::format("bias: agent {}, the worst, looks like {} and agent {} like {}: nobody is misled; raise the first or "
                        "lower the other",
                        worst, means[worst] + bias[worst], k, means[k] + bias[k]));
  }
  static std::size_t least(const std::vector<double>& x) {
    return static_cast<std::size_t>(std::min_element(x.begin(), x.end()) - x.begin());
  }
};

class MisleadingEnv final : public KnownAnswer {
 public:
  MisleadingEnv(const MisleadingEnvOptions& options, const EnvContext& context)
      : KnownAnswer("misleading-v0", counted("agent", (options.validate(), options.means.size())), {"estimate"}, options.horizon,
                    context),
        means_(options.means),
        bias_(options.bias),
        deviation_(means_.size(), options.noise) {}

 private:
  Earned play(std::size_t slot, std::int64_t, std::span<const double> w, const Row& row) override {
    const Earned earned = pay(slot, w, means_, deviation_, row);
    for (std::size_t k = 0; k < bias_.size(); ++k) row.credit[k] += bias_[k];
    return earned;
  }
  Answer solve() override {
    Grid<double> mean(static_cast<std::size_t>(spec().horizon), means_.size());
    for (std::size_t t = 0; t < mean.rows(); ++t) std::ranges::copy(means_, mean[t].begin());
    return linear_answer(mean);
  }

  const std::vector<double> means_, bias_, deviation_;
};

REGISTER_ENV("misleading-v0", MisleadingEnv, MisleadingEnvOptions,
             "known answer: the worst agent's credit looks best, rewards are right", "checked against an oracle");

}  // namespace
}  // namespace fader

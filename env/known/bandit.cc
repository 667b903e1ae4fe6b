// A bandit with known means, as an environment. Contract and sums: env/known_answer.h.
//
// Agent k pays p_k, drawn anew each decision around its mean mu_k; weights w earn the reward sum_k w_k p_k. Payoffs do not
// depend on the weights, so runs of equal seed are paired. Every `change_every` decisions come other means: the rows of
// `changes` in turn, then `means` again; without rows the means move on by one agent. With drift, decision t of agent k adds
// drift_amplitude sin(2 pi (t / drift_period + k / K)).
// Payoffs scatter
//   normal      with deviation `noise`, or each agent with its own of `noises` (heteroscedastic)
//   student     as noise times a Student t of `degrees` degrees of freedom: heavy tails. Deviation noise sqrt(degrees /
//               (degrees - 2)); infinite, and the standard errors NaN, where degrees <= 2. Drawn by Bailey's method (1994,
//               Mathematics of Computation 62, 779-781): sqrt(n (u^(-2/n) - 1)) cos(2 pi v), u and v uniform
//   bernoulli   1 with probability mu_k, else 0
// The optimum is known: all weight on the agent whose mean is greatest at that time; the best schedule is the same, the best
// fixed mix the agent whose means sum to most. All by summation over the decisions.
// The credit "payoff" is every p_k, played or not.
// Status: checked against direct computation (tests/oracle/bandit_env_test.cc).
#include <algorithm>
#include <numbers>

#include "env/known_answer.h"

namespace fader {
namespace {

struct BanditEnvOptions final : KnownAnswerOptions {
  std::vector<double> means = {0.2, 0.4, 0.6, 0.8}, noises;
  std::string payoff = "normal";
  double degrees = 3, drift_amplitude = 0, drift_period = 50;
  std::int64_t change_every = 0;
  Vectors changes;

  BanditEnvOptions() { horizon = 100; }
  void fields(Fields& f) override {
    reward_field(f);
    f("means", means, "mean payoff of each agent", -1e6, 1e6);
    f("payoff", payoff,
      "how payoffs scatter around their means: normal with deviation noise, student with heavy tails, or 1 with probability "
      "mean, else 0")
        .one_of({"normal", "student", "bernoulli"});
    noise_field(f, "standard deviation of normal payoffs, scale of student's");
    f("noises", noises, "the same for each agent, in place of noise; empty: noise for all", 0, 1e6);
    f("degrees", degrees, "degrees of freedom of student payoffs: fewer, heavier tails", 1.01, 1e6);
    horizon_field(f, 1e9);
    f("change_every", change_every, "decisions after which the means change; 0: never", 0, 1e9);
    f("changes", changes, "means after each change, each a list like means; empty: they move on by one agent", -1e6, 1e6);
    f("drift_amplitude", drift_amplitude, "the means swing by this much, one agent after another; 0: not at all", 0, 1e6);
    f("drift_period", drift_period, "decisions of one swing", 1, 1e9);
  }
  void validate() const override {
    KnownAnswerOptions::validate();
    if (means.empty()) throw ConfigError("means: the list is empty; expected one mean per agent");
    if (!changes.empty() && change_every == 0) throw ConfigError("changes: they never come; set change_every");
    if (!noises.empty() && noises.size() != means.size())
      throw ConfigError(
          fmt::format("noises: {} deviations for {} agents; expected one for each, or none", noises.size(), means.size()));
    if (!noises.empty() && payoff == "bernoulli")
      throw ConfigError(
          "noises: payoff = \"bernoulli\" has no deviations; leave them out, or set payoff to \"normal\" or \"student\"");
    for (const auto& row : stretches()) {
      if (row.size() != means.size())
        throw ConfigError(fmt::format("changes: a row has {} means for {} agents", row.size(), means.size()));
      for (const double m : row) check_probability(m);
    }
  }
  void check_probability(double mean) const {
    if (payoff != "bernoulli" || (mean >= drift_amplitude && mean <= 1 - drift_amplitude)) return;
    if (drift_amplitude == 0)
      throw ConfigError(fmt::format("means: {} is no probability; payoff = \"bernoulli\" expects 0 to 1", mean));
    throw ConfigError(fmt::format("means: {} with drift_amplitude = {} leaves 0 to 1; payoff = \"bernoulli\" expects {} to {}",
                                  mean, drift_amplitude, drift_amplitude, 1 - drift_amplitude));
  }
  /// The means of every stretch between changes, in turn; then the first again.
  Vectors stretches() const {
    Vectors out = {means};
    out.insert(out.end(), changes.begin(), changes.end());
    while (changes.empty() && change_every > 0 && out.size() < means.size()) {
      out.push_back(out.back());
      std::rotate(out.back().begin(), out.back().begin() + 1, out.back().end());
    }
    return out;
  }
};

class BanditEnv final : public KnownAnswer {
 public:
  BanditEnv(const BanditEnvOptions& options, const EnvContext& context)
      : KnownAnswer("bandit-v0", counted("arm", (options.validate(), options.means.size())), {"payoff"}, options.horizon,
                    context),
        options_(options),
        stretches_(options.stretches()),
        scale_(options.noises.empty() ? std::vector<double>(options.means.size(), options.noise) : options.noises),
        deviation_(scale_),
        mean_(options.means.size()) {
    if (options.payoff != "student") return;
    const double n = options.degrees;
    for (double& d : deviation_) d = n > 2 ? d * std::sqrt(n / (n - 2)) : std::nan("");
  }

 private:
  Earned play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) override;
  Answer solve() override;
  void find_means(std::int64_t decision, std::span<double> mean) const;
  double student(Rng& rng) const;

  const BanditEnvOptions options_;
  const Vectors stretches_;
  const std::vector<double> scale_;
  std::vector<double> deviation_, mean_;  // of the present decision
};

void BanditEnv::find_means(std::int64_t decision, std::span<double> mean) const {
  const std::int64_t stretch = options_.change_every > 0 ? decision / options_.change_every : 0;
  const auto& now = stretches_[static_cast<std::size_t>(stretch) % stretches_.size()];
  std::copy(now.begin(), now.end(), mean.begin());
  if (options_.drift_amplitude == 0) return;
  const double turn = static_cast<double>(decision) / options_.drift_period;
  for (std::size_t k = 0; k < mean.size(); ++k) {
    const double phase = turn + static_cast<double>(k) / static_cast<double>(mean.size());
    mean[k] += options_.drift_amplitude * std::sin(2 * std::numbers::pi * phase);
  }
}

double BanditEnv::student(Rng& rng) const {
  const double n = options_.degrees, u = 1 - rng.uniform(), v = rng.uniform();
  return std::sqrt(n * std::expm1(-2 / n * std::log(u))) * std::cos(2 * std::numbers::pi * v);
}

KnownAnswer::Earned BanditEnv::play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) {
  find_means(decision, mean_);
  if (options_.payoff == "normal") return pay(slot, w, mean_, deviation_, row);
  Rng& rng = draws(slot);
  for (std::size_t k = 0; k < w.size(); ++k) {
    const double mu = mean_[k];
    if (options_.payoff == "student") {
      row.credit[k] = mu + scale_[k] * student(rng);
    } else {
      row.credit[k] = static_cast<double>(rng.uniform() < mu);
      deviation_[k] = std::sqrt(std::max(mu * (1 - mu), 0.0));
    }
  }
  return earn(w, mean_, deviation_, row.credit, row);
}

Answer BanditEnv::solve() {
  Grid<double> mean(static_cast<std::size_t>(options_.horizon), agents());
  for (std::size_t t = 0; t < mean.rows(); ++t) find_means(static_cast<std::int64_t>(t), mean[t]);
  return linear_answer(mean);
}

REGISTER_ENV("bandit-v0", BanditEnv, BanditEnvOptions,
             "known answer: a bandit with given means, stationary, changing or drifting", "checked against an oracle");

}  // namespace
}  // namespace fader

// Instances that differ in a hidden parameter, seen only through a noisy signal, as an environment. Contract and sums:
// env/known_answer.h.
//
// A reset draws z, one of `types` numbers spread evenly over -1 to 1, with equal chances. Before each decision a signal
// q_t = z + signal_noise e_t is drawn. What agents pay at decision t depends on that decision's own signal, which is shown only
// afterwards: agent k pays
//   in its season       base + slope q      with slope = +tilt for agents 0, 2, 4, ... and -tilt for 1, 3, 5, ...
//   out of its season   base / 2
// plus noise; agents come in pairs (0, 1), (2, 3), ..., and the episode has one season for each pair in turn. So the right
// agent depends on z and on the time. Shown: "signal", q of the decision that is over; at the beginning one of no decision.
//
// Optimum: the best policy among those that see what policies see. Everything that a reward or the credit "payoff" (every
// agent's payoff) tells of z is in q, which is shown right afterwards, so the belief depends on the sum S of the n signals
// seen and on no action: p(z | S) ~ exp((z S - n z^2 / 2) / signal_noise^2). Payoffs being linear in q, the best agent is
// that with the greatest base_k(t) + slope_k(t) E[z | S]; E[z | S] rises in S, so each agent is best on one interval of S,
// whose ends are found by bisection; S is normal given z, and the return is a sum of normal distribution functions: exact, no
// sampling.
//   schedule   no signal may be used, E z = 0: the season's agents earn base
//   fixed      out of season for the rest of the time
// console/regret compares with the best policy on the same instance and signals; luck may make it negative.
// Status: checked against quadrature and Monte Carlo (tests/oracle/hidden_env_test.cc).
#include <algorithm>
#include <numbers>

#include "env/known_answer.h"

namespace fader {
namespace {

struct HiddenEnvOptions final : KnownAnswerOptions {
  std::int64_t agents = 4, types = 2;
  double signal_noise = 1.5, base = 0.5, tilt = 0.5;

  void fields(Fields& f) override {
    reward_field(f);
    f("agents", agents, "how many there are, in pairs", 2, 1000);
    f("types", types, "of instances: values of the hidden parameter, spread over -1 to 1", 2, 100);
    f("signal_noise", signal_noise, "standard deviation of a signal around the hidden parameter", 0.01, 100);
    f("base", base, "mean payoff in season, over all instances", 0, 1e6);
    f("tilt", tilt, "what one unit of the signal adds to the payoff of every second agent in season and takes from the others'",
      0, 1e6);
    horizon_field(f, 1e5);
    noise_field(f, "standard deviation of payoffs, besides that of the signal");
  }
};

double normal_below(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

class HiddenEnv final : public KnownAnswer {
 public:
  HiddenEnv(const HiddenEnvOptions& options, const EnvContext& context)
      : KnownAnswer("hidden-v0", counted("agent", (options.validate(), static_cast<std::size_t>(options.agents))), {"payoff"},
                    options.horizon, context),
        options_(options),
        deviation_(agents(), options.noise),
        instances_(slots()),
        base_(agents()),
        slope_(agents()),
        mean_(agents()) {
    const auto m = static_cast<std::size_t>(options.types);
    for (std::size_t i = 0; i < m; ++i) types_.push_back(-1 + 2 * static_cast<double>(i) / static_cast<double>(m - 1));
    show("signal");
  }

 private:
  struct Instance {
    std::uint64_t type = 0;
    double signal = 0, sum = 0;  // the signal shown last, and of all shown
  };

  void begin(std::size_t slot) override;
  Earned play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) override;
  void observe(std::size_t slot, std::int64_t, std::span<double> shown) const override { shown[0] = instances_[slot].signal; }
  void more_state(Archive& archive, std::size_t slot) override;
  Answer solve() override;

  void find_payoffs(std::int64_t decision);
  double signal(std::size_t slot) { return types_[instances_[slot].type] + options_.signal_noise * draws(slot).normal(); }
  /// E[z | n signals with that sum].
  double belief(double sum, double n) const;
  double sum_of_belief(double belief, double n) const;
  double best_expected(double n) const;
  std::size_t best_agent(double belief) const;

  const HiddenEnvOptions options_;
  const std::vector<double> deviation_;
  std::vector<double> types_;
  std::vector<Instance> instances_;          // [slot]
  std::vector<double> base_, slope_, mean_;  // [K] of the present decision
};

void HiddenEnv::begin(std::size_t slot) {
  Instance& now = instances_[slot];
  now.type = draws(slot).below(types_.size());
  now.sum = now.signal = signal(slot);
}

void HiddenEnv::find_payoffs(std::int64_t decision) {
  const std::int64_t pairs = (options_.agents + 1) / 2, season = decision * pairs / options_.horizon;
  for (std::size_t k = 0; k < agents(); ++k) {
    const bool in_season = static_cast<std::int64_t>(k / 2) == season;
    base_[k] = in_season ? options_.base : options_.base / 2;
    slope_[k] = in_season ? (k % 2 == 0 ? options_.tilt : -options_.tilt) : 0;
  }
}

double HiddenEnv::belief(double sum, double n) const {
  const double variance = options_.signal_noise * options_.signal_noise;
  if (types_.size() == 2) return std::tanh(sum / variance);
  const auto exponent = [&](double z) { return (z * sum - 0.5 * n * z * z) / variance; };
  double largest = exponent(types_[0]), weight = 0, mean = 0;  // taken off, so that none overflows and one is left
  for (const double z : types_) largest = std::max(largest, exponent(z));
  for (const double z : types_) {
    const double share = std::exp(exponent(z) - largest);
    weight += share;
    mean += share * z;
  }
  return mean / weight;
}

std::size_t HiddenEnv::best_agent(double belief) const {
  std::size_t best = 0;
  for (std::size_t k = 1; k < base_.size(); ++k)
    if (base_[k] + slope_[k] * belief > base_[best] + slope_[best] * belief) best = k;
  return best;
}

KnownAnswer::Earned HiddenEnv::play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) {
  find_payoffs(decision);
  Instance& now = instances_[slot];
  const double z = types_[now.type], q = signal(slot);
  for (std::size_t k = 0; k < w.size(); ++k) mean_[k] = base_[k] + slope_[k] * q;
  Earned earned = pay(slot, w, mean_, deviation_, row);
  double slope = 0;
  for (std::size_t k = 0; k < w.size(); ++k) slope += w[k] * slope_[k];
  earned.expected -= slope * (q - z);
  earned.se = std::hypot(earned.se, slope * options_.signal_noise);
  const std::size_t best = best_agent(belief(now.sum, static_cast<double>(decision + 1)));
  earned.best = base_[best] + slope_[best] * z;
  for (std::size_t k = 0; k < w.size(); ++k) row.credit_se[k] = std::hypot(deviation_[k], slope_[k] * options_.signal_noise);
  now.signal = q;
  now.sum += q;
  return earned;
}

void HiddenEnv::more_state(Archive& archive, std::size_t slot) {
  Instance& now = instances_[slot];
  archive.field("type", now.type);
  archive.field("signal", now.signal);
  archive.field("sum", now.sum);
  archive.expect(now.type < types_.size() && std::isfinite(now.signal) && std::isfinite(now.sum),
                 "an instance of this environment");
}

// The sum of n signals at which the belief is reached; beliefs outside -1 to 1 are never reached.
double HiddenEnv::sum_of_belief(double wanted, double n) const {
  double low = -1, high = 1;
  while (belief(low, n) > wanted && low > -1e12) low *= 2;
  while (belief(high, n) < wanted && high < 1e12) high *= 2;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    (belief(middle, n) < wanted ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

// What the best policy earns by the present decision after n signals: walks along the beliefs from one agent to the next that
// is better.
double HiddenEnv::best_expected(double n) const {
  double total = 0, from = -std::numeric_limits<double>::infinity(), at = -1;
  const auto chance = [&](double sum, double z) { return normal_below((sum - n * z) / (options_.signal_noise * std::sqrt(n))); };
  std::size_t agent = best_agent(at);
  for (;;) {
    std::size_t next = agent;
    double change = 1;
    for (std::size_t k = 0; k < base_.size(); ++k) {
      if (slope_[k] <= slope_[agent]) continue;
      const double overtakes = std::max(at, (base_[agent] - base_[k]) / (slope_[k] - slope_[agent]));
      if (overtakes < change || (overtakes == change && next != agent && slope_[k] > slope_[next])) {
        change = overtakes;
        next = k;
      }
    }
    const bool last = next == agent || change >= 1;
    const double to = last ? std::numeric_limits<double>::infinity() : sum_of_belief(change, n);
    for (const double z : types_)
      total += (base_[agent] + slope_[agent] * z) * (chance(to, z) - chance(from, z)) / static_cast<double>(types_.size());
    if (last) return total;
    agent = next;
    at = change;
    from = to;
  }
}

Answer HiddenEnv::solve() {
  Grid<double> blind(static_cast<std::size_t>(options_.horizon), agents());
  double best = 0;
  for (std::size_t t = 0; t < blind.rows(); ++t) {
    find_payoffs(static_cast<std::int64_t>(t));
    std::ranges::copy(base_, blind[t].begin());
    best += best_expected(static_cast<double>(t + 1));
  }
  Answer answer = linear_answer(blind);
  answer.optimum = best;
  return answer;
}

REGISTER_ENV("hidden-v0", HiddenEnv, HiddenEnvOptions,
             "known answer: a hidden parameter shows in noisy signals, adapting beats schedules", "checked against an oracle");

}  // namespace
}  // namespace fader

// Agents whose picks overlap, one of them a duplicate, as an environment. Contract and sums: env/known_answer.h.
//
// Behind K agents stand fewer sources. Row k of `matrix` says which shares of agent k's picks come from each source; weights
// w draw x = matrix' w from the sources. Picks of one source overlap: x_m of them earn (mu_m + noise e_m) (x_m - overlap
// x_m^2 / 2). The noise is the sources', so that duplicates are credited alike to the last bit. By default agent_1 is agent_0
// again and agent_2 nearly so: agents' effects cannot be told apart by regression, and weight moved between duplicates
// changes nothing.
// Credits: "payoff", what agent k's picks earn on average, sum_m matrix_km (mu_m + noise e_m) (1 - overlap x_m / 2), whose
// weighted sum is the reward; "marginal", what a further pick would add, with overlap x_m in place of half of it.
//
// A decision's expected reward is concave in w (mu, overlap >= 0) and decisions are alike, so the best fixed mix is the best
// schedule and the optimum: found to a gap of 1e-10 a decision, certified by convexity (env/convex.h). Status: checked
// against a grid of mixes (tests/oracle/collinear_env_test.cc).
#include <algorithm>
#include <numeric>

#include "env/convex.h"
#include "env/known_answer.h"

namespace fader {
namespace {

struct CollinearEnvOptions final : KnownAnswerOptions {
  Vectors matrix = {{0.7, 0.2, 0.1}, {0.7, 0.2, 0.1}, {0.68, 0.21, 0.11}, {0.1, 0.8, 0.1}, {0, 0.1, 0.9}};
  std::vector<double> means = {0.9, 0.7, 0.2};
  double overlap = 0.8;

  void fields(Fields& f) override {
    reward_field(f);
    f("matrix", matrix, "one row an agent: shares of its picks that come from each source", 0, 1);
    f("means", means, "what the first pick of each source is worth", 0, 1e6);
    f("overlap", overlap, "share of its worth that a source has lost when all picks come from it; 0: rewards are linear", 0, 1);
    horizon_field(f, 1e6);
    noise_field(f, "standard deviation of a source's worth");
  }
  void validate() const override {
    KnownAnswerOptions::validate();
    if (matrix.empty() || means.empty()) throw ConfigError("matrix, means: expected at least one agent and one source");
    for (const auto& row : matrix) {
      if (row.size() != means.size())
        throw ConfigError(
            fmt::format("matrix: a row has {} numbers for {} sources; expected one for each of means", row.size(), means.size()));
      if (const double sum = std::accumulate(row.begin(), row.end(), 0.0); std::abs(sum - 1) > 1e-9)
        throw ConfigError(fmt::format("matrix: a row sums to {}; expected shares that sum to 1", sum));
    }
  }
};

class CollinearEnv final : public KnownAnswer {
 public:
  CollinearEnv(const CollinearEnvOptions& options, const EnvContext& context)
      : KnownAnswer("collinear-v0", counted("agent", (options.validate(), options.matrix.size())), {"payoff", "marginal"},
                    options.horizon, context),
        options_(options),
        drawn_(options.means.size()),
        worth_(options.means.size()) {}

 private:
  Earned play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) override;
  Answer solve() override;
  /// What x_m picks of a source of worth 1 earn.
  double earned(double x) const { return x * (1 - 0.5 * options_.overlap * x); }
  void draw_sources(std::span<const double> w, std::span<double> x) const {
    std::ranges::fill(x, 0.0);
    for (std::size_t k = 0; k < w.size(); ++k)
      for (std::size_t m = 0; m < x.size(); ++m) x[m] += w[k] * options_.matrix[k][m];
  }

  const CollinearEnvOptions options_;
  std::vector<double> drawn_, worth_;  // of the sources, at the present decision
};

KnownAnswer::Earned CollinearEnv::play(std::size_t slot, std::int64_t, std::span<const double> w, const Row& row) {
  Earned out;
  draw_sources(w, drawn_);
  double variance = 0;
  for (std::size_t m = 0; m < drawn_.size(); ++m) {
    worth_[m] = options_.means[m] + options_.noise * draws(slot).normal();
    const double amount = earned(drawn_[m]);
    out.reward += worth_[m] * amount;
    out.expected += options_.means[m] * amount;
    variance += amount * amount * options_.noise * options_.noise;
  }
  out.se = std::sqrt(variance);
  out.best = solved().fixed / static_cast<double>(spec().horizon);
  const std::size_t n = agents();
  for (std::size_t k = 0; k < n; ++k) {
    double average = 0, marginal = 0, average_square = 0, marginal_square = 0;
    for (std::size_t m = 0; m < drawn_.size(); ++m) {
      const double lost = options_.overlap * drawn_[m], a = options_.matrix[k][m] * (1 - 0.5 * lost),
                   b = options_.matrix[k][m] * (1 - lost);
      average += a * worth_[m];
      marginal += b * worth_[m];
      average_square += a * a;
      marginal_square += b * b;
    }
    row.credit[k] = average;
    row.credit[n + k] = marginal;
    row.credit_se[k] = options_.noise * std::sqrt(average_square);
    row.credit_se[n + k] = options_.noise * std::sqrt(marginal_square);
  }
  return out;
}

Answer CollinearEnv::solve() {
  const std::size_t n = agents();
  const auto horizon = static_cast<double>(spec().horizon);
  const Convex lost = [&](std::span<const double> x, std::span<double> gradient) {  // minus what x earns
    double total = 0;
    for (std::size_t m = 0; m < x.size(); ++m) {
      total -= options_.means[m] * earned(x[m]);
      gradient[m] = -options_.means[m] * (1 - options_.overlap * x[m]);
    }
    return total;
  };
  Grid<double> points(n, options_.means.size());
  for (std::size_t k = 0; k < n; ++k) std::ranges::copy(options_.matrix[k], points[k].begin());
  const double largest = std::max(1.0, std::ranges::max(options_.means));
  const std::vector<double> uniform(n, 1.0 / static_cast<double>(n));
  const HullMinimum best = least_in_hull(lost, points, uniform, 1e-10 * largest);
  Answer out;
  out.optimum = out.schedule = out.fixed = -horizon * best.value;
  out.fixed_weights = best.share;
  out.schedule_weights.resize(static_cast<std::size_t>(spec().horizon), n);
  for (std::size_t t = 0; t < out.schedule_weights.rows(); ++t) std::ranges::copy(best.share, out.schedule_weights[t].begin());
  std::vector<double> x(options_.means.size()), gradient(x.size());
  draw_sources(uniform, x);
  out.uniform = -horizon * lost(x, gradient);
  return out;
}

REGISTER_ENV("collinear-v0", CollinearEnv, CollinearEnvOptions,
             "known answer: agents' picks overlap, one agent duplicates another", "checked against an oracle");

}  // namespace
}  // namespace fader

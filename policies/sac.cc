// Soft actor-critic on the simplex: seeks reward and entropy, the lesser of two critics, everything learned from a buffer.
//
//   w = floor(a), a = softmax([u, 0]), u = m(s) + sigma(s) e, e ~ N(0, 1);   log pi: the density of a on the simplex
//   y = r + gamma (min_j Q_j'(s', w') - alpha log pi(a'|s'));   critics: minimise (Q_j(s, w) - y)^2
//   actor: minimise alpha log pi(a|s) - min_j Q_j(s, w), through u;   temperature: minimise - log alpha (log pi + target)
//   target = -lgamma(K) - delta (K - 1): the entropy of the even density on the simplex, the greatest there is, less delta a free weight
//
// (A target of minus the number of weights, as is usual for actions in [-1, 1]^n, can be above the greatest entropy here and would raise
// the temperature without bound: -22 against -45 for K = 22.)
// Haarnoja et al. (2018), arXiv 1812.05905, algorithm 1. The console of HDS (arXiv 2606.24133) is of this kind: gamma = 0.95,
// tau = 0.001, capacity = 10000, batch = 32, learning_rate = 1e-4, warm_up = 834; its networks and its vector of rewards are not reproduced.
// Status: checked against known optima and differences (tests/oracle/sac_test.cc).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "policies/off_policy.h"

namespace fader {
namespace {

constexpr double kLeastLogSigma = -5, kGreatestLogSigma = 2, kGreatestLogAlpha = 10;

struct SacOptions final : OffPolicyOptions {
  double delta = 3, alpha = 0.1, alpha_rate = 3e-3;
  void fields(Fields& f) override {
    OffPolicyOptions::fields(f);
    f("delta", delta, "nats, for each of K - 1 free weights, that the entropy is kept below that of even draws", 0, 20);
    f("alpha", alpha, "weight of the entropy at first", 1e-4, 1e4);
    f("alpha_rate", alpha_rate, "learning rate of its logarithm; 0: it stays", 0, 1);
  }
};

class Sac final : public OffPolicy {
 public:
  Sac(const SacOptions& options, const PolicyContext& context)
      : OffPolicy(options, context, 2, 2, {"entropy", "temperature", "critic_loss", "q"}),
        target_entropy_(simplex::greatest_entropy(agents()) - options.delta * static_cast<double>(free())),
        log_alpha_{static_cast<float>(std::log(options.alpha))},
        alpha_optimiser_({"adam", options.alpha_rate}, 1) {}

 protected:
  void distribution(std::span<const float> f, std::span<double> mean, std::span<double> log_sigma) const override {
    std::ranges::transform(f.first(free()), mean.begin(), reach);
    std::ranges::transform(f.last(free()), log_sigma.begin(),
                           [](float s) { return std::clamp(static_cast<double>(s), kLeastLogSigma, kGreatestLogSigma); });
  }

  void update(Rng& rng) override {
    const std::size_t n = batch_.size();
    const double alpha = std::exp(static_cast<double>(log_alpha_[0]));
    draw(batch_.after, rng);
    std::vector<double> next = least(true, std::as_const(batch_.after).view(), std::as_const(drawn_.weights).view());
    for (std::size_t i = 0; i < n; ++i) next[i] -= alpha * drawn_.log_density[i];
    report_[2] = fit_critics(backed_up(next));

    draw(batch_.x, rng);
    Grid<float> by_weights, by_f(n, 2 * free());
    report_[3] = critic_slope(true, std::as_const(drawn_.weights).view(), by_weights);
    for (std::size_t i = 0; i < n; ++i) slope(i, alpha / static_cast<double>(n), by_weights[i], by_f[i]);
    step_actor(std::as_const(by_f).view());
    report_[0] = -std::accumulate(drawn_.log_density.begin(), drawn_.log_density.end(), 0.0) / static_cast<double>(n);
    std::vector<float> by_log_alpha = {static_cast<float>(report_[0] - target_entropy_)};
    if (free() > 0) alpha_optimiser_.step(log_alpha_, by_log_alpha);
    log_alpha_[0] = std::clamp(log_alpha_[0], static_cast<float>(-kGreatestLogAlpha), static_cast<float>(kGreatestLogAlpha));
    report_[1] = std::exp(static_cast<double>(log_alpha_[0]));
    follow_critics();
  }

  void own_state(Archive& archive) override {
    archive.field("log_alpha", std::span(log_alpha_));
    archive.expect(std::abs(log_alpha_[0]) <= static_cast<float>(kGreatestLogAlpha), "the logarithm of a temperature");
    archive.field("alpha_optimiser", alpha_optimiser_);
  }

 private:
  /// Fresh actions at x: drawn_.
  void draw(const Grid<float>& x, Rng& rng) {
    const Table<const float> f = actor_.forward(actor_theta_, x.view());
    drawn_.f.assign(f.data, f.data + f.rows * f.cols);
    for (Grid<double>* grid : {&drawn_.mean, &drawn_.log_sigma, &drawn_.u}) grid->resize(f.rows, free());
    drawn_.weights.resize(f.rows, agents());
    drawn_.log_density.resize(f.rows);
    for (std::size_t i = 0; i < f.rows; ++i) {
      distribution(f[i], drawn_.mean[i], drawn_.log_sigma[i]);
      const simplex::logistic_normal::Parameters p = {drawn_.mean[i], drawn_.log_sigma[i]};
      simplex::logistic_normal::sample(p, rng, drawn_.u[i]);
      drawn_.log_density[i] = simplex::logistic_normal::log_density(p, drawn_.u[i]);
    }
    weights_of(std::as_const(drawn_.u).view(), drawn_.weights.view());
  }

  /// By the actor's numbers of row i: the gradient of alpha log pi - Q, e held fixed. With it, log pi = - sum_k ln a_k - sum log_sigma +
  /// what does not depend on them, and d(- sum_i ln a_i) / d u_k = K a_k - 1.
  void slope(std::size_t i, double alpha, std::span<const float> by_weights, std::span<float> by_f) const {
    std::vector<double> by_u(free()), a(agents());
    weights_slope(drawn_.u[i], by_weights, by_u);
    simplex::squash(drawn_.u[i], a);
    for (std::size_t k = 0; k < free(); ++k) {
      const double by = alpha * (static_cast<double>(agents()) * a[k] - 1) - by_u[k];
      const auto raw = static_cast<double>(drawn_.f[i * 2 * free() + free() + k]);
      const bool cut = raw < kLeastLogSigma || raw > kGreatestLogSigma;
      by_f[k] = static_cast<float>(by * reach_slope(drawn_.mean[i][k]));
      by_f[free() + k] = cut ? 0 : static_cast<float>(by * (drawn_.u[i][k] - drawn_.mean[i][k]) - alpha);
    }
  }

  struct Drawn {
    std::vector<float> f;
    Grid<double> mean, log_sigma, u;
    Grid<float> weights;
    std::vector<double> log_density;
  };
  const double target_entropy_;
  std::vector<float> log_alpha_;  // [1]
  Optimiser alpha_optimiser_;
  Drawn drawn_;
};

REGISTER_POLICY("sac", Sac, SacOptions, "soft actor-critic over the whole simplex; learns across episodes", "checked against an oracle");

}  // namespace
}  // namespace fader

// Deep deterministic policy gradient: a critic learns what weights earn, the actor climbs it.
//
//   y = r + gamma Q'(s', mu'(s'));   critic: minimise (Q(s, w) - y)^2;   actor: maximise Q(s, mu(s))
//   targets <- tau theta + (1 - tau) target
//   plays softmax([u, 0]), floored, u = mu(s) + noise N(0, 1), now and then an even draw; all noise is on the logits
//
// Lillicrap et al. (2016), arXiv 1509.02971, algorithm 1, with independent noise as in Fujimoto et al. (2018). The console of AC-ODM
// (arXiv 2505.23878) is of this kind: gamma = 0.95, tau = 0.001, capacity = 10000, batch = 32, warm_up = 834; its vector of rewards, its
// networks of six layers and its warm-up by another rule are not reproduced. One critic is fooled by its own optimism; see td3.
// Status: checked against known optima (tests/oracle/ddpg_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/off_policy.h"

namespace fader {
namespace {

struct DdpgOptions final : OffPolicyOptions {
  double noise = 0.5;
  DdpgOptions() { even = 0.1; }
  void fields(Fields& f) override {
    OffPolicyOptions::fields(f);
    f("noise", noise, "deviation of what is added to the logits to explore", 0.001, 10);
  }
};

class Ddpg final : public OffPolicy {
 public:
  Ddpg(const DdpgOptions& options, const PolicyContext& context)
      : OffPolicy(options, context, 1, 1, {"critic_loss", "q"}), noise_(options.noise), target_(actor_theta_) {}

 protected:
  void distribution(std::span<const float> f, std::span<double> mean, std::span<double> log_sigma) const override {
    std::ranges::transform(f, mean.begin(), reach);
    std::ranges::fill(log_sigma, std::log(noise_));
  }

  void update(Rng&) override {
    Grid<float> weights(batch_.size(), agents());
    weights_of(logits(target_, batch_.after).view(), weights.view());
    report_[0] = fit_critics(backed_up(least(true, std::as_const(batch_.after).view(), std::as_const(weights).view())));

    report_[1] = climb();
    follow(target_, actor_theta_);
    follow_critics();
  }

  void own_state(Archive& archive) override { parameters_state(archive, "target", target_); }

 private:
  const double noise_;
  std::vector<float> target_;
};

REGISTER_POLICY("ddpg", Ddpg, DdpgOptions, "deep deterministic policy gradient over the whole simplex; learns across episodes",
                "checked against an oracle");

}  // namespace
}  // namespace fader

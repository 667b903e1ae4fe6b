// Twin delayed deterministic policy gradient: ddpg with the lesser of two critics, blurred targets, and an actor that waits.
//
//   u~ = mu'(s') + clip(N(0, target_noise^2), +-target_clip);   y = r + gamma min(Q1', Q2')(s', w(u~))
//   critics: minimise (Q_j(s, w) - y)^2;   every `delay` updates: actor: maximise Q1(s, mu(s)); targets <- tau theta + (1 - tau) target
//   plays w(u) = softmax([u, 0]), floored, u = mu(s) + noise N(0, 1), now and then an even draw; all noise is on the logits
//
// Fujimoto, van Hoof and Meger (2018), arXiv 1802.09477, algorithm 1.
// Status: checked against known optima (tests/oracle/td3_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/off_policy.h"

namespace fader {
namespace {

struct Td3Options final : OffPolicyOptions {
  double noise = 0.5, target_noise = 0.2, target_clip = 0.5;
  std::int64_t delay = 2;
  Td3Options() { even = 0.1; }
  void fields(Fields& f) override {
    OffPolicyOptions::fields(f);
    f("noise", noise, "deviation of what is added to the logits to explore", 0.001, 10);
    f("target_noise", target_noise, "deviation of what is added to the target's logits", 0, 10);
    f("target_clip", target_clip, "greatest size of that", 0, 10);
    f("delay", delay, "updates of the critics for one of the actor and the targets", 1, 1000);
  }
};

class Td3 final : public OffPolicy {
 public:
  Td3(const Td3Options& options, const PolicyContext& context)
      : OffPolicy(options, context, 2, 1, {"critic_loss", "q"}), own_(options), target_(actor_theta_) {}

 protected:
  void distribution(std::span<const float> f, std::span<double> mean, std::span<double> log_sigma) const override {
    std::ranges::transform(f, mean.begin(), reach);
    std::ranges::fill(log_sigma, std::log(own_.noise));
  }

  void update(Rng& rng) override {
    Grid<double> u = logits(target_, batch_.after);
    for (double& x : u.view().flat()) x += std::clamp(own_.target_noise * rng.normal(), -own_.target_clip, own_.target_clip);
    Grid<float> weights(batch_.size(), agents());
    weights_of(u.view(), weights.view());
    report_[0] = fit_critics(backed_up(least(true, std::as_const(batch_.after).view(), std::as_const(weights).view())));
    if (++updates_ % own_.delay != 0) return;

    report_[1] = climb();
    follow(target_, actor_theta_);
    follow_critics();
  }

  void own_state(Archive& archive) override {
    parameters_state(archive, "target", target_);
    archive.field("updates", updates_);
    archive.expect(updates_ >= 0, "a number of updates");
  }

 private:
  const Td3Options own_;
  std::vector<float> target_;
  std::int64_t updates_ = 0;
};

REGISTER_POLICY("td3", Td3, Td3Options, "twin delayed deterministic policy gradient over the whole simplex; learns across episodes",
                "checked against an oracle");

}  // namespace
}  // namespace fader

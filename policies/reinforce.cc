// REINFORCE: makes what was followed by a greater return than the baseline more probable.
//
//   G_t = sum_{k>=t} gamma^(k-t) r_k
//   ascend  mean over decisions of (G_t - b_t) grad log pi(a_t|s_t) + entropy grad H(pi)
//
//   baseline = "none"            b_t = 0
//   baseline = "value"           b_t = V(s_t), a critic fitted to G_t
//   baseline = "leave_one_out"   b_t = mean of G_t over the other episodes of the update that got so far
//
// An update is made of whole episodes: of `episodes` or more, as soon as none is under way. Where an observer stopped looking
// (truncated), the critic says what was still to come; without a critic nothing does.
// Williams (1992), Machine Learning 8, section 4; leaving one out: Kool, van Hoof and Welling (2019), ICLR workshop "Buy 4 REINFORCE
// samples, get a baseline for free".
// Status: checked against exact gradients and known optima (tests/oracle/reinforce_test.cc).
#include <algorithm>

#include "policies/on_policy.h"

namespace fader {
namespace {

struct ReinforceOptions final : ActorCriticOptions {
  std::int64_t episodes = 8;
  std::string baseline = "value";
  double gamma = 1;
  ReinforceOptions() { learning_rate = 3e-3; }
  void fields(Fields& f) override {
    ActorCriticOptions::fields(f);
    f("episodes", episodes, "that an update learns from, over all slots; at least so many", 1, 1e6);
    f("baseline", baseline, "what returns are compared with").one_of({"none", "value", "leave_one_out"});
    f("gamma", gamma, "discount of the reward of the next decision; 1 where an episode's sum counts", 0, 1);
  }
  void validate() const override {
    ActorCriticOptions::validate();
    if (baseline == "leave_one_out" && episodes < 2)
      throw ConfigError(fmt::format("baseline is 'leave_one_out' and episodes is {}: there is no other episode to compare with; set episodes "
                                    "to 2 or more",
                                    episodes));
  }
};

class Reinforce final : public OnPolicy {
 public:
  Reinforce(const ReinforceOptions& options, const PolicyContext& context)
      : OnPolicy(options, context, options.baseline == "value"), options_(options) {}

 protected:
  bool due(std::size_t, std::size_t ended, std::size_t open) const override {
    return open == 0 && ended >= static_cast<std::size_t>(options_.episodes);
  }

  void update(Rollout& rollout, Rng&) override {
    advantages(rollout, options_.gamma, 1);  // G_t - V(s_t), V = 0 without a critic
    if (options_.baseline == "leave_one_out") leave_one_out(rollout);
    step(rollout, [](std::size_t, double log_density, double advantage) -> ActorCritic::Surrogate {
      return {-log_density * advantage, -advantage};
    });
  }

 private:
  static void leave_one_out(Rollout& rollout) {
    std::vector<double> sum, count;  // of the returns from every step on
    for (std::size_t row = 0; row < rollout.rows(); ++row) {
      const std::size_t t = rollout.step(row);
      if (t >= sum.size()) sum.resize(t + 1), count.resize(t + 1);
      sum[t] += rollout.target[row];
      ++count[t];
    }
    for (std::size_t row = 0; row < rollout.rows(); ++row) {
      const std::size_t t = rollout.step(row);
      const double own = rollout.target[row];  // alone so late: compared with itself, it teaches nothing
      rollout.advantage[row] = count[t] > 1 ? own - (sum[t] - own) / (count[t] - 1) : 0;
    }
  }

  const ReinforceOptions options_;
};

REGISTER_POLICY("reinforce", Reinforce, ReinforceOptions,
                "policy gradient by returns, over presets or the whole simplex; learns across episodes", "checked against an oracle");

}  // namespace
}  // namespace fader

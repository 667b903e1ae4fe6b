#include "policies/bandit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "policies/simplex.h"

namespace fader {

Bandit::Bandit(const BanditOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics) {
  spec_.presets = make_presets(options, context);
  spec_.arms = spec_.presets.size();
  spec_.diagnostics = std::move(diagnostics);
  spec_.learns = true;
  spec_.deterministic = spec_.arms == 1;
  spec_.reward = options.reward;
  spec_.scaler = options.scaler;
  probability_.resize(spec_.arms);
}

void Bandit::decide(const Observations& observations, Streams streams, Decisions& out) {
  probabilities(probability_);  // what is learned is shared: one row serves every slot
  const auto certain = std::find(probability_.begin(), probability_.end(), 1.0);
  for (std::size_t i = 0; i < observations.slots.size(); ++i) {
    const std::size_t arm = certain != probability_.end() ? static_cast<std::size_t>(certain - probability_.begin())
                                                          : streams[i].choice(probability_);
    std::copy(spec_.presets[arm].begin(), spec_.presets[arm].end(), out.weights[i].begin());
    std::copy(probability_.begin(), probability_.end(), out.probability[i].begin());
    out.arm[i] = static_cast<std::int64_t>(arm);
    out.log_density[i] = std::log(probability_[arm]);
    diagnose(arm, out.diagnostics[i]);
  }
}

void Bandit::learn(const Transitions& transitions, Rng&) {
  const auto& arm = transitions.decided.arm;
  FADER_CHECK_EQ(transitions.reward.size(), transitions.before.slots.size());
  FADER_CHECK(arm.size() >= transitions.reward.size());
  for (std::size_t i = 0; i < transitions.reward.size(); ++i) {
    FADER_CHECK(arm[i] >= 0 && static_cast<std::size_t>(arm[i]) < spec_.arms, "arm {} of {}", arm[i], spec_.arms);
    if (!std::isfinite(transitions.reward[i]))
      throw RunError(fmt::format("the reward of slot {} is {}; a policy learns from finite numbers only; "
                                 "look at the losses and events of this interval, or learn from another reward than {}",
                                 transitions.before.slots[i], transitions.reward[i],
                                 spec_.reward.empty() ? "env.reward" : "'" + spec_.reward + "'"));
  }
  update(std::span(arm).first(transitions.reward.size()), transitions.reward);
}

ArmIndex::ArmIndex(std::size_t arms) : mean(arms, 0.0), bonus(arms, 0.0), pulls(arms, 0.0) {}

std::vector<std::string> ArmIndex::diagnostics() { return {"index", "mean", "bonus", "pulls", "pulls_entropy"}; }

void ArmIndex::diagnose(std::size_t arm, std::span<double> out) const {
  const double nan = std::nan("");
  const bool played = pulls[arm] > 0;
  out[0] = played ? mean[arm] + bonus[arm] : nan;
  out[1] = played ? mean[arm] : nan;
  out[2] = played ? bonus[arm] : nan;
  out[3] = pulls[arm];
  // Entropy of the shares p / n without a copy: ln n - sum p ln p / n.
  double n = 0, sum = 0;
  for (const double p : pulls)
    if (p > 0) n += p, sum += p * std::log(p);
  out[4] = n > 0 ? std::log(n) - sum / n : nan;
}

void ArmIndex::probabilities(std::span<double> out) const {
  const double infinity = std::numeric_limits<double>::infinity();
  double best = -infinity;
  std::size_t ties = 0;
  for (std::size_t a = 0; a < out.size(); ++a) {
    out[a] = pulls[a] > 0 ? mean[a] + bonus[a] : infinity;
    if (out[a] > best) best = out[a], ties = 0;
    ties += out[a] == best;
  }
  for (double& p : out) p = p == best ? 1.0 / static_cast<double>(ties) : 0.0;
}

}  // namespace fader

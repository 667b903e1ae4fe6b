#include "policies/bandit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "policies/simplex.h"

namespace fader {

Bandit::Bandit(const BanditOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics)
    : mixture_(options.play == "mixture"), from_credit_(options.feedback == "credit") {
  spec_.presets = make_presets(options, context);
  spec_.arms = spec_.presets.size();
  spec_.diagnostics = std::move(diagnostics);
  spec_.learns = true;
  spec_.deterministic = spec_.arms == 1 || mixture_;
  spec_.reward = options.reward;
  spec_.scaler = options.scaler;
  if (from_credit_) {
    spec_.credit = options.credits.credit;
    spec_.credit_scaler = options.credits.credit_scaler;
  }
  probability_.resize(spec_.arms);
  credit_.resize(context.agents.size());
}

Bandit::Bandit(const ContextualOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics)
    : Bandit(static_cast<const BanditOptions&>(options), context, std::move(diagnostics)) {
  features_.emplace(options.features, context);
  seen_.resize(static_cast<std::size_t>(context.slots), features_->size() + 1, 1.0);
}

void Bandit::begin(Slots slots, Streams) {
  if (features_) features_->begin(slots);
}

void Bandit::state(Archive& archive) {
  if (features_ && whole_) archive.field("features", *features_);
}

void Bandit::decide(const Observations& observations, Streams streams, Decisions& out) {
  for (std::size_t i = 0; i < observations.slots.size(); ++i) {
    std::span<const double> x = observations.x[i];
    if (features_) {
      features_->see(observations.slots[i], x, seen_[i].first(features_->size()));
      x = seen_[i];
    }
    if (const auto arm = mixture_ ? std::nullopt : sample(x, streams[i])) {
      std::ranges::fill(out.probability[i], std::nan(""));
      play_arm(i, *arm, std::nan(""), out);
      continue;
    }
    if (i == 0 || contextual()) {
      probabilities(x, probability_);
      if (!exploring_ && !mixture_) greedy(probability_, probability_);
    }
    play(i, streams[i], out);
  }
}

void Bandit::play(std::size_t i, Rng& stream, Decisions& out) {
  std::copy(probability_.begin(), probability_.end(), out.probability[i].begin());
  if (mixture_) return mix(i, out);
  const auto certain = std::find(probability_.begin(), probability_.end(), 1.0);
  const std::size_t arm =
      certain != probability_.end() ? static_cast<std::size_t>(certain - probability_.begin()) : stream.choice(probability_);
  play_arm(i, arm, probability_[arm], out);
}

void Bandit::mix(std::size_t i, Decisions& out) {
  const std::span<double> weights = out.weights[i];
  std::fill(weights.begin(), weights.end(), 0.0);
  for (std::size_t a = 0; a < arms(); ++a)
    for (std::size_t k = 0; k < weights.size(); ++k) weights[k] += probability_[a] * spec_.presets[a][k];
  out.arm[i] = -1;
  out.log_density[i] = 0;  // it could not have been another
  const auto likeliest = std::max_element(probability_.begin(), probability_.end());
  diagnose(static_cast<std::size_t>(likeliest - probability_.begin()), out.diagnostics[i]);
}

void Bandit::play_arm(std::size_t i, std::size_t arm, double probability, Decisions& out) {
  std::copy(spec_.presets[arm].begin(), spec_.presets[arm].end(), out.weights[i].begin());
  out.arm[i] = static_cast<std::int64_t>(arm);
  out.log_density[i] = std::log(probability);
  diagnose(arm, out.diagnostics[i]);
}

void Bandit::learn(const Transitions& transitions, Rng& rng) {
  const std::size_t n = transitions.before.slots.size();
  FADER_CHECK_EQ(transitions.reward.size(), n);
  FADER_CHECK(transitions.decided.arm.size() >= n);
  pulls_.clear();
  for (std::size_t i = 0; i < n; ++i) {
    require_finite(transitions, i, spec_);
    hear(i, transitions);
  }
  prepare(pulls_, rng);
  update(pulls_);
}

void Bandit::hear(std::size_t i, const Transitions& transitions) {
  std::span<const double> x = transitions.before.x[i];
  if (features_) {
    features_->last(transitions.before.slots[i], seen_[i].first(features_->size()));
    x = seen_[i];
  }
  const std::span<const double> played = transitions.decided.probability[i];
  if (!from_credit_) {
    const std::int64_t arm = transitions.decided.arm[i];
    FADER_CHECK(arm >= 0 && static_cast<std::size_t>(arm) < spec_.arms, "arm {} of {}", arm, spec_.arms);
    const auto a = static_cast<std::size_t>(arm);
    FADER_CHECK(!(played[a] <= 0 || played[a] > 1 + 1e-9), "arm {} was drawn with probability {}", arm, played[a]);
    pulls_.push_back({a, transitions.reward[i], played[a], played[a], x});
    return;
  }
  if (!complete_credit(transitions.credit[i], credit_)) return;
  for (std::size_t a = 0; a < spec_.arms; ++a)
    pulls_.push_back({a, std::inner_product(credit_.begin(), credit_.end(), spec_.presets[a].begin(), 0.0), 1.0, played[a], x});
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
  out[4] = pulls_entropy(pulls);
}

void ArmIndex::probabilities(std::span<double> out, bool exploring) const {
  const double unplayed = exploring ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  for (std::size_t a = 0; a < out.size(); ++a) out[a] = pulls[a] > 0 ? mean[a] + (exploring ? bonus[a] : 0) : unplayed;
  greedy(out, out);
}

double pulls_entropy(std::span<const double> pulls) {
  double n = 0, sum = 0;  // of the shares p / n without a copy: ln n - sum p ln p / n
  for (const double p : pulls)
    if (p > 0) n += p, sum += p * std::log(p);
  return n > 0 ? std::log(n) - sum / n : std::nan("");
}

void greedy(std::span<const double> value, std::span<double> out) {
  const double best = *std::max_element(value.begin(), value.end());
  const auto ties = static_cast<double>(std::count(value.begin(), value.end(), best));
  for (std::size_t a = 0; a < out.size(); ++a) out[a] = value[a] == best ? 1 / ties : 0.0;
}

void softmax(std::span<const double> score, std::span<double> out) {
  const double top = *std::max_element(score.begin(), score.end());
  double sum = 0;
  for (std::size_t a = 0; a < out.size(); ++a) sum += out[a] = std::exp(score[a] - top);
  for (double& p : out) p /= sum;
}

}  // namespace fader

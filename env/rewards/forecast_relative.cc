// forecast_relative (W6): how much lower the reference loss came out than its own past foretold,
//
//   r = Lhat(n') - L(n'),   Lhat(n') = L(n) - (f(n) - f(n')),   f(n) = e + b n^-a,   e, b >= 0,
//
// n tokens trained on so far, n' at the end of the interval: the fall that the power law f foretells, from where the loss stands.
// f is fitted to the reference losses after the intervals before (the untrained model's, at n = 0, is on no power law): least squares
// over all of them, a by a grid of logarithms from 0.01 to 10, then by golden section; e and b linear at given a. Nothing is random.
// About zero while training goes on as before, so that neither early intervals nor late ones are favoured; what the learning
// rate's decay brings is not foretold. f(n') itself in place of Lhat(n') misses by the whole distance of a young model's curve from
// a power law, interval after interval: twice the root mean square of r over experiments/bandit_ucb.toml (0.13 against 0.06 nats).
//
// Before four losses are known there is no fit: r is then the fall of the interval minus the mean fall of the last three intervals,
// 0 in the first. The standard error is that of the interval's fall (W1); the fit is taken as known.
// The law is that of ADO's fits, Jiang et al., arXiv 2410.11820.
// Status: checked against an oracle (tests/env/forecast_relative_test.cc).
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "env/reward.h"

namespace fader {
namespace {

constexpr std::size_t kLeastPoints = 4, kFalls = 3;

/// What a slot has seen, oldest first.
struct History {
  std::vector<double> tokens, loss;  // after each interval
  std::vector<double> falls;         // of the last intervals
};

/// f(n) = e + b (n / last)^-a.
struct Law {
  double last = 1, a = 1, e = 0, b = 0, squares = 0;
  /// From the last point to n tokens.
  double fall(double n) const { return b - b * std::pow(n / last, -a); }
};

/// Least squares in e and b, neither negative.
Law law_of(double a, const History& h) {
  const auto n = static_cast<double>(h.loss.size());
  Law law{.last = h.tokens.back(), .a = a};
  std::vector<double> x;
  for (const double tokens : h.tokens) x.push_back(std::pow(tokens / law.last, -a));
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(h.loss.begin(), h.loss.end(), 0.0) / n;
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (h.loss[i] - mean_y);
  }
  law.b = xx > 0 ? std::max(0.0, xy / xx) : 0;
  law.e = mean_y - law.b * mean_x;
  if (law.e < 0) {
    law.e = 0;
    const double xy_alone = std::inner_product(x.begin(), x.end(), h.loss.begin(), 0.0);
    law.b = std::max(0.0, xy_alone / std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
  }
  for (std::size_t i = 0; i < x.size(); ++i) law.squares += std::pow(h.loss[i] - law.e - law.b * x[i], 2);
  return law;
}

Law fit(const History& h) {
  constexpr int kGrid = 61, kSections = 80;
  const double low = std::log(0.01), step = (std::log(10.0) - low) / (kGrid - 1), golden = (std::sqrt(5.0) - 1) / 2;
  const auto at = [&](double log_a) { return law_of(std::exp(log_a), h); };
  int best = 0;
  for (int i = 1; i < kGrid; ++i)
    if (at(low + step * i).squares < at(low + step * best).squares) best = i;
  double left = low + step * std::max(best - 1, 0), right = low + step * std::min(best + 1, kGrid - 1);
  for (int i = 0; i < kSections; ++i) {
    const double x = right - golden * (right - left), y = left + golden * (right - left);
    if (at(x).squares < at(y).squares) right = y;
    else left = x;
  }
  return at((left + right) / 2);
}

class ForecastRelative final : public Reward {
 public:
  ForecastRelative(const NoOptions&, const RewardContext& context)
      : corpus_(context.corpus), history_(static_cast<std::size_t>(context.slots)) {}

  void begin(Slots slots) override {
    for (const int slot : slots) history(slot) = {};
  }

  Estimate measure(int slot, const Interval& interval) override {
    History& h = history(slot);
    const auto tokens = static_cast<double>(interval.tokens);
    const double fall = interval.loss_before - interval.loss_after;
    const double expected = h.loss.size() < kLeastPoints ? mean_fall(h) : fit(h).fall(tokens);
    if (h.falls.size() == kFalls) h.falls.erase(h.falls.begin());
    h.falls.push_back(fall);
    h.tokens.push_back(tokens);
    h.loss.push_back(interval.loss_after);
    return {h.loss.size() == 1 ? 0.0 : fall - expected, clustered_error(corpus_, interval)};
  }

  void state(Archive& archive) override {
    for (std::size_t i = 0; i < history_.size(); ++i) slot_state(archive, static_cast<int>(i));
  }
  void slot_state(Archive& archive, int slot) override {
    History& h = history(slot);
    archive.field("tokens", h.tokens);
    archive.field("loss", h.loss);
    archive.field("falls", h.falls);
    const auto finite = [](double x) { return std::isfinite(x); };
    archive.expect(h.tokens.size() == h.loss.size() && h.falls.size() == std::min(kFalls, h.loss.size()) &&
                       std::all_of(h.loss.begin(), h.loss.end(), finite) && std::all_of(h.falls.begin(), h.falls.end(), finite) &&
                       std::all_of(h.tokens.begin(), h.tokens.end(), [](double n) { return n > 0 && std::isfinite(n); }) &&
                       std::is_sorted(h.tokens.begin(), h.tokens.end()),
                   "a learning curve");
  }

 private:
  History& history(int slot) { return history_[static_cast<std::size_t>(slot)]; }
  static double mean_fall(const History& h) {
    return h.falls.empty() ? 0 : std::accumulate(h.falls.begin(), h.falls.end(), 0.0) / static_cast<double>(h.falls.size());
  }

  const Corpus& corpus_;
  std::vector<History> history_;  // of each slot
};

REGISTER_REWARD("forecast_relative", ForecastRelative, NoOptions,
                "how much further the reference loss fell than a power law fitted to its past foretold (W6), nats per token", "checked against an oracle");

}  // namespace
}  // namespace fader

// Weights that are multiplied over and over, kept as logarithms: what Hedge and the EXP3 family learn.
//
// The greatest is one (its logarithm zero) between calls; only ratios mean anything. Whatever finite factors come, nothing
// overflows: logarithms stay within 1e300. Not thread-safe.
#pragma once
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "policies/bandit.h"
#include "policies/simplex.h"

namespace fader {

class LogWeights {
 public:
  /// All the same.
  explicit LogWeights(std::size_t n) : log_(n, 0.0) {}

  std::size_t size() const { return log_.size(); }
  double operator[](std::size_t i) const { return log_[i]; }

  /// w_i <- w_i exp(x). `settle` before anything else is asked.
  void multiply(std::size_t i, double x) { log_[i] = std::clamp(log_[i] + x, -kMost, kMost); }
  /// w_i <- w_i + exp(log_amount) for every i. `settle` before anything else is asked.
  void raise(double log_amount) {
    for (double& l : log_) l = std::max(l, log_amount) + std::log1p(std::exp(-std::abs(l - log_amount)));
  }
  void settle() {
    const double top = *std::max_element(log_.begin(), log_.end());
    for (double& l : log_) l = std::max(l - top, -kMost);
  }
  /// With p the shares of the weights: p <- (1 - part) p + part / n, 0 <= part < 1.
  void share(double part) {
    if (part == 0) return;
    raise(std::log(part / ((1 - part) * static_cast<double>(size()))) + log_total());
    settle();
  }
  void forget() { std::fill(log_.begin(), log_.end(), 0.0); }

  double log_total() const {
    double sum = 0;
    for (const double l : log_) sum += std::exp(l);
    return std::log(sum);
  }
  /// Shares of w_i to the power of `rate`.
  void shares(std::span<double> out, double rate = 1) const {
    for (std::size_t i = 0; i < size(); ++i) out[i] = rate * log_[i];
    softmax(out, out);
  }

  void state(Archive& archive) {
    archive.field("log_weights", std::span(log_));
    archive.expect(std::all_of(log_.begin(), log_.end(), [](double l) { return std::isfinite(l) && l <= 0; }),
                   "the logarithm of a weight");
  }

 private:
  static constexpr double kMost = 1e300;
  std::vector<double> log_;
};

/// What a decision of such an algorithm shows: how probable its arm was, and the entropy of what could have been played, in nats.
class ShareDiagnostics {
 public:
  static std::vector<std::string> names() { return {"probability", "entropy"}; }
  void assign(std::span<const double> p) {
    p_.assign(p.begin(), p.end());
    entropy_ = simplex::entropy(p);
  }
  void diagnose(std::size_t arm, std::span<double> out) const {
    out[0] = p_[arm];
    out[1] = entropy_;
  }

 private:
  std::vector<double> p_;
  double entropy_ = 0;
};

/// Decisions of an episode, for rates that depend on them.
inline double decisions(const PolicyContext& context) { return static_cast<double>(std::max<std::int64_t>(1, context.horizon)); }

}  // namespace fader

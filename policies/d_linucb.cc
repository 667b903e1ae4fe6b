// D-LinUCB: LinUCB for rewards that drift. Every preset has a model of its own, and every moment (a call of `learn`) multiplies
// what came before by gamma, whichever was played. With x what is seen (features and a one), sums over the plays of arm a, and
// s the age of a play in moments,
//
//   V = sum gamma^s x x^T + lambda I,   W = sum gamma^(2 s) x x^T + lambda I,   theta = V^-1 sum gamma^s r x
//   index = theta^T x + c beta sqrt(x^T V^-1 W V^-1 x)
//   beta = sqrt(lambda) S + sigma sqrt(2 ln(1 / delta) + D ln(1 + L^2 n / (lambda D))),   n = sum_{s < t} gamma^(2 s)
//
// after t moments. One model an arm is the paper's single model with an x that is nought but in the arm's own block, so that
// D = arms x length of x. gamma = 1 is LinUCB with alpha = c beta. c = 1 is the published width, which is wide for short episodes:
// over 100 decisions on four linear arms whose coefficients change every 33 its regret is 17 where even play has 19; c = 0.3 has 14.
// The greatest index is played, ties are broken by the slot's stream.
// Russac, Vernade and Cappe (2019), NeurIPS, algorithm 1 (arXiv 1909.09146); theory has gamma = 1 - (B / (D T))^(2/3) for
// coefficients that move by B in T decisions.
// Status: checked against a direct computation and on linear rewards that change (tests/oracle/d_linucb_test.cc).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "policies/bandit.h"
#include "policies/linear_algebra.h"

namespace fader {
namespace {

struct DLinUcbOptions final : ContextualOptions {
  double gamma = 0.95, c = 0.3, lambda = 1, delta = 0.1, bound = 1, length = 1, noise = 0.5;
  void fields(Fields& f) override {
    ContextualOptions::fields(f);
    f("gamma", gamma, "what is left of a decision's weight at the next one; 1 never forgets", 0.1, 1);
    f("c", c, "width of the bonus; 1 is the published one, 0 is greedy", 0, 100);
    f("lambda", lambda, "by how much coefficients are drawn to zero", 1e-6, 1e6);
    f("delta", delta, "probability that a bound may fail", 1e-12, 1);
    f("bound", bound, "S: length of the coefficients", 0, 1e6);
    f("length", length, "L: greatest length of what is seen", 1e-6, 1e6);
    f("noise", noise, "sigma: of a reward around its mean; of rewards in [0, 1] at most 0.5", 0, 1e6);
  }
};

/// The model of one arm.
class Fading {
 public:
  Fading(std::size_t size, double lambda)
      : lambda_(lambda), once_(packed::size(size), 0.0), twice_(once_), factor_(once_), earned_(size, 0.0),
        theta_(earned_), work_(earned_) {
    settle();
  }

  double pulls() const { return pulls_; }
  double mean(std::span<const double> x) const { return std::inner_product(x.begin(), x.end(), theta_.begin(), 0.0); }
  double variance(std::span<const double> x) {
    std::ranges::copy(x, work_.begin());
    solve(work_);
    const double length = std::inner_product(work_.begin(), work_.end(), work_.begin(), 0.0);
    return std::max(packed::quadratic(twice_, work_), 0.0) + lambda_ * length;
  }

  void fade(double gamma) {
    for (double& v : once_) v *= gamma;
    for (double& v : twice_) v *= gamma * gamma;
    for (double& v : earned_) v *= gamma;
    pulls_ *= gamma;
  }
  void add(std::span<const double> x, double reward) {
    packed::add_outer(once_, 1, x);
    packed::add_outer(twice_, 1, x);
    for (std::size_t i = 0; i < x.size(); ++i) earned_[i] += reward * x[i];
    pulls_ += 1;
  }
  /// After a moment, or when loaded. False: what was loaded is no such model.
  bool settle() {
    bool right = packed::factor(twice_, lambda_, factor_, earned_.size());
    right = packed::factor(once_, lambda_, factor_, earned_.size()) && right;
    theta_ = earned_;
    solve(theta_);
    return right && within(theta_);
  }

  void state(Archive& archive) {
    archive.field("once", std::span(once_));
    archive.field("twice", std::span(twice_));
    archive.field("earned", std::span(earned_));
    archive.field("pulls", pulls_);
    if (!archive.loading()) return;
    archive.expect(pulls_ >= 0 && pulls_ <= kMost && within(once_) && within(twice_) && within(earned_) && settle(), "a regression");
  }

 private:
  static bool within(std::span<const double> values) {
    return std::ranges::all_of(values, [](double v) { return std::abs(v) <= kMost; });
  }
  static constexpr double kMost = 1e50;  // of what is loaded: products of such are finite

  void solve(std::span<double> x) const {
    packed::solve_lower(factor_, x);
    packed::solve_upper(factor_, x);
  }

  double lambda_;
  std::vector<double> once_, twice_, factor_;  // packed: V - lambda I, W - lambda I, the Cholesky factor of V
  std::vector<double> earned_, theta_, work_;  // [d]
  double pulls_ = 0;
};

class DLinUcb final : public Bandit {
 public:
  DLinUcb(const DLinUcbOptions& options, const PolicyContext& context)
      : Bandit(options, context, ArmIndex::diagnostics()), options_(options), index_(arms()),
        arm_(arms(), Fading(seen_size(), options.lambda)) {}

  void state(Archive& archive) override {
    Bandit::state(archive);
    archive.field("moments", moments_);
    archive.expect(moments_ >= 0 && moments_ <= 1e15, "a number of moments");
    for (Fading& model : arm_) archive.field("arm", model);
  }

 protected:
  void probabilities(std::span<const double> x, std::span<double> out) override {
    const double width = options_.c * beta();
    for (std::size_t a = 0; a < arms(); ++a) {
      index_.pulls[a] = arm_[a].pulls();
      index_.mean[a] = arm_[a].mean(x);
      index_.bonus[a] = width * std::sqrt(arm_[a].variance(x));
      out[a] = index_.mean[a] + (exploring() ? index_.bonus[a] : 0);
    }
    greedy(out, out);
  }

  void diagnose(std::size_t arm, std::span<double> out) override { index_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    moments_ = options_.gamma * options_.gamma * moments_ + 1;
    for (Fading& model : arm_) model.fade(options_.gamma);
    for (const Pull& pull : pulls) arm_[pull.arm].add(pull.x, pull.reward);
    for (Fading& model : arm_) model.settle();
  }

 private:
  double beta() const {
    const auto& o = options_;
    const double size = static_cast<double>(arms() * seen_size());
    return std::sqrt(o.lambda) * o.bound +
           o.noise * std::sqrt(2 * std::log(1 / o.delta) + size * std::log1p(o.length * o.length * moments_ / (o.lambda * size)));
  }

  const DLinUcbOptions options_;
  ArmIndex index_;
  double moments_ = 0;        // sum of gamma^(2 s)
  std::vector<Fading> arm_;   // [A]
};

REGISTER_POLICY("d_linucb", DLinUcb, DLinUcbOptions, "upper confidence bounds over presets, linear in what is observed, for drift",
                "checked against an oracle");

}  // namespace
}  // namespace fader

// LinUCB with separate models: every preset has a ridge regression of its reward on what is seen, x (features and a one):
//
//   A_a = lambda I + sum x x^T,   theta_a = A_a^-1 sum r x       sums over the plays of a
//   index = theta_a^T x + alpha sqrt(x^T A_a^-1 x)
//
// and the greatest index is played; ties (at first all) are broken by the slot's stream. The published width is
// alpha = 1 + sqrt(ln(2 / delta) / 2), 2.2 for delta = 0.1; the default is narrower, for short episodes.
// A is kept by its Cholesky factor, updated by rank one (policies/ridge.h).
// Li, Chu, Langford and Schapire (2010), WWW, algorithm 1 (arXiv 1003.0146).
// Status: checked against a direct computation and on linear rewards (tests/oracle/linucb_test.cc).
#include <cmath>

#include "policies/bandit.h"
#include "policies/ridge.h"

namespace fader {
namespace {

struct LinUcbOptions final : ContextualOptions {
  double alpha = 0.5, lambda = 1;
  void fields(Fields& f) override {
    ContextualOptions::fields(f);
    f("alpha", alpha, "width of the bonus; 0 is greedy", 0, 100);
    f("lambda", lambda, "by how much coefficients are drawn to zero", 1e-6, 1e6);
  }
};

class LinUcb final : public Bandit {
 public:
  LinUcb(const LinUcbOptions& options, const PolicyContext& context)
      : Bandit(options, context, ArmIndex::diagnostics()), options_(options), index_(arms()),
        arm_(arms(), Ridge(seen_size(), options.lambda)) {}

  void state(Archive& archive) override {
    Bandit::state(archive);
    for (Ridge& model : arm_) archive.field("arm", model);
  }

 protected:
  void probabilities(std::span<const double> x, std::span<double> out) override {
    for (std::size_t a = 0; a < arms(); ++a) {
      index_.pulls[a] = arm_[a].pulls();
      index_.mean[a] = arm_[a].mean(x);
      index_.bonus[a] = options_.alpha * std::sqrt(arm_[a].variance(x));
      out[a] = index_.mean[a] + (exploring() ? index_.bonus[a] : 0);
    }
    greedy(out, out);
  }

  void diagnose(std::size_t arm, std::span<double> out) override { index_.diagnose(arm, out); }

  void update(std::span<const Pull> pulls) override {
    for (const Pull& pull : pulls) arm_[pull.arm].learn(pull.x, pull.reward);
  }

 private:
  const LinUcbOptions options_;
  ArmIndex index_;
  std::vector<Ridge> arm_;  // [A]
};

REGISTER_POLICY("linucb", LinUcb, LinUcbOptions, "upper confidence bounds over presets, linear in what is observed",
                "checked against an oracle");

}  // namespace
}  // namespace fader

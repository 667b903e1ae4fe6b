// Bayesian optimisation across episodes: a Gaussian process over weights, or over the knots of a schedule, says where the return
// may be greatest; that is played next. Its inputs are 2 sqrt(a) of every knot (Hellinger's distance): over logits most
// of the space is corners that look alike, and exploring them left 40 episodes no better than chance.
//   f* = greatest posterior mean among what was played;  z = (mu(u) - f* - xi) / sigma(u)
//   EI(u) = (mu(u) - f* - xi) Phi(z) + sigma(u) phi(z);  the next candidate is the one of greatest EI among `candidates` drawn
//   from the slot's stream: half of them from Dirichlet(1), half from normals around the place of f*, of random width
// The first `initial` candidates are drawn from Dirichlet(1). Returns are standardised; lengths, signal and noise are fitted to
// them anew after every episode (policies/gaussian_process.h). f* by posterior means, not by the greatest return, since returns
// are noisy. Slots in lockstep choose without knowing of each other; each from other candidates, they rarely agree.
// Snoek, Larochelle and Adams (2012), NIPS, sections 2 and 3.1 (arXiv 1206.2944); xi as in Brochu, Cora and de Freitas
// (2010), arXiv 1012.2599, section 2.3.1. Status: checked against an independent computation and on known optima
// (tests/oracle/gp_bo_test.cc).
#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "policies/gaussian_process.h"
#include "policies/search.h"

namespace fader {
namespace {

struct GpBoOptions final : SearchOptions {
  std::int64_t initial = 8, candidates = 1000, memory = 200;
  double xi = 0.01;
  bool ard = false;
  void fields(Fields& f) override {
    SearchOptions::fields(f);
    f("initial", initial, "candidates drawn at random before the model is asked", 2, 100'000);
    f("candidates", candidates, "among which the next one is chosen", 2, 1'000'000);
    f("memory", memory, "candidates remembered, the latest; time grows with the cube", 10, 2000);
    f("xi", xi, "least improvement that counts, in deviations of the returns", 0, 10);
    f("ard", ard, "whether every weight has a length scale of its own; needs some ten returns for each");
  }
};

class GpBo final : public Search {
 public:
  GpBo(const GpBoOptions& options, const PolicyContext& context)
      : Search(options, context, {"evaluations", "incumbent_mean", "length", "noise"}), options_(options),
        others_(context.agents.size() - 1) {}

 protected:
  void propose(Rng& stream, std::span<double> u) override {
    draw_mixes(1, stream, u);
    if (static_cast<std::int64_t>(value_.size()) < options_.initial) return;
    const GaussianProcess& model = fitted();
    std::vector<double> tried(u.begin(), u.end());
    double greatest = improvement(model.at(roots(tried)));
    for (std::int64_t c = 1; c < options_.candidates; ++c) {
      if (c % 2 == 0) draw_mixes(1, stream, tried);
      else draw_near(stream, tried);
      if (const double ei = improvement(model.at(roots(tried))); ei > greatest) {
        greatest = ei;
        std::copy(tried.begin(), tried.end(), u.begin());
      }
    }
  }

  void tell(std::span<const double> u, double value) override {
    model_.reset();
    ++evaluations_;
    played_.insert(played_.end(), u.begin(), u.end());
    value_.push_back(value);
    if (static_cast<std::int64_t>(value_.size()) <= options_.memory) return;
    played_.erase(played_.begin(), played_.begin() + static_cast<std::ptrdiff_t>(u.size()));
    value_.erase(value_.begin());
  }

  void incumbent(std::span<double> u) override {
    if (value_.empty()) {
      std::fill(u.begin(), u.end(), 0.0);
      return;
    }
    fitted();
    std::copy_n(candidate(best_).begin(), u.size(), u.begin());
  }

  void diagnose(std::span<double> out) override {
    std::fill(out.begin(), out.end(), std::nan(""));
    out[0] = static_cast<double>(evaluations_);
    if (value_.empty()) return;
    const Kernel& kernel = fitted().kernel();
    out[1] = mean_ + deviation_ * best_mean_;
    out[2] = kernel.length[0];
    out[3] = deviation_ * std::sqrt(kernel.noise);
  }

  void learned(Archive& archive) override {
    archive.field("evaluations", evaluations_);
    archive.field("played", played_);
    archive.field("value", value_);
    archive.expect(evaluations_ >= static_cast<std::int64_t>(value_.size()) && evaluations_ < (std::int64_t{1} << 62) &&
                       static_cast<std::int64_t>(value_.size()) <= options_.memory &&
                       played_.size() == value_.size() * dimension(),
                   "what was played");
    for (const double u : played_) archive.expect(std::abs(u) <= kReach, "a candidate");
    for (const double y : value_) archive.expect(std::abs(y) <= 1e100, "a return");
    if (archive.loading()) model_.reset();
  }

 private:
  std::span<const double> candidate(std::size_t i) const { return std::span(played_).subspan(i * dimension(), dimension()); }

  void draw_near(Rng& stream, std::span<double> u) {
    const double width = std::exp(-3 * stream.uniform());
    const auto centre = candidate(best_);
    for (std::size_t k = 0; k < u.size(); ++k) u[k] = std::clamp(centre[k] + width * stream.normal(), -kReach, kReach);
  }

  /// What the model sees of a candidate: 2 sqrt(a), [knots K].
  std::vector<double> roots(std::span<const double> u) const {
    std::vector<double> out;
    for (std::size_t first = 0; first < u.size(); first += others_) {
      double sum = 1;  // of the last agent, whose logit is 0
      for (std::size_t k = 0; k < others_; ++k) sum += std::exp(u[first + k]);
      for (std::size_t k = 0; k < others_; ++k) out.push_back(2 * std::sqrt(std::exp(u[first + k]) / sum));
      out.push_back(2 * std::sqrt(1 / sum));
    }
    return out;
  }

  double improvement(const Posterior& p) const {
    const double gain = p.mean - best_mean_ - options_.xi, deviation = std::sqrt(p.variance);
    if (deviation <= 0) return std::max(gain, 0.0);
    const double z = gain / deviation;
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    return gain * 0.5 * std::erfc(-z / std::numbers::sqrt2) + deviation * density;
  }

  /// The model of all that was played; follows from it, so that it is no part of the state.
  const GaussianProcess& fitted() {
    if (model_) return *model_;
    const auto n = static_cast<double>(value_.size());
    mean_ = deviation_ = 0;
    for (const double y : value_) mean_ += y / n;
    for (const double y : value_) deviation_ += (y - mean_) * (y - mean_) / n;
    deviation_ = deviation_ > 0 ? std::sqrt(deviation_) : 1;
    Grid<double> x(value_.size(), dimension() / others_ * (others_ + 1));
    for (std::size_t i = 0; i < value_.size(); ++i) std::ranges::copy(roots(candidate(i)), x[i].begin());
    std::vector<double> y;
    for (const double v : value_) y.push_back((v - mean_) / deviation_);
    const Kernel kernel = likely_kernel(x, y, options_.ard);
    model_.emplace(std::move(x), std::move(y), kernel);
    for (std::size_t i = 0; i < value_.size(); ++i)
      if (const double m = model_->at(roots(candidate(i))).mean; i == 0 || m > best_mean_) {
        best_mean_ = m;
        best_ = i;
      }
    return *model_;
  }

  const GpBoOptions options_;
  const std::size_t others_;            // K - 1 logits of a knot
  std::int64_t evaluations_ = 0;
  std::vector<double> played_, value_;  // [N, n], [N]: the latest first to be forgotten last
  std::optional<GaussianProcess> model_;
  double mean_ = 0, deviation_ = 1;     // of the returns
  std::size_t best_ = 0;                // of the greatest posterior mean, standardised:
  double best_mean_ = 0;
};

REGISTER_POLICY("gp_bo", GpBo, GpBoOptions, "across episodes: Bayesian optimisation of weights or schedules",
                "checked against an oracle");

}  // namespace
}  // namespace fader

// CMA-ES across episodes over weights that never change, or over the knots of a schedule. A candidate is drawn from
// N(m, sigma^2 C); after every generation of lambda candidates, mu = lambda / 2 of them better, y_i = (x_i - m) / sigma:
//   w'_i = ln((lambda + 1) / 2) - ln i,  w = w' / sum w',  mueff = 1 / sum w^2,  yw = sum_{i <= mu} w_i y_{i:lambda}
//   m <- m + sigma yw
//   ps <- (1 - cs) ps + sqrt(cs (2 - cs) mueff) C^(-1/2) yw
//   sigma <- sigma exp((cs / ds) (|ps| / E|N(0, I)| - 1))
//   hs = 1 if |ps| / sqrt(1 - (1 - cs)^(2 (g + 1))) < (1.4 + 2 / (n + 1)) E|N(0, I)|, else 0
//   pc <- (1 - cc) pc + hs sqrt(cc (2 - cc) mueff) yw
//   C <- (1 - c1 - cmu + (1 - hs) c1 cc (2 - cc)) C + c1 pc pc^T + cmu sum_i w_i y_{i:lambda} y_{i:lambda}^T
// Hansen (2016), The CMA Evolution Strategy: A Tutorial, arXiv 1604.00772, figure 6 with positive weights alone and the
// constants of its table 1 with alpha_cov = 2 (c1, cmu there for mueff as here). Slots draw from their own streams; lambda is
// rounded up to a multiple of the slots, so that a generation ends with a round. What is known best is the mean.
// Status: checked against an independent computation and on known optima (tests/oracle/cma_es_test.cc).
#include <algorithm>
#include <cmath>
#include <utility>

#include "policies/cma.h"
#include "policies/search.h"

namespace fader {
namespace {

struct CmaEsOptions final : SearchOptions {
  double sigma = 1;
  std::int64_t population = 0;
  void fields(Fields& f) override {
    SearchOptions::fields(f);
    f("sigma", sigma, "first deviation of the logits: a third of the range that matters, about", 1e-3, 10);
    f("population", population,
      "candidates a generation, rounded up to a multiple of the members; 0: 4 + floor(3 ln n) for n numbers; "
      "larger where returns are noisy",
      0, 100'000);
  }
  void validate() const override {
    if (population != 0 && population < 4)
      throw ConfigError(fmt::format(
          "population is {}; expected 0 or 4 and more: less than two better ones say nothing of a shape", population));
  }
};

std::size_t population_of(const CmaEsOptions& options, std::size_t n, int slots) {
  const std::size_t wanted = options.population > 0 ? static_cast<std::size_t>(options.population) : Cma::default_population(n);
  const auto round = static_cast<std::size_t>(std::max(slots, 1));
  return (wanted + round - 1) / round * round;
}

class CmaEs final : public Search {
 public:
  CmaEs(const CmaEsOptions& options, const PolicyContext& context)
      : Search(options, context, {"generation", "sigma", "axis_ratio", "evaluations", "best_return"}),
        cma_(std::max<std::size_t>(1, dimension()), population_of(options, std::max<std::size_t>(1, dimension()), context.slots),
             options.sigma),
        told_(cma_.population(), dimension(), 0.0) {}

 protected:
  std::int64_t generation() const override { return cma_.generation(); }

  void propose(Rng& stream, std::span<double> u) override {
    std::vector<double> z(u.size());
    for (double& x : z) x = stream.normal();
    cma_.candidate(z, u);
  }

  void tell(std::span<const double> u, double value) override {
    if (evaluations_++ == 0 || value > best_) best_ = value;
    std::copy(u.begin(), u.end(), told_[value_.size()].begin());
    value_.push_back(value);
    if (value_.size() < cma_.population()) return;
    cma_.update(std::as_const(told_).view(), value_);
    value_.clear();
  }

  void incumbent(std::span<double> u) override { std::copy(cma_.mean().begin(), cma_.mean().end(), u.begin()); }

  void diagnose(std::span<double> out) override {
    out[0] = static_cast<double>(cma_.generation());
    out[1] = cma_.sigma();
    out[2] = cma_.axis_ratio();
    out[3] = static_cast<double>(evaluations_);
    out[4] = evaluations_ > 0 ? best_ : std::nan("");
  }

  void learned(Archive& archive) override {
    archive.field("cma", cma_);
    archive.field("value", value_);
    archive.expect(value_.size() < cma_.population(), "a generation that is under way");
    std::vector<double> told(told_.view().data, told_.view().data + value_.size() * dimension());
    archive.field("told", std::span(told));
    std::ranges::copy(told, told_.view().data);
    archive.field("best", best_);
    archive.field("evaluations", evaluations_);
    archive.expect(std::ranges::all_of(value_, [](double x) { return std::isfinite(x); }), "returns");
    archive.expect(std::ranges::all_of(told, [](double x) { return std::abs(x) <= 1e15; }), "candidates");
    archive.expect(std::isfinite(best_) && evaluations_ >= 0 && evaluations_ < (std::int64_t{1} << 62), "the best so far");
  }

 private:
  Cma cma_;
  Grid<double> told_;           // [population, n] of this generation, as many as
  std::vector<double> value_;   // these
  double best_ = 0;
  std::int64_t evaluations_ = 0;
};

REGISTER_POLICY("cma_es", CmaEs, CmaEsOptions, "across episodes: CMA-ES over weights or schedules", "checked against an oracle");

}  // namespace
}  // namespace fader

// The console of Bai et al., "Multi-Agent Collaborative Data Selection for Efficient LLM Pretraining", arXiv 2410.08102: the agents'
// own rewards R_A (their equation 7: the credit "agent_reward") move the agents' weights theta, from 1/K each.
//
//   seed_paper   theta_A <- theta_A + eta (R_A - mean R)                                               (8)
//                as printed: nothing keeps theta on the simplex, nothing scales R, eta is not stated
//   seed_fixed   the same with R z-scored over the agents of the decision, and theta kept on the simplex:
//                form = "projection"      theta <- nearest point of the simplex to theta + eta (R - mean R)
//                form = "exponentiated"   theta_A <- theta_A exp(eta (R_A - mean R)) / sum
//   seed_code    theta_A <- theta_A + sign(d_A) |d_A|^beta, then theta <- theta / sum theta
//                as in the released code (Relaxed-System-Lab/multi-actor-data-selection, commit 1b7233c,
//                src/data_selection/update_agent.py): no rate, no floor, and d_A is no number of agent A but of the A-th sub-category
//                in a list of all (credit "seed_code", env/credit.h). |d_A| < 1 / n_A, so that theta hardly moves with n samples each;
//                where the sum comes near zero it blows up, and where it is negative all signs turn. Without agents of memory = "code" (agents/lookup.h) there is no such
//                credit, and theta stays. For studies of that code
//
// An agent without credit counts as the mean of the others (seed_code: does not move). What is executed is max(theta, 0) over its
// sum, equal weights where none is positive, and then leaves every agent its floor, as all learning consoles here do: floor_passages = 0
// is the published rule. Slots in lockstep are learned from one after the other. Nothing is random.
// Status: checked step by step against direct computation (tests/oracle/seed_test.cc).
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "policies/presets.h"
#include "policies/simplex.h"

namespace fader {
namespace {

constexpr double kMostTheta = 1e100;  // of a state that can be gone on from
constexpr double kLeastTheta = 1e-12;  // exponentiated: an agent that comes to this comes back from it

struct SeedOptions : CreditOptions {
  double floor_passages = 8;
  void fields(Fields& f) override {
    CreditOptions::fields(f);
    f("floor_passages", floor_passages, "passages that every agent gets in an interval, about; at most half of an even share; 0: as published",
      0, 1e9);
  }
};

class Seed : public Policy {
 public:
  Seed(const SeedOptions& options, const PolicyContext& context)
      : theta_(context.agents.size(), 1.0 / static_cast<double>(context.agents.size())), credit_(theta_.size()), next_(theta_.size()),
        floor_(floor_of(options.floor_passages, context)) {
    spec_.learns = true;
    spec_.deterministic = true;
    spec_.credit = options.credit;
    spec_.credit_scaler = options.credit_scaler;
    for (const std::string& agent : context.agents) spec_.diagnostics.push_back("theta_" + agent);
    spec_.diagnostics.push_back("cut");
  }

  const PolicySpec& spec() const final { return spec_; }

  /// Diagnostics: theta, and how much of it was negative and therefore cut.
  void decide(const Observations& observations, Streams, Decisions& out) final {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      execute(out.weights[i]);
      out.log_density[i] = 0;  // it could not have been another
      std::copy(theta_.begin(), theta_.end(), out.diagnostics[i].begin());
      double cut = 0;
      for (const double t : theta_) cut += std::max(-t, 0.0);
      out.diagnostics[i].back() = cut;
    }
  }

  void learn(const Transitions& transitions, Rng&) final {
    const std::size_t n = transitions.before.slots.size();
    FADER_CHECK_EQ(transitions.credit.cols, theta_.size());
    for (std::size_t i = 0; i < n; ++i) require_finite(transitions, i, spec_);
    next_ = theta_;
    for (std::size_t i = 0; i < n; ++i) update(transitions.credit[i], next_);
    for (const double t : next_)
      if (!(std::abs(t) <= kMostTheta))
        throw RunError(fmt::format("the seed console's theta has come to {}; its rule has no bound. Try a lower eta, or "
                                   "credit_scaler = \"agents_zscore\"", t));
    theta_ = next_;
  }

  void state(Archive& archive) final {
    archive.field("theta", std::span(theta_));
    archive.expect(valid(), "weights of a seed console");
  }

 protected:
  /// One decision's credit into theta.
  virtual void update(std::span<const double> credit, std::vector<double>& theta) = 0;
  virtual bool valid() const {
    return std::all_of(theta_.begin(), theta_.end(), [](double t) { return std::abs(t) <= kMostTheta; });
  }
  /// eta (R - mean R), zero where nothing was measured.
  std::span<const double> step(double eta, std::span<const double> credit) {
    if (!complete_credit(credit, credit_)) std::fill(credit_.begin(), credit_.end(), 0.0);
    const double mean = std::accumulate(credit_.begin(), credit_.end(), 0.0) / static_cast<double>(credit_.size());
    for (double& r : credit_) r = eta * (r - mean);
    return credit_;
  }
  std::span<const double> theta() const { return theta_; }

 private:
  void execute(std::span<double> weights) const {
    const double top = *std::max_element(theta_.begin(), theta_.end());
    for (std::size_t k = 0; k < weights.size(); ++k) weights[k] = top > 0 ? std::max(theta_[k], 0.0) / top : 1.0;
    simplex::normalise(weights);
    if (floor_ > 0) simplex::floor(weights, floor_);
  }

  PolicySpec spec_;
  std::vector<double> theta_, credit_, next_;
  const double floor_;
};

struct SeedPaperOptions final : SeedOptions {
  double eta = 1.0;
  SeedPaperOptions() { credit_scaler = "none"; }
  void fields(Fields& f) override {
    SeedOptions::fields(f);
    f("eta", eta, "how far a decision moves theta, per unit of credit; the paper states none", 0.0, 1e9);
  }
};

class SeedPaper final : public Seed {
 public:
  SeedPaper(const SeedPaperOptions& options, const PolicyContext& context) : Seed(options, context), eta_(options.eta) {}

 private:
  void update(std::span<const double> credit, std::vector<double>& theta) override {
    const auto move = step(eta_, credit);
    for (std::size_t k = 0; k < theta.size(); ++k) theta[k] += move[k];
  }
  const double eta_;
};

struct SeedFixedOptions final : SeedOptions {
  std::string form = "projection";
  double eta = 0.1;
  SeedFixedOptions() { credit_scaler = "agents_zscore"; }
  void fields(Fields& f) override {
    SeedOptions::fields(f);
    f("form", form, "how theta is kept on the simplex").one_of({"projection", "exponentiated"});
    f("eta", eta, "how far a decision moves theta, per unit of scaled credit", 0.0, 1e3);
  }
};

class SeedFixed final : public Seed {
 public:
  SeedFixed(const SeedFixedOptions& options, const PolicyContext& context)
      : Seed(options, context), exponentiated_(options.form == "exponentiated"), eta_(options.eta) {}

 private:
  void update(std::span<const double> credit, std::vector<double>& theta) override {
    const auto move = step(eta_, credit);
    if (!exponentiated_) {
      for (std::size_t k = 0; k < theta.size(); ++k) theta[k] += move[k];
      return simplex::project(theta);
    }
    const double top = *std::max_element(move.begin(), move.end());
    for (std::size_t k = 0; k < theta.size(); ++k) theta[k] = std::max(theta[k], kLeastTheta) * std::exp(move[k] - top);
    simplex::normalise(theta);
  }
  bool valid() const override { return simplex::is_on(theta(), 1e-9); }

  const bool exponentiated_;
  const double eta_;
};

struct SeedCodeOptions final : SeedOptions {
  double beta = 1.0;
  SeedCodeOptions() {
    credit = "seed_code";
    credit_scaler = "none";
  }
  void fields(Fields& f) override {
    SeedOptions::fields(f);
    f("beta", beta, "power of what theta is moved by", 0.01, 10.0);
  }
};

class SeedCode final : public Seed {
 public:
  SeedCode(const SeedCodeOptions& options, const PolicyContext& context) : Seed(options, context), beta_(options.beta) {}

 private:
  void update(std::span<const double> credit, std::vector<double>& theta) override {
    for (std::size_t k = 0; k < theta.size(); ++k)
      if (!std::isnan(credit[k])) theta[k] += std::copysign(std::pow(std::abs(credit[k]), beta_), credit[k]);
    const double sum = std::accumulate(theta.begin(), theta.end(), 0.0);
    if (sum == 0) return;  // so does the code
    for (double& t : theta) t /= sum;
  }
  const double beta_;
};

REGISTER_POLICY("seed_paper", SeedPaper, SeedPaperOptions, "the seed paper's rule: each agent's own reward against their mean moves its weight",
                "checked against an oracle");
REGISTER_POLICY("seed_fixed", SeedFixed, SeedFixedOptions, "the seed paper's rule with scaled rewards, kept on the simplex",
                "checked against an oracle");
REGISTER_POLICY("seed_code", SeedCode, SeedCodeOptions, "the seed paper's released code, with its defects: for studies of it",
                "checked against an oracle");

}  // namespace
}  // namespace fader

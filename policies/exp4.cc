// EXP4: exponential weights over experts, each of which says, from what is observed, how to divide trust among the agents.
//
//   p_a = (1 - gamma) sum_j w_j xi_ja / sum w + gamma / A;   arm I is drawn from p;   rhat_a = r [a = I] / p_a
//   w_j <- w_j exp(gamma sum_a xi_ja rhat_a / A)
//
// with xi_j [A] the advice of expert j of M at that decision. Its arms are the agents (presets: the vertices). The experts:
//   "agents"    for each agent k: trust k alone
//   "uniform"   trust all the same (theory wants it among the experts)
//   "fields"    for every field of the observation that has a number v_k for each agent (but not "weights", what was played
//               last): two experts, xi_k proportional to exp(sharpness v_k) and to exp(-sharpness v_k). A number that is not
//               finite counts as 0
//
// gamma = min(1, sqrt(A ln M / ((e - 1) T))) over T decisions; the expected total is at most 2 sqrt((e - 1) T A ln M) less than
// that of the best expert, which may play another agent at every decision: where a field tells which agent is good now, it is
// above every fixed arm. Rewards outside [0, 1] are cut to it. With feedback = "credit" every arm's reward is known, with
// probability one. Slots in lockstep each count in full. Without exploring the mixing with even play is left out.
// Auer, Cesa-Bianchi, Freund and Schapire (2002), SIAM J. Computing 32, section 7.
// Status: checked against that bound where a field tells the good agent, and a direct computation (tests/oracle/exp4_test.cc).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "policies/log_weights.h"

namespace fader {
namespace {

const std::vector<std::string> kGroups = {"agents", "uniform", "fields"};

struct Exp4Options final : BanditOptions {
  std::vector<std::string> experts = kGroups;
  double sharpness = 1, gamma = 0;
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    std::erase_if(f.options, [](const Option& o) { return o.name == "presets" || o.name == "presets_list"; });
    f("experts", experts, "groups of them: \"agents\" (each alone), \"uniform\", \"fields\" (what is observed of each agent)");
    f("sharpness", sharpness, "of experts that go by a field: how much a number counts", 0, 1e6);
    f("gamma", gamma, "share of even play, and learning rate; 0: by theory, from agents, experts and the decisions of an episode",
      0, 1);
  }
  void validate() const override {
    BanditOptions::validate();
    for (const std::string& group : experts)
      if (std::find(kGroups.begin(), kGroups.end(), group) == kGroups.end())
        throw ConfigError(fmt::format("experts: there is no group '{}'{}", group, suggestion(group, kGroups)));
    if (experts.empty()) throw ConfigError("experts: the list is empty; expected at least one of: agents, uniform, fields");
  }
};

/// The advice of all experts, [M][A].
class Experts {
 public:
  Experts(const Exp4Options& options, const PolicyContext& context)
      : sharpness_(options.sharpness), agents_(context.agents.size()) {
    const auto asked = [&](const char* group) {
      return std::find(options.experts.begin(), options.experts.end(), group) != options.experts.end();
    };
    std::size_t fixed = (asked("agents") ? agents_ : 0) + (asked("uniform") ? 1 : 0);
    if (asked("fields"))
      for (const Field& field : context.observation)
        if (field.axis == "agent" && !field.asked_for && field.name != "weights" && field.size == agents_) offsets_.push_back(field.offset);
    if (fixed + offsets_.size() == 0)
      throw ConfigError(
          "experts: nothing is observed of each agent, so that \"fields\" alone has no expert; add \"agents\" or \"uniform\"");
    advice_ = Grid<double>(fixed + 2 * offsets_.size(), agents_, 0.0);
    if (asked("uniform")) std::ranges::fill(advice_[--fixed], 1 / static_cast<double>(agents_));
    for (std::size_t k = 0; k < fixed; ++k) advice_[k][k] = 1;
  }

  std::size_t count() const { return advice_.rows(); }
  /// What they say of x. Valid until it is asked again.
  Table<const double> advise(std::span<const double> x) {
    std::size_t row = count() - 2 * offsets_.size();
    for (const std::size_t offset : offsets_)
      for (const double sign : {sharpness_, -sharpness_}) {
        const std::span<double> xi = advice_[row++];
        for (std::size_t k = 0; k < agents_; ++k) xi[k] = std::isfinite(x[offset + k]) ? sign * x[offset + k] : 0;
        softmax(xi, xi);
      }
    return std::as_const(advice_).view();
  }

 private:
  double sharpness_;
  std::size_t agents_;
  std::vector<std::size_t> offsets_;  // of fields in an observation
  Grid<double> advice_;               // agents, uniform, then each field and its opposite
};

class Exp4 final : public Bandit {
 public:
  Exp4(const Exp4Options& options, const PolicyContext& context)
      : Bandit(options, context, {"expert", "expert_share", "entropy"}),
        experts_(options, context),
        weights_(experts_.count()),
        trust_(experts_.count()),
        gamma_(options.gamma) {
    const double theory = static_cast<double>(arms()) * std::log(static_cast<double>(experts_.count())) /
                          ((std::numbers::e - 1) * decisions(context));
    if (gamma_ == 0) gamma_ = std::min(1.0, std::sqrt(theory));
  }

  void state(Archive& archive) override { weights_.state(archive); }

 protected:
  bool contextual() const override { return true; }

  void probabilities(std::span<const double> x, std::span<double> out) override {
    const auto advice = experts_.advise(x);
    weights_.shares(trust_);
    std::ranges::fill(out, 0.0);
    for (std::size_t j = 0; j < trust_.size(); ++j)
      for (std::size_t a = 0; a < arms(); ++a) out[a] += trust_[j] * advice[j][a];
    simplex::normalise(out);  // rounding of many experts
    if (exploring()) simplex::mix(out, gamma_);
  }

  /// The expert that is trusted most, by its number; and how far trust is spread over the experts.
  void diagnose(std::size_t, std::span<double> out) override {
    const auto most = std::max_element(trust_.begin(), trust_.end());
    out[0] = static_cast<double>(most - trust_.begin());
    out[1] = *most;
    out[2] = simplex::entropy(trust_);
  }

  void update(std::span<const Pull> pulls) override {
    if (pulls.empty()) return;
    const double step = gamma_ / static_cast<double>(arms());
    Table<const double> advice;
    for (std::size_t i = 0; i < pulls.size(); ++i) {
      const Pull& pull = pulls[i];
      if (i == 0 || pull.x.data() != pulls[i - 1].x.data()) advice = experts_.advise(pull.x);  // one slot's pulls share x
      const double estimate = std::clamp(pull.reward, 0.0, 1.0) / pull.probability;
      for (std::size_t j = 0; j < weights_.size(); ++j) weights_.multiply(j, step * advice[j][pull.arm] * estimate);
    }
    weights_.settle();
  }

 private:
  Experts experts_;
  LogWeights weights_;         // [M]
  std::vector<double> trust_;  // [M] their shares
  double gamma_;
};

REGISTER_POLICY("exp4", Exp4, Exp4Options, "exponential weights over experts that read from the observation whom to trust",
                "checked against an oracle");

}  // namespace
}  // namespace fader

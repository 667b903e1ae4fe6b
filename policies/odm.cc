// ODM, online data mixing: agents are domains, an agent's credit is its training loss, and what is hard is played more. eps_t
// is the least share of an arm at decision t, counted from 1; L_a the loss of arm a in the interval after the decision before.
//
//   eps_t = min(1 / A, sqrt(ln A / (A t))),   eps_0 = 1 / A
//   odm_paper   R_a <- alpha R_a + (1 - alpha) L_a / pi_(t-1)(a);   pi_t(a) = (1 - A eps_t) softmax_a(eps_(t-1) R) + eps_t
//   odm_code    R_a <- alpha R_a + (1 - alpha) exp(L_a);            pi_t(a) = (1 - A eps_t) R_a / sum_b R_b + eps_t
//
// R starts at zero. pi_(t-1)(a) is the share that was played. The published code has no importance weight and is linear in a
// smoothed perplexity. For a few arms and decisions both are close to even play: with A = 4, eps is 1/4 until t = 5, and 4 eps is
// 0.26 at t = 80. High loss is not what can be learned: noise attracts weight.
// Both play the mixture of the arms. Credit is the training loss, raw (credit_scaler = "none"), and what it adds to R is averaged over slots
// in lockstep. Losses above 500 nats count as 500. `warmup` decisions play evenly, and are learned from. Without exploring eps_t
// is left out.
// Albalak, Pan, Raffel and Wang (2023), arXiv 2312.02406, section 3; its code: alon-albalak/online-data-mixing, commit edbfdad,
// class SmoothedMeanWeightUpdater, group_update.
// Status: checked against a direct computation (tests/oracle/odm_test.cc).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "policies/bandit.h"
#include "policies/full_information.h"
#include "policies/simplex.h"

namespace fader {
namespace {

constexpr double kMostLoss = 500;

struct OdmOptions final : FullInformationOptions {
  double alpha = 0.5;
  std::int64_t warmup = 0;
  OdmOptions() {
    credits.credit = "training_loss";
    credits.credit_scaler = "none";
  }
  void fields(Fields& f) override {
    FullInformationOptions::fields(f);
    std::erase_if(f.options, [](const Option& o) { return o.name == "play"; });
    f("alpha", alpha, "what is left of the moving average at the next decision", 0, 0.999999);
    f("warmup", warmup, "decisions at first that play evenly", 0, 1e9);
  }
};

class Odm : public Bandit {
 public:
  void state(Archive& archive) final {
    archive.field("smoothed", std::span(smoothed_));
    archive.field("moments", moments_);
    archive.expect(moments_ >= 0 && moments_ < kMostDecisions, "a number of decisions");
    archive.expect(
        std::all_of(smoothed_.begin(), smoothed_.end(), [this](double r) { return std::abs(r) < kMost && (paper_ || r >= 0); }),
        "a moving average of losses");
  }

 protected:
  Odm(const OdmOptions& options, const PolicyContext& context, bool paper)
      : Bandit(options, context, {"average", "epsilon", "entropy"}),
        paper_(paper),
        options_(options),
        smoothed_(arms(), 0.0),
        heard_(arms()) {}

  void probabilities(std::span<const double>, std::span<double> out) final {
    const double total = paper_ ? 0 : std::accumulate(smoothed_.begin(), smoothed_.end(), 0.0);
    if (moments_ < options_.warmup || (!paper_ && total == 0)) {
      std::ranges::fill(out, 1 / static_cast<double>(arms()));
    } else {
      for (std::size_t a = 0; a < arms(); ++a) out[a] = paper_ ? epsilon(moments_) * smoothed_[a] : smoothed_[a] / total;
      if (paper_) softmax(out, out);
      if (exploring()) simplex::mix(out, std::min(1.0, static_cast<double>(arms()) * epsilon(moments_ + 1)));
    }
    entropy_ = simplex::entropy(out);
  }

  void diagnose(std::size_t arm, std::span<double> out) final {
    out[0] = smoothed_[arm];
    out[1] = exploring() ? epsilon(moments_ + 1) : 0;
    out[2] = entropy_;
  }

  void update(std::span<const Pull> pulls) final {
    if (pulls.empty()) return;
    ++moments_;
    std::ranges::fill(heard_, 0.0);
    for (const Pull& pull : pulls) {
      const double loss = std::min(pull.reward, kMostLoss);
      heard_[pull.arm] += paper_ ? std::max(loss, -kMostLoss) / std::max(kLeastShare, pull.played) : std::exp(loss);
    }
    const double slots = static_cast<double>(pulls.size() / arms());
    for (std::size_t a = 0; a < arms(); ++a)
      smoothed_[a] = options_.alpha * smoothed_[a] + (1 - options_.alpha) * heard_[a] / slots;
  }

 private:
  /// eps_t.
  double epsilon(std::int64_t t) const {
    const double a = static_cast<double>(arms());
    return t == 0 ? 1 / a : std::min(1 / a, std::sqrt(std::log(a) / (a * static_cast<double>(t))));
  }

  static constexpr double kMost = 1e300;
  static constexpr double kLeastShare = 1e-12;  // without exploring a share may vanish
  const bool paper_;
  const OdmOptions options_;
  std::vector<double> smoothed_, heard_;  // [A] R; of this decision, summed over the slots
  std::int64_t moments_ = 0;
  double entropy_ = 0;  // of what is to be played
};

struct OdmPaper final : Odm {
  OdmPaper(const OdmOptions& options, const PolicyContext& context) : Odm(options, context, true) {}
};
struct OdmCode final : Odm {
  OdmCode(const OdmOptions& options, const PolicyContext& context) : Odm(options, context, false) {}
};

REGISTER_POLICY("odm_paper", OdmPaper, OdmOptions,
                "online data mixing as published: mixtures by smoothed, importance weighted losses", "checked against an oracle");
REGISTER_POLICY("odm_code", OdmCode, OdmOptions, "online data mixing as released: mixtures by smoothed perplexities",
                "checked against an oracle");

}  // namespace
}  // namespace fader

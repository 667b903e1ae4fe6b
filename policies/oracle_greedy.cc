// Tries every preset from where it stands for one interval, and plays the one that earned most:
//
//   a_t = argmax_a r(s_t, a)
//
// The runner branches the environment, with the streams that the interval itself will draw from, so that what is tried is what
// would happen. An upper reference for consoles that look one interval ahead, not an optimum: where timing matters the greedy
// choice loses. Its cost, an interval of training a preset and decision, is in the ledger as the console's. Ties: the first.
// Status: checked against an oracle (tests/oracle/oracle_greedy_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/presets.h"

namespace fader {
namespace {

struct OracleGreedyOptions final : Options {
  std::string reward, presets = "vertices";
  Vectors presets_list;
  void fields(Fields& f) override {
    f("reward", reward, "which of the environment's rewards it looks for; empty: env.reward");
    f("presets", presets, "the weights that are tried").one_of({"vertices", "vertices_centre", "simplex", "lattice"});
    f("presets_list", presets_list, "the weights one by one, each a list with one weight per agent; in place of presets", 0, 1);
  }
  BanditOptions bandit() const {
    BanditOptions out;
    out.presets = presets;
    out.presets_list = presets_list;
    out.floor_passages = 0;  // a reference, not a learner
    return out;
  }
  void validate() const override { bandit().validate(); }
};

class OracleGreedy final : public Policy {
 public:
  OracleGreedy(const OracleGreedyOptions& options, const PolicyContext& context) {
    spec_.branches = make_presets(options.bandit(), context);
    spec_.reward = options.reward;
    spec_.diagnostics = {"best", "spread"};
    spec_.deterministic = true;
  }
  const PolicySpec& spec() const override { return spec_; }
  void state(Archive&) override {}

  void decide(const Observations& observations, Streams, Decisions& out) override {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      const std::span<const double> earned = observations.branched[i];
      FADER_CHECK_EQ(earned.size(), spec_.branches.size());
      for (const double r : earned)
        if (!std::isfinite(r)) throw RunError(fmt::format("a branch of slot {} earned {}; look for another reward", observations.slots[i], r));
      const auto best = std::ranges::max_element(earned);  // the first of the greatest
      std::ranges::copy(spec_.branches[static_cast<std::size_t>(best - earned.begin())], out.weights[i].begin());
      out.log_density[i] = 0;
      out.diagnostics[i][0] = *best;
      out.diagnostics[i][1] = *best - *std::ranges::min_element(earned);
    }
  }

 private:
  PolicySpec spec_;
};

REGISTER_POLICY("oracle_greedy", OracleGreedy, OracleGreedyOptions,
                "tries every preset for one interval and plays the best: a costly reference", "checked against an oracle");

}  // namespace
}  // namespace fader

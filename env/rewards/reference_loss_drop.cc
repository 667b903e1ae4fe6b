// reference_loss_drop (W1): how far the reference loss fell over the interval,
//
//   r = L_before - L_after,   L = (1/D) sum_d (sum of nats in reference domain d) / (tokens in d),
//
// on the same items before and after. The sum of it over an episode is the whole fall, so with gamma = 1 it defines the same
// optimum as the final loss. It shrinks as training goes on, and credits whoever plays early or during the decay.
//
// Standard error: passages of one work are not independent, so it is clustered by group. Within domain d with N_d tokens
// and M_d groups, the residual of group g is e_g = sum_{x in g} n_x (delta_x - r_d), and
//   var(r_d) = M_d / (M_d - 1) sum_g e_g^2 / N_d^2,   var(r) = sum_d var(r_d) / D^2.
// It is the error of the reference set alone, not the run-to-run noise. NaN when a domain has a single group.
// Bai et al., arXiv 2410.08102, equation 2 made incremental.
// Status: checked against an oracle (tests/env/reference_loss_drop_test.cc).
#include <cmath>
#include <map>

#include "env/reward.h"

namespace fader {
namespace {

class ReferenceLossDrop final : public Reward {
 public:
  ReferenceLossDrop(const NoOptions&, const RewardContext& context) : corpus_(context.corpus) {}

  Estimate measure(int, const Interval& interval) override {
    struct DomainSums {
      double tokens = 0, drop = 0;
      std::map<std::uint32_t, std::pair<double, double>> groups;  // tokens and drop in nats
    };
    std::map<int, DomainSums> domains;
    for (std::size_t i = 0; i < interval.items.size(); ++i) {
      const PassageId id = interval.items[i];
      const double tokens = corpus_.passages()[id].tokens;
      const double drop = tokens * (static_cast<double>(interval.before[i]) - static_cast<double>(interval.after[i]));
      DomainSums& sums = domains[corpus_.document(id).domain];
      auto& [group_tokens, group_drop] = sums.groups[corpus_.document(id).group];
      sums.tokens += tokens;
      sums.drop += drop;
      group_tokens += tokens;
      group_drop += drop;
    }
    double variance = 0;
    for (const auto& [domain, sums] : domains) {
      const double mean = sums.drop / sums.tokens, groups = static_cast<double>(sums.groups.size());
      double squares = 0;
      for (const auto& [group, totals] : sums.groups) squares += std::pow(totals.second - totals.first * mean, 2);
      variance += groups < 2 ? std::nan("") : groups / (groups - 1) * squares / (sums.tokens * sums.tokens);
    }
    return {interval.loss_before - interval.loss_after, std::sqrt(variance) / static_cast<double>(domains.size())};
  }

  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}

 private:
  const Corpus& corpus_;
};

REGISTER_REWARD("reference_loss_drop", ReferenceLossDrop, NoOptions, "fall of the reference loss over the interval (W1), nats per token",
                "checked against an oracle");

}  // namespace
}  // namespace fader

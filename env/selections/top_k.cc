// top_k: the candidates with the greatest mixed scores S(c) = sum_i w_i s_i(c), best first, of ranks on (0, 1) or (env.scores =
// "raw") of the scores as they are. Equal sums are put in random order; nothing else is random, and every pick's propensity is 1.
// env.repetition_decay: S(c) / (1 + decay uses(c)); of a negative sum that makes a better one, as it does where this comes from.
// A pick counts for the agent with the greatest w_i s_i(c), so that counts of picks are shares of influence, not of draws.
// Bai et al., arXiv 2410.08102, equation 6 and section 3; the decay is in their released code alone (cal_score.py, 0.1).
// Status: bit for bit the sorted sums (tests/env/top_k_test.cc).
#include "env/mixing.h"
#include "env/selection.h"

namespace fader {
namespace {

class TopK final : public SelectionMethod {
 public:
  TopK(const NoOptions&, const SelectionContext& context) : options_(context.options), team_(context.threads), finder_(team_) {}

  void select(const Offer& offer, Rng& rng, Selected& out) override {
    out.picks.clear();
    share_weights(offer, options_.filters(), out);
    mixture_.begin(offer, out.shares, options_);
    const std::uint64_t key = rng.bits();
    const auto best = finder_.find(offer.candidates, offer.tokens, offer.demand, [&](std::int64_t first, std::int64_t last, Best& b) {
      double sums[BestOf::kBlock];
      mixture_.block(first, last - first, sums);
      offer_block(sums, first, last - first, key, b, [](std::size_t) { return true; });
    });
    sort_best(best, 0, best.size());
    take_in_order(offer, best, out.picks, [&](const Ranked& c) { return mixture_.leader(c.candidate); },
                  [&](const Ranked& c) { mixture_.look_ahead(c.candidate); });
  }

 private:
  const SelectionOptions options_;
  Team team_;
  BestOf finder_;
  Mixture mixture_;
};

REGISTER_SELECTION("top_k", TopK, "the greatest weighted sums of scores", "checked against an oracle");

}  // namespace
}  // namespace fader

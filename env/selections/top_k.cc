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

  void select(const Offer& offer, Rng& rng, Chosen& out) override {
    out.picks.clear();
    share_weights(offer, options_.filters(), out);
    const Mixture mixture{out.shares, columns_.of(offer, out.shares, options_.raw()), offer.used, options_.repetition_decay};
    const std::uint64_t key = rng.bits();
    const auto best = finder_.find(offer.candidates, offer.tokens, offer.demand, [&](std::int64_t first, std::int64_t last, Best& b) {
      double sums[BestOf::kBlock];
      mixture.block(first, last - first, sums);
      offer_block(sums, first, last - first, key, b, [](std::size_t) { return true; });
    });
    sort_best(best, 0, best.size());
    make_room(out.picks, best.size());
    std::int64_t got = 0;
    for (const Contender& c : best) {
      if (got >= offer.demand) break;
      out.picks.push_back({c.candidate, mixture.leader(c.candidate), 1.0});
      got += offer.held(c.candidate);
    }
  }

 private:
  const SelectionOptions options_;
  Team team_;
  BestOf finder_;
  Columns columns_;
};

REGISTER_SELECTION("top_k", TopK, "the greatest weighted sums of scores", "checked against an oracle");

}  // namespace
}  // namespace fader

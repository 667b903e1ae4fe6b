// batch_filter: of M candidates drawn at random the best by mixed score S(c) = sum_i w_i s_i(c) as in top_k, best first. M is so
// many as hold, in the mean, env.filter_ratio times the demand; should they hold less than the demand itself, all are taken, and
// then random others.
// With candidates numbered 1, ..., N from best to worst and m members of the batch left among the L candidates that stand behind
// the last pick, the next pick is the g-th of these with probability
//   m / (L - g + 1) prod_{s < g} (1 - m / (L - s + 1)),
// that s are passed over which are not in the batch; this is the propensity. Beyond the batch it is one over the candidates left.
// A pick counts for the agent with the greatest w_i s_i(c).
// Mindermann et al. 2022 (RHO-loss), arXiv 2206.07137, algorithm 1: the best of a larger batch, a tenth of it;
// Calian et al. 2025 (DataRater), arXiv 2505.17895.
// Status: frequencies and propensities against all batches (tests/env/batch_filter_test.cc).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "env/mixing.h"
#include "env/selection.h"

namespace fader {
namespace {

class BatchFilter final : public SelectionMethod {
 public:
  BatchFilter(const NoOptions&, const SelectionContext& context) : options_(context.options) {}

  void select(const Offer& offer, Rng& rng, Selected& out) override {
    out.picks.clear();
    share_weights(offer, options_.filters(), out);
    mixture_.begin(offer, out.shares, options_);
    sort_sums(offer.candidates, rng.bits());
    draw_batch(offer, rng.bits());
    std::size_t members = batch_, behind = offer.candidates;
    double passed = 1;                       // probability that those since the last pick are not in the batch
    std::int64_t got = 0;
    const auto take = [&](std::uint32_t candidate, double propensity) {
      out.picks.push_back({candidate, mixture_.leader(candidate), propensity});
      got += offer.held(candidate);
    };
    for (const Ranked& c : sorted_) {
      if (got >= offer.demand || members == 0) break;
      const double chance = static_cast<double>(members) / static_cast<double>(behind--);
      if (in_batch_[c.candidate]) {
        take(c.candidate, passed * chance);
        passed = 1;
        --members;
      } else {
        passed *= 1 - chance;
      }
    }
    for (std::size_t i = batch_; i < order_.size() && got < offer.demand; ++i)
      take(order_[i].candidate, 1 / static_cast<double>(order_.size() - i));
  }

 private:
  void sort_sums(std::size_t n, std::uint64_t key) {
    make_room(sorted_, n);
    sorted_.resize(n);
    double sums[BestOf::kBlock];
    for (std::size_t first = 0; first < n; first += BestOf::kBlock) {
      const std::size_t size = std::min<std::size_t>(BestOf::kBlock, n - first);
      mixture_.block(static_cast<std::int64_t>(first), static_cast<std::int64_t>(size), sums);
      for (std::size_t i = 0; i < size; ++i) sorted_[first + i] = Ranked::of(sums[i], key, first + i);
    }
    sort_best(sorted_, 0, n);
  }

  void draw_batch(const Offer& offer, std::uint64_t key) {
    const std::size_t n = offer.candidates;
    std::int64_t tokens = 0;
    for (std::size_t c = 0; c < n; ++c) tokens += offer.held(c);
    const double mean = std::max(1.0, static_cast<double>(tokens)) / static_cast<double>(n);
    batch_ = static_cast<std::size_t>(std::min(std::ceil(options_.filter_ratio * static_cast<double>(offer.demand) / mean), static_cast<double>(n)));
    make_room(order_, n);
    order_.resize(n);
    for (std::size_t c = 0; c < n; ++c) order_[c] = Ranked::of(0, key, c);
    sort_best(order_, 0, n);
    in_batch_.assign(n, 0);
    for (std::size_t i = 0; i < batch_; ++i) in_batch_[order_[i].candidate] = 1;
  }

  const SelectionOptions options_;
  Mixture mixture_;
  std::vector<Ranked> sorted_, order_;   // by mixed score; at random
  std::vector<std::uint8_t> in_batch_;
  std::size_t batch_ = 0;
};

REGISTER_SELECTION("batch_filter", BatchFilter, "of a random batch the greatest weighted sums of scores", "checked against an oracle");

}  // namespace
}  // namespace fader

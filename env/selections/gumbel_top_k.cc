// gumbel_top_k: sampling without replacement with weights exp(S(c) / tau), S(c) = sum_i w_i s_i(c) as in top_k:
//   the greatest S(c) / tau + G(c),   G = -log E,   E = -log(1 - v),   v uniform on (0, 1),   best first.
// Given the picks before it, a pick is c with probability exp(S(c) / tau) / (the sum of that over all that were not picked yet);
// this is the propensity. Small tau: top_k; great tau: uniform. A pick counts for the agent with the greatest w_i s_i(c).
// Kool, van Hoof and Welling 2019, "Stochastic beams and where to find them", arXiv 1903.06059, section 3; Efraimidis and
// Spirakis 2006, "Weighted random sampling with a reservoir", for the exponential form.
//
// Whoever is to beat a floor f needs E <= exp(S / tau - f), hence v below that, as v <= E: v is bits of (key, candidate) and
// the exponential is needed for the propensity anyway, so that logarithms are taken only of those who come close.
// The sum over those not picked is the whole less the picks, or, where the picks are nearly all of it, added up anew without them.
// Status: bit for bit the sorted perturbed sums; propensities and frequencies exactly (tests/env/gumbel_top_k_test.cc).
#include <algorithm>
#include <cmath>

#include "env/mixing.h"
#include "env/selection.h"

namespace fader {
namespace {

constexpr std::int64_t kBlock = BestOf::kBlock;

class GumbelTopK final : public SelectionMethod {
 public:
  GumbelTopK(const NoOptions&, const SelectionContext& context) : options_(context.options), team_(context.threads), finder_(team_) {}

  void select(const Offer& offer, Rng& rng, Selected& out) override {
    out.picks.clear();
    share_weights(offer, options_.filters(), out);
    mixture_.begin(offer, out.shares, options_);
    key_ = rng.bits();
    sums_.resize((offer.candidates + kBlock - 1) / kBlock);
    const auto best = finder_.find(offer.candidates, offer.tokens, offer.demand,
                                   [&](std::int64_t first, std::int64_t last, Best& b) { scan(first, last, b); });
    sort_best(best, 0, best.size());
    take_in_order(offer, best, out.picks, [](const Ranked& c) { return static_cast<std::uint16_t>(c.lot); }, [](const Ranked&) {});
    find_propensities(offer, best.first(out.picks.size()), out.picks);
  }

 private:
  /// S / tau of a block.
  void exponents(std::int64_t first, std::int64_t n, double* out) const {
    mixture_.block(first, n, out);
    for (std::int64_t i = 0; i < n; ++i) out[i] /= options_.tau;
  }
  /// S / tau of one that was offered, back from its place in the order: no column is looked at.
  double exponent(const Ranked& c) const { return c.score + std::log(race_time(key_, c.candidate)); }

  void scan(std::int64_t first, std::int64_t last, Best& best) {
    constexpr double kLoose = 1 + 1e-9;       // more than the exponentials' error
    constexpr double kFar = 600;              // beyond it the product of exponentials would not hold the bound
    const std::int64_t n = last - first;
    double x[kBlock], e[kBlock];
    exponents(first, n, x);
    const LogSum sum = sums_[static_cast<std::size_t>(first / kBlock)] = exponentials(n, x, e);
    const double above = sum.top - best.floor();
    const auto offer = [&](std::int64_t i) {
      const auto c = static_cast<std::size_t>(first + i);
      const double score = x[i] - std::log(race_time(key_, c));
      if (score >= best.floor()) best.offer({score, mixture_.leader(c), static_cast<std::uint32_t>(c)});  // its scores are in cache now
    };
    if (!(above < kFar)) {
      for (std::int64_t i = 0; i < n; ++i) offer(i);
      return;
    }
    const double bound = std::exp(above) * kLoose;
    Marks marks;
    mark_race(key_, first, n, e, bound, marks);
    marks.visit(n, [&](std::int64_t i) {
      if (race_uniform(key_, static_cast<std::size_t>(first + i)) <= e[i] * bound) offer(i);
    });
  }

  void find_propensities(const Offer& offer, std::span<Ranked> picked, std::vector<Pick>& picks) {
    constexpr double kEnough = 1e-3;          // of the whole must be left for a difference to be as good as a sum
    LogSum all;
    for (const LogSum& s : sums_) all.add(s);
    LogSum rest = all;
    for (Ranked& c : picked) rest.total -= std::exp((c.score = exponent(c)) - all.top);
    if (!(rest.total > kEnough * all.total)) rest = sum_without(offer, picked);
    for (std::size_t i = picked.size(); i-- > 0;) picks[i].propensity = rest.add(picked[i].score);
  }

  LogSum sum_without(const Offer& offer, std::span<const Ranked> picked) {
    taken_.assign(offer.candidates, 0);
    for (const Ranked& c : picked) taken_[c.candidate] = 1;
    LogSum sum;
    const auto n = static_cast<std::int64_t>(offer.candidates);
    for (std::int64_t first = 0; first < n; first += kBlock) {
      const std::int64_t size = std::min(kBlock, n - first);
      double x[kBlock], e[kBlock];
      exponents(first, size, x);
      for (std::int64_t i = 0; i < size; ++i)
        if (taken_[static_cast<std::size_t>(first + i)]) x[i] = -std::numeric_limits<double>::infinity();
      sum.add(exponentials(size, x, e));
    }
    return sum;
  }

  const SelectionOptions options_;
  Team team_;
  BestOf finder_;
  Mixture mixture_;
  std::uint64_t key_ = 0;
  std::vector<LogSum> sums_;           // of the exponentials, of each block
  std::vector<std::uint8_t> taken_;
};

REGISTER_SELECTION("gumbel_top_k", GumbelTopK, "drawn without replacement with weights exp(weighted sum of scores / tau)",
                   "checked against an oracle");

}  // namespace
}  // namespace fader

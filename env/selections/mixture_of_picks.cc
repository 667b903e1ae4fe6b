// mixture_of_picks: for each place draw an agent i ~ weights and take the best candidate of agent i's ranking that was not taken
// yet. Weights keep a linear meaning, the share of places that an agent fills, and the probability of a pick given those before
// it is exact:
//   P(c) = sum_i a_i [c is agent i's next]
// An agent whose score can say "not mine" is out when only such candidates are left to it (env.exhausted): then a is what the
// others have, in proportion, 1 in sum. When nobody who has weight has anything left, the rest is taken as if all were theirs.
//
// Only the head of a ranking is ever looked at, at most as many as hold the demand, for what stands before an agent's next is
// taken. So each column is read for its best only, twice as many as the agent's share takes, and again for all that there may be
// should others have taken so many of them; what is looked at is sorted piece by piece.
// Status: bit for bit the picks of whole rankings, and their frequencies (tests/env/mixture_of_picks_test.cc).
#include <algorithm>
#include <cmath>

#include "env/mixing.h"
#include "env/selection.h"

namespace fader {
namespace {

class MixtureOfPicks final : public SelectionMethod {
 public:
  MixtureOfPicks(const NoOptions&, const SelectionContext& context) : filters_(context.options.filters()), team_(context.threads) {
    for (int t = 0; t < team_.size(); ++t) finders_.emplace_back(alone_);
  }

  void select(const Offer& offer, Rng& rng, Selected& out) override {
    const std::size_t k = offer.weights.size();
    out.picks.clear();
    out.shares.assign(k, 0.0);
    out.exhausted.assign(k, 0.0);
    taken_.assign((offer.candidates + 63) / 64, 0);
    got_ = 0;
    const bool filter = filters_ && !offer.not_mine.empty();
    if (filter) play(offer, Theirs::own, rng, out);
    play(offer, filter ? Theirs::rest : Theirs::all, rng, out);
    const auto places = static_cast<double>(out.picks.size());
    const bool ran_out = std::any_of(out.exhausted.begin(), out.exhausted.end(), [](double x) { return x > 0; });
    for (std::size_t i = 0; i < k; ++i) {
      out.shares[i] = ran_out ? out.shares[i] / places : offer.weights[i];
      out.exhausted[i] = ran_out ? out.exhausted[i] / places : 0;
    }
  }

 private:
  /// What agents take: all; their own, first; then, when all are out of them, the rest.
  enum class Theirs { all, own, rest };
  /// The head of an agent's ranking, its best, sorted up to `sorted`; `next` is the first that is not taken. `whole`: no more can count.
  struct Head {
    std::vector<Ranked> best;
    std::size_t sorted = 0, next = 0;
    bool whole = false;
  };

  bool is_taken(std::uint32_t c) const { return taken_[c / 64] >> (c % 64) & 1; }

  void find_heads(const Offer& offer, bool own) {
    heads_.resize(offer.weights.size());
    const auto step = static_cast<std::size_t>(team_.size());
    team_.run([&](int t) {
      std::size_t turn = 0;
      for (std::size_t i = 0; i < heads_.size(); ++i) {
        if (offer.weights[i] == 0 || turn++ % step != static_cast<std::size_t>(t)) continue;
        const auto likely = static_cast<std::int64_t>(2 * offer.weights[i] * static_cast<double>(offer.demand));
        heads_[i].sorted = heads_[i].next = 0;
        find_head(offer, i, own, likely, finders_[static_cast<std::size_t>(t)]);
      }
    });
  }

  void find_head(const Offer& offer, std::size_t i, bool own, std::int64_t demand, BestOf& finder) {
    constexpr std::int64_t kFew = 64;  // candidates a piece of the order
    const float* scores = offer.scores[i].data();
    Head& head = heads_[i];
    demand = std::min(demand + kFew * offer.held(0), offer.demand);
    const auto best = finder.find(offer.candidates, offer.tokens, demand, [&](std::int64_t first, std::int64_t last, Best& b) {
      offer_block(scores + first, first, last - first, offer.keys[i], b, [&](std::size_t c) { return !own || offer.mine(i, c); });
    });
    make_room(head.best, best.size());
    head.best.assign(best.begin(), best.end());
    head.whole = demand == offer.demand || !finder.enough();
    sort_best(head.best, 0, head.sorted);
    sort_up_to(head, std::max(head.sorted + kFew, head.best.size() / 2));
  }

  static void sort_up_to(Head& head, std::size_t to) {
    to = std::min(to, head.best.size());
    sort_best(head.best, head.sorted, to);
    head.sorted = to;
  }

  /// False: agent i has none left.
  bool advance(const Offer& offer, std::size_t i, bool own) {
    constexpr std::size_t kAhead = 16;
    for (Head& head = heads_[i];; ++head.next) {
      if (head.next == head.best.size()) {
        if (head.whole) return false;
        find_head(offer, i, own, offer.demand, finders_.front());
      }
      if (head.next == head.sorted) sort_up_to(head, 2 * head.sorted);
      if (const std::size_t ahead = head.next + kAhead; ahead < head.sorted) {
        __builtin_prefetch(&taken_[head.best[ahead].candidate / 64]);
        if (!offer.tokens.empty()) __builtin_prefetch(&offer.tokens[head.best[ahead].candidate]);
      }
      if (!is_taken(head.best[head.next].candidate)) return true;
    }
  }

  /// Places until the demand is met or nobody has anything left.
  void play(const Offer& offer, Theirs theirs, Rng& rng, Selected& out) {
    if (got_ >= offer.demand || out.picks.size() == offer.candidates) return;
    const bool own = theirs == Theirs::own;
    const std::size_t k = offer.weights.size();
    find_heads(offer, own);
    live_.assign(offer.weights.begin(), offer.weights.end());
    next_.assign(k, 0);
    const auto step = [&](std::size_t i) {  // false: agent i is out
      if (!advance(offer, i, own)) return false;
      next_[i] = heads_[i].best[heads_[i].next].candidate;
      return true;
    };
    bool anybody = true;
    for (std::size_t i = 0; i < k; ++i)
      if (live_[i] > 0 && !step(i)) anybody = leave(offer, i);
    std::size_t since = out.picks.size();   // places before those that the present weights have filled
    const auto settle = [&] {
      const auto places = static_cast<double>(out.picks.size() - since);
      for (std::size_t i = 0; i < k; ++i) {
        out.shares[i] += places * live_[i];
        if (offer.weights[i] > 0 && (live_[i] == 0 || theirs == Theirs::rest)) out.exhausted[i] += places;
      }
      since = out.picks.size();
    };
    while (got_ < offer.demand && anybody) {
      const std::size_t agent = rng.choice(live_);
      Pick pick{next_[agent], static_cast<std::uint16_t>(agent), 0};
      for (std::size_t i = 0; i < k; ++i) pick.propensity += next_[i] == pick.candidate ? live_[i] : 0;
      got_ += offer.held(pick.candidate);
      taken_[pick.candidate / 64] |= std::uint64_t{1} << (pick.candidate % 64);
      out.picks.push_back(pick);
      for (std::size_t i = 0; i < k; ++i) {
        if (next_[i] != pick.candidate || live_[i] == 0 || step(i)) continue;
        settle();
        anybody = leave(offer, i);
      }
    }
    settle();
  }

  /// Agent i is out; false: so are all.
  bool leave(const Offer& offer, std::size_t out_of_own) {
    live_[out_of_own] = 0;
    double total = 0;
    for (std::size_t i = 0; i < live_.size(); ++i) total += live_[i] > 0 ? offer.weights[i] : 0;
    for (std::size_t i = 0; i < live_.size(); ++i) live_[i] = live_[i] > 0 ? offer.weights[i] / total : 0;
    return total > 0;
  }

  const bool filters_;
  Team team_, alone_{1};
  std::vector<BestOf> finders_;         // of each thread
  std::vector<Head> heads_;             // of each agent
  std::vector<std::uint64_t> taken_;    // a bit a candidate
  std::vector<double> live_;            // weights of those who have something left
  std::vector<std::uint32_t> next_;     // of each agent
  std::int64_t got_ = 0;
};

REGISTER_SELECTION("mixture_of_picks", MixtureOfPicks, "each pick by one agent, drawn by weight: weights are shares of the picks",
                   "checked against an oracle");

}  // namespace
}  // namespace fader

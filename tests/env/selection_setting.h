// Offers to choose from, and selection as one would write it without a thought for time: whole rankings, sorted anew where it
// is simplest. What env/selections/ must agree with.
#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/rng.h"
#include "env/selection.h"

namespace fader {

/// Owns what an Offer looks at.
struct Setting {
  std::vector<std::vector<float>> scores;
  std::vector<std::uint32_t> tokens;
  std::vector<std::uint16_t> used, domains;
  std::vector<double> weights;
  std::vector<std::uint64_t> keys;
  std::vector<std::optional<float>> not_mine;
  std::int64_t demand = 1;
  std::vector<std::span<const float>> views = {};

  Offer offer() {
    views.assign(scores.begin(), scores.end());
    return {.weights = weights, .scores = views, .keys = keys, .not_mine = not_mine, .tokens = tokens, .used = used, .domains = domains,
            .candidates = scores[0].size(), .demand = demand};
  }
  /// n candidates of 1 to 20 tokens, scores normal or, with `values`, whole numbers below that many.
  static Setting random(std::size_t n, std::size_t agents, std::uint64_t seed, std::uint64_t values = 0) {
    Setting s;
    Rng rng(seed, "test/selection");
    double total = 0;
    for (std::size_t c = 0; c < n; ++c) s.tokens.push_back(static_cast<std::uint32_t>(1 + rng.below(20)));
    for (std::size_t a = 0; a < agents; ++a) {
      auto& column = s.scores.emplace_back(n);
      for (float& x : column) x = static_cast<float>(values > 0 ? static_cast<double>(rng.below(values)) : rng.normal());
      total += s.weights.emplace_back(rng.exponential());
      s.keys.push_back(rng.bits());
    }
    for (double& w : s.weights) w /= total;
    return s;
  }
  /// Candidates of one token each with these scores.
  static Setting of(std::vector<std::vector<float>> scores, std::vector<double> weights, std::int64_t demand) {
    Setting s;
    s.keys.resize(weights.size());
    std::iota(s.keys.begin(), s.keys.end(), std::uint64_t{11});
    s.tokens.assign(scores[0].size(), 1);
    s.scores = std::move(scores);
    s.weights = std::move(weights);
    s.demand = demand;
    return s;
  }
};

inline std::unique_ptr<SelectionMethod> method(SelectionOptions options, int threads = 1) { return make_selection({options, threads}); }
inline SelectionOptions options_of(const std::string& selection, const std::string& scores = "ranks") {
  SelectionOptions options;
  options.selection = selection;
  options.scores = scores;
  return options;
}
inline Selected select(SelectionMethod& method, const Offer& offer, Rng rng) {
  Selected out;
  method.select(offer, rng, out);
  return out;
}

inline bool same(const std::vector<Pick>& a, const std::vector<Pick>& b, double tolerance = 0) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const Pick& x, const Pick& y) {
    return x.candidate == y.candidate && x.agent == y.agent && std::abs(x.propensity - y.propensity) <= tolerance * y.propensity;
  });
}

namespace simple {

/// Place by place, from whole rankings: who has any of its own left, and which it would take.
inline Selected mixture_of_picks(const Offer& offer, bool filters, Rng rng) {
  const std::size_t k = offer.weights.size();
  Selected out{{}, std::vector<double>(k, 0.0), std::vector<double>(k, 0.0)};
  std::vector<std::vector<std::uint32_t>> rankings;
  for (std::size_t i = 0; i < k; ++i) rankings.push_back(ranking(offer.scores[i], offer.keys[i]));
  std::set<std::uint32_t> taken;
  const auto next = [&](std::size_t i, bool own) -> std::int64_t {
    for (const std::uint32_t c : rankings[i])
      if (!taken.count(c) && (!own || offer.mine(i, c))) return c;
    return -1;
  };
  bool ran_out = false;
  for (std::int64_t got = 0; got < offer.demand && taken.size() < offer.candidates;) {
    std::vector<double> live(k, 0.0);
    std::vector<std::int64_t> nexts(k, -1);
    for (const bool own : {filters, false}) {
      double total = 0;
      bool all = true;
      for (std::size_t i = 0; i < k; ++i) {
        if (offer.weights[i] == 0) continue;
        nexts[i] = next(i, own);
        if (nexts[i] >= 0) total += offer.weights[i];
        else all = false;
      }
      for (std::size_t i = 0; i < k; ++i) live[i] = nexts[i] < 0 || offer.weights[i] == 0 ? 0 : all ? offer.weights[i] : offer.weights[i] / total;
      if (total > 0) break;
    }
    for (std::size_t i = 0; i < k; ++i) {
      if (offer.weights[i] > 0 && filters && next(i, true) < 0) out.exhausted[i] += 1, ran_out = true;
      out.shares[i] += live[i];
    }
    const std::size_t agent = rng.choice(live);
    Pick pick{static_cast<std::uint32_t>(nexts[agent]), static_cast<std::uint16_t>(agent), 0};
    for (std::size_t i = 0; i < k; ++i) pick.propensity += live[i] > 0 && nexts[i] == nexts[agent] ? live[i] : 0;
    out.picks.push_back(pick);
    taken.insert(pick.candidate);
    got += offer.held(pick.candidate);
  }
  for (std::size_t i = 0; i < k; ++i) {
    out.shares[i] = ran_out ? out.shares[i] / static_cast<double>(out.picks.size()) : offer.weights[i];
    out.exhausted[i] /= std::max(1.0, static_cast<double>(out.picks.size()));
  }
  return out;
}

/// S of every candidate, from ranks or raw scores.
inline std::vector<double> sums(const Offer& offer, bool raw, double decay = 0) {
  std::vector<double> out(offer.candidates, 0.0);
  for (std::size_t i = 0; i < offer.weights.size(); ++i) {
    if (offer.weights[i] == 0) continue;
    std::vector<double> column(offer.scores[i].begin(), offer.scores[i].end());
    if (!raw) {
      column = normalised_ranks(ranking(offer.scores[i], offer.keys[i]));
      for (double& x : column) x = static_cast<float>(x);
    }
    for (std::size_t c = 0; c < out.size(); ++c) out[c] += offer.weights[i] * column[c];
  }
  for (std::size_t c = 0; c < offer.used.size(); ++c) out[c] /= 1 + decay * offer.used[c];
  return out;
}

/// The first of an order that hold the demand.
inline std::vector<std::uint32_t> head(const Offer& offer, const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> out;
  std::int64_t got = 0;
  for (std::size_t i = 0; i < order.size() && got < offer.demand; ++i) {
    out.push_back(order[i]);
    got += offer.held(order[i]);
  }
  return out;
}

}  // namespace simple

inline std::vector<std::uint32_t> candidates_of(const std::vector<Pick>& picks) {
  std::vector<std::uint32_t> out;
  for (const Pick& p : picks) out.push_back(p.candidate);
  return out;
}

/// Picks of `draws` selections, as sequences, with how often each came.
inline std::map<std::vector<std::uint32_t>, int> frequencies(SelectionMethod& method, const Offer& offer, int draws, Rng rng) {
  std::map<std::vector<std::uint32_t>, int> out;
  Selected chosen;
  for (int i = 0; i < draws; ++i) {
    method.select(offer, rng, chosen);
    ++out[candidates_of(chosen.picks)];
  }
  return out;
}

/// Pearson's statistic less its degrees of freedom, in standard deviations of it: beyond 5 the frequencies are not the
/// probabilities. What has probability 0 must never have come.
inline double surprise(const std::map<std::vector<std::uint32_t>, double>& probability, const std::map<std::vector<std::uint32_t>, int>& seen) {
  double draws = 0, statistic = 0, cells = -1;
  for (const auto& [what, n] : seen) draws += n;
  for (const auto& [what, n] : seen)
    if (!probability.count(what)) return 1e9;
  for (const auto& [what, p] : probability) {
    const double n = seen.count(what) ? seen.at(what) : 0, expected = p * draws;
    statistic += (n - expected) * (n - expected) / expected;
    cells += 1;
  }
  return (statistic - cells) / std::sqrt(2 * std::max(1.0, cells));
}

/// Every sequence that can be picked, with the product of its conditional probabilities; chance(taken, c): of c, given `taken`.
template <class Chance>
void enumerate(std::size_t n, std::size_t places, const Chance& chance, std::vector<std::uint32_t>& taken, double p,
               std::map<std::vector<std::uint32_t>, double>& out) {
  if (taken.size() == places) {
    if (p > 0) out[taken] = p;
    return;
  }
  for (std::uint32_t c = 0; c < n; ++c) {
    if (std::find(taken.begin(), taken.end(), c) != taken.end()) continue;
    const double q = chance(taken, c);
    if (q == 0) continue;
    taken.push_back(c);
    enumerate(n, places, chance, taken, p * q, out);
    taken.pop_back();
  }
}

}  // namespace fader

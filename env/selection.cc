#include "env/selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace fader {
namespace {

template <class Score>
std::vector<std::uint32_t> best_first(std::span<const Score> scores, Rng& ties) {
  std::vector<std::uint64_t> lot(scores.size());
  for (auto& l : lot) l = ties.bits();
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (scores[a] != scores[b]) return scores[a] > scores[b];
    return lot[a] != lot[b] ? lot[a] < lot[b] : a < b;
  });
  return order;
}

}  // namespace

std::vector<std::uint32_t> ranking(std::span<const float> scores, Rng& ties) { return best_first(scores, ties); }
std::vector<std::uint32_t> ranking(std::span<const double> scores, Rng& ties) { return best_first(scores, ties); }

std::vector<double> normalised_ranks(std::span<const std::uint32_t> ranking) {
  const double n = static_cast<double>(ranking.size());
  std::vector<double> ranks(ranking.size());
  for (std::size_t position = 0; position < ranking.size(); ++position)
    ranks[ranking[position]] = (n - static_cast<double>(position) - 0.5) / n;
  return ranks;
}

double rank_correlation(std::span<const double> ranks_a, std::span<const double> ranks_b) {
  FADER_CHECK_EQ(ranks_a.size(), ranks_b.size());
  const double n = static_cast<double>(ranks_a.size());
  if (n < 2) return std::nan("");
  double product = 0;
  for (std::size_t i = 0; i < ranks_a.size(); ++i) product += (ranks_a[i] - 0.5) * (ranks_b[i] - 0.5);
  return product / n / ((1 - 1 / (n * n)) / 12);  // both are permutations of the same grid, of known variance
}

std::vector<Pick> mixture_of_picks(std::span<const double> weights, std::span<const std::vector<std::uint32_t>> rankings,
                                   std::span<const std::uint32_t> tokens, std::int64_t demand, Rng& rng) {
  FADER_CHECK_EQ(weights.size(), rankings.size());
  std::vector<std::uint8_t> taken(tokens.size(), 0);
  std::vector<std::size_t> next(weights.size(), 0);
  std::vector<Pick> picks;
  std::size_t left = tokens.size();
  for (std::int64_t got = 0; got < demand && left > 0; --left) {
    const std::size_t agent = rng.choice(weights);
    for (std::size_t i = 0; i < weights.size(); ++i)
      while (taken[rankings[i][next[i]]]) ++next[i];
    const std::uint32_t candidate = rankings[agent][next[agent]];
    double propensity = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (rankings[i][next[i]] == candidate) propensity += weights[i];
    picks.push_back({candidate, static_cast<std::uint16_t>(agent), propensity});
    taken[candidate] = 1;
    got += tokens[candidate];
  }
  return picks;
}

std::vector<Pick> top_k(std::span<const double> weights, std::span<const std::vector<double>> scores, std::span<const std::uint16_t> used,
                        double decay, std::span<const std::uint32_t> tokens, std::int64_t demand, Rng& ties) {
  FADER_CHECK_EQ(weights.size(), scores.size());
  std::vector<double> mixed(tokens.size(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i)
    for (std::size_t c = 0; c < mixed.size(); ++c) mixed[c] += weights[i] * scores[i][c];
  for (std::size_t c = 0; c < used.size(); ++c) mixed[c] /= 1 + decay * used[c];
  const auto whose = [&](std::uint32_t c) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < weights.size(); ++i)
      if (std::pair(weights[i] * scores[i][c], weights[i]) > std::pair(weights[best] * scores[best][c], weights[best])) best = i;
    return static_cast<std::uint16_t>(best);
  };
  std::vector<Pick> picks;
  std::int64_t got = 0;
  for (const std::uint32_t c : ranking(std::span<const double>(mixed), ties)) {
    if (got >= demand) break;
    picks.push_back({c, whose(c), 1.0});
    got += tokens[c];
  }
  return picks;
}

}  // namespace fader

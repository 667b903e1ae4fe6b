// From agents' scores and the console's weights to the passages that are trained on.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "core/table.h"

namespace fader {

/// Candidates from best to worst under one agent. Equal scores are put in random order: one draw a candidate, whether there
/// are ties or not, so that one agent's ties never shift another's.
std::vector<std::uint32_t> ranking(std::span<const float> scores, Rng& ties);
std::vector<std::uint32_t> ranking(std::span<const double> scores, Rng& ties);

/// Rank-normalised scores, (N - position - 0.5) / N: uniform on (0, 1), the best nearest to one.
std::vector<double> normalised_ranks(std::span<const std::uint32_t> ranking);

/// Spearman's rank correlation of two rankings of the same candidates (ties were broken, so there are none).
double rank_correlation(std::span<const double> ranks_a, std::span<const double> ranks_b);

struct Pick {
  std::uint32_t candidate = 0;
  std::uint16_t agent = 0;     ///< who drew it; of top-k: whose part of the score is greatest
  /// sum_i a_i [this is agent i's next unseen candidate]: the probability of the pick, given the picks before it. Of top-k: 1.
  double propensity = 0;
};

/// Mixture of picks: for each place draw an agent i ~ weights and take the best candidate of agent i's ranking that was not
/// taken yet, until `demand` tokens are taken or the candidates are. Weights keep a linear meaning: the share of places that
/// an agent fills. `tokens[c]` is the length of candidate c.
std::vector<Pick> mixture_of_picks(std::span<const double> weights, std::span<const std::vector<std::uint32_t>> rankings,
                                   std::span<const std::uint32_t> tokens, std::int64_t demand, Rng& rng);

/// Top-k: the candidates with the greatest mixed scores S(c) = sum_i w_i s_i(c), best first, until `demand` tokens are taken or
/// the candidates are; equal scores in random order, by one draw a candidate. Nothing else is random. scores[i][c] is finite. With
/// `used`, S(c) / (1 + decay used[c]): of a negative score that makes a better one, as it does where this comes from.
/// A pick counts for the agent with the greatest w_i s_i(c) (among equals: of the greatest weight, then the first), so that
/// counts of picks are shares of influence, not of draws.
/// Bai et al., arXiv 2410.08102, equation 6 and section 3; the decay is in their released code alone (cal_score.py, 0.1).
std::vector<Pick> top_k(std::span<const double> weights, std::span<const std::vector<double>> scores, std::span<const std::uint16_t> used,
                        double decay, std::span<const std::uint32_t> tokens, std::int64_t demand, Rng& ties);

}  // namespace fader

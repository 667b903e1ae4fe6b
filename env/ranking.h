// Who comes before whom: candidates by score, equal ones in random order, and how much of an order two agents share.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"

namespace fader {

/// 64 random bits of a candidate under a key, by the generator SplitMix64 (Steele, Lea and Flood 2014, OOPSLA): a few
/// operations that vectorise, and no candidate's bits depend on which others are asked for. Keys are random themselves.
inline std::uint64_t lot_bits(std::uint64_t key, std::uint64_t candidate) {
  std::uint64_t x = key + (candidate + 1) * 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// A candidate as it stands in an order: the greater score first, among equals the lesser lot, then the lesser number. Where scores
/// are random themselves there are no equals, and `lot` may say something else.
struct Ranked {
  double score = 0;
  std::uint32_t lot = 0, candidate = 0;
  static Ranked of(double score, std::uint64_t key, std::size_t candidate) {
    return {score, static_cast<std::uint32_t>(lot_bits(key, candidate) >> 32), static_cast<std::uint32_t>(candidate)};
  }
  bool before(const Ranked& other) const {
    if (score != other.score) return score > other.score;
    return lot != other.lot ? lot < other.lot : candidate < other.candidate;
  }
};

/// Candidates from best to worst under one agent, ties by the lots of `key`. Scores are finite.
std::vector<std::uint32_t> ranking(std::span<const float> scores, std::uint64_t key);
std::vector<std::uint32_t> ranking(std::span<const double> scores, std::uint64_t key);
/// One draw makes the key, whether there are ties or not, so that one agent's ties never shift another's.
template <class Score>
std::vector<std::uint32_t> ranking(std::span<const Score> scores, Rng& ties) {
  return ranking(scores, ties.bits());
}

/// Rank-normalised scores, (N - position - 0.5) / N: uniform on (0, 1), the best nearest to one.
std::vector<double> normalised_ranks(std::span<const std::uint32_t> ranking);
/// The same of a column of scores; `scratch` keeps its memory.
void normalise_ranks(std::span<const float> scores, std::uint64_t key, std::vector<Ranked>& scratch, std::span<float> ranks);

/// Spearman's rank correlation of two rankings of the same candidates (ties were broken, so there are none).
double rank_correlation(std::span<const double> ranks_a, std::span<const double> ranks_b);

}  // namespace fader

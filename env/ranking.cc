#include "env/ranking.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace fader {
namespace {

// An object, which is inlined where a function would be called.
constexpr auto before = [](const Ranked& a, const Ranked& b) { return a.before(b); };

template <class Score>
void sort_contenders(std::span<const Score> scores, std::uint64_t key, std::vector<Ranked>& out) {
  out.resize(scores.size());
  for (std::size_t c = 0; c < scores.size(); ++c) out[c] = Ranked::of(static_cast<double>(scores[c]), key, c);
  std::sort(out.begin(), out.end(), before);
}

template <class Score>
std::vector<std::uint32_t> best_first(std::span<const Score> scores, std::uint64_t key) {
  std::vector<Ranked> sorted;
  sort_contenders(scores, key, sorted);
  std::vector<std::uint32_t> order(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) order[i] = sorted[i].candidate;
  return order;
}

}  // namespace

std::vector<std::uint32_t> ranking(std::span<const float> scores, std::uint64_t key) { return best_first(scores, key); }
std::vector<std::uint32_t> ranking(std::span<const double> scores, std::uint64_t key) { return best_first(scores, key); }

std::vector<double> normalised_ranks(std::span<const std::uint32_t> ranking) {
  const double n = static_cast<double>(ranking.size());
  std::vector<double> ranks(ranking.size());
  for (std::size_t position = 0; position < ranking.size(); ++position)
    ranks[ranking[position]] = (n - static_cast<double>(position) - 0.5) / n;
  return ranks;
}

void normalise_ranks(std::span<const float> scores, std::uint64_t key, std::vector<Ranked>& scratch, std::span<float> ranks) {
  sort_contenders(scores, key, scratch);
  const double n = static_cast<double>(scores.size());
  for (std::size_t position = 0; position < scratch.size(); ++position)
    ranks[scratch[position].candidate] = static_cast<float>((n - static_cast<double>(position) - 0.5) / n);
}

double rank_correlation(std::span<const double> ranks_a, std::span<const double> ranks_b) {
  FADER_CHECK_EQ(ranks_a.size(), ranks_b.size());
  const double n = static_cast<double>(ranks_a.size());
  if (n < 2) return std::nan("");
  double product = 0;
  for (std::size_t i = 0; i < ranks_a.size(); ++i) product += (ranks_a[i] - 0.5) * (ranks_b[i] - 0.5);
  return product / n / ((1 - 1 / (n * n)) / 12);  // both are permutations of the same grid, of known variance
}

}  // namespace fader

#include "env/ranking.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <set>

using namespace fader;

TEST_CASE("a ranking puts higher scores first and ties in random order") {
  const std::vector<float> values = {1, 3, 2, 3, 3, 0}, others = {1, 2, 3, 4, 5, 6};
  const std::span<const float> scores = values, distinct = others;
  std::set<std::vector<std::uint32_t>> seen;
  Rng ties(1, "ties");
  for (int i = 0; i < 200; ++i) {
    const auto order = ranking(scores, ties);
    REQUIRE(order.size() == 6);
    for (std::size_t p = 1; p < order.size(); ++p) REQUIRE(scores[order[p - 1]] >= scores[order[p]]);
    seen.insert(order);
  }
  CHECK(seen.size() == 6);  // all orders of the three equal ones

  // as many draws with ties as without
  Rng a(2, "ties"), b(2, "ties");
  ranking(scores, a);
  ranking(distinct, b);
  CHECK(a.bits() == b.bits());
}

TEST_CASE("normalised ranks are uniform on (0, 1) and correlate as Spearman says") {
  const std::vector<std::uint32_t> best_first = {2, 0, 1}, reversed = {1, 0, 2}, other = {0, 2, 1};
  const auto a = normalised_ranks(best_first);
  CHECK(a[2] == Approx(5.0 / 6));
  CHECK(a[0] == Approx(3.0 / 6));
  CHECK(a[1] == Approx(1.0 / 6));
  CHECK(rank_correlation(a, a) == Approx(1.0));
  CHECK(rank_correlation(a, normalised_ranks(reversed)) == Approx(-1.0));
  // ranks 2,1,3 against 3,1,2: 1 - 6 sum d^2 / (n (n^2 - 1)) = 1 - 6 * 2 / 24
  CHECK(rank_correlation(a, normalised_ranks(other)) == Approx(0.5));
}

TEST_CASE("normalised ranks of a column are those of its ranking, ties by the same lots") {
  Rng rng(3, "test/ranks");
  std::vector<float> scores(1000), ranks(1000);
  for (float& x : scores) x = static_cast<float>(rng.below(20));
  std::vector<Ranked> scratch;
  normalise_ranks(scores, 17, scratch, ranks);
  const auto expected = normalised_ranks(ranking(std::span<const float>(scores), 17));
  for (std::size_t c = 0; c < ranks.size(); ++c) CHECK(ranks[c] == static_cast<float>(expected[c]));
  CHECK(ranking(std::span<const float>(scores), 17) != ranking(std::span<const float>(scores), 18));
}

TEST_CASE("lots order equal candidates alike often, pairs and whole orders") {
  // 5 equal scores: 120 orders, each as often as the others, and the places of neighbours are not related
  const std::vector<float> equal(5, 1.0f);
  Rng keys(4, "test/lots");
  std::vector<int> times(120);
  const int draws = 60000;
  for (int i = 0; i < draws; ++i) {
    const auto order = ranking(std::span<const float>(equal), keys);
    int code = 0;
    for (std::size_t a = 0; a < 5; ++a) {
      int lower = 0;
      for (std::size_t b = a + 1; b < 5; ++b) lower += order[b] < order[a];
      code = code * static_cast<int>(5 - a) + lower;
    }
    ++times[static_cast<std::size_t>(code)];
  }
  double statistic = 0;
  for (const int n : times) statistic += (n - draws / 120.0) * (n - draws / 120.0) / (draws / 120.0);
  CHECK(statistic < 119 + 5 * std::sqrt(2 * 119.0));
}

#include "env/selection.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

using namespace fader;

TEST_CASE("a ranking puts higher scores first and ties in random order") {
  const std::vector<float> scores = {1, 3, 2, 3, 3, 0};
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
  ranking(std::vector<float>{1, 2, 3, 4, 5, 6}, b);
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

namespace {

struct Setting {
  std::vector<std::vector<std::uint32_t>> rankings;
  std::vector<std::uint32_t> tokens;
};
Setting setting(std::size_t n, std::size_t agents, std::uint64_t seed) {
  Setting s;
  Rng rng(seed, "test/selection");
  for (std::size_t i = 0; i < n; ++i) s.tokens.push_back(static_cast<std::uint32_t>(1 + rng.below(20)));
  for (std::size_t a = 0; a < agents; ++a) {
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0u);
    rng.shuffle(std::span(order));
    s.rankings.push_back(order);
  }
  return s;
}

}  // namespace

TEST_CASE("mixture of picks meets the demand with distinct candidates, and no whole one beyond it") {
  const auto s = setting(200, 3, 1);
  Rng rng(1, "picks");
  const double weights[] = {0.2, 0.5, 0.3};
  for (const std::int64_t demand : {1, 50, 400, 1000}) {
    const auto picks = mixture_of_picks(weights, s.rankings, s.tokens, demand, rng);
    std::set<std::uint32_t> distinct;
    std::int64_t total = 0;
    for (const Pick& p : picks) {
      distinct.insert(p.candidate);
      total += s.tokens[p.candidate];
    }
    CHECK(distinct.size() == picks.size());
    CHECK(total >= demand);
    CHECK(total - s.tokens[picks.back().candidate] < demand);
  }
  // more than there is: all of it
  CHECK(mixture_of_picks(weights, s.rankings, s.tokens, 1'000'000, rng).size() == 200);
}

TEST_CASE("one agent alone picks from the top of its own ranking with certainty") {
  const auto s = setting(100, 3, 2);
  Rng rng(1, "picks");
  const double weights[] = {0, 1, 0};
  const auto picks = mixture_of_picks(weights, s.rankings, s.tokens, 200, rng);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    CHECK(picks[i].candidate == s.rankings[1][i]);
    CHECK(picks[i].agent == 1);
    CHECK(picks[i].propensity == 1.0);
  }
}

TEST_CASE("an agent fills its weight's share of the places") {
  const auto s = setting(20000, 3, 3);
  Rng rng(5, "picks");
  const double weights[] = {0.1, 0.6, 0.3};
  const auto picks = mixture_of_picks(weights, s.rankings, s.tokens, 100000, rng);
  double share[3] = {};
  for (const Pick& p : picks) share[p.agent] += 1.0 / static_cast<double>(picks.size());
  for (int a = 0; a < 3; ++a) CHECK(share[a] == Approx(weights[a]).margin(0.02));
}

TEST_CASE("the propensity is the conditional probability of the pick") {
  // three candidates; agents 0 and 1 agree on the best one, agent 2 prefers another
  const std::vector<std::vector<std::uint32_t>> rankings = {{0, 1, 2}, {0, 2, 1}, {2, 1, 0}};
  const std::vector<std::uint32_t> tokens = {1, 1, 1};
  const double weights[] = {0.2, 0.3, 0.5};
  Rng rng(9, "picks");
  const int n = 200000;
  int first[3] = {}, second_after_0[3] = {}, firsts_0 = 0;
  for (int i = 0; i < n; ++i) {
    const auto picks = mixture_of_picks(weights, rankings, tokens, 2, rng);
    ++first[picks[0].candidate];
    REQUIRE(picks[0].propensity == Approx(0.5));
    if (picks[0].candidate != 0) continue;
    ++firsts_0;
    ++second_after_0[picks[1].candidate];
    // left: 1, 2. agent 0 takes 1; agents 1 and 2 take 2
    REQUIRE(picks[1].propensity == Approx(picks[1].candidate == 1 ? 0.2 : 0.8));
  }
  CHECK(first[1] == 0);
  CHECK(static_cast<double>(first[0]) / n == Approx(0.5).margin(0.005));
  CHECK(static_cast<double>(second_after_0[2]) / firsts_0 == Approx(0.8).margin(0.005));
}

namespace {

std::vector<std::vector<double>> random_scores(std::size_t n, std::size_t agents, std::uint64_t seed) {
  Rng rng(seed, "test/top_k");
  std::vector<std::vector<double>> scores(agents, std::vector<double>(n));
  for (auto& column : scores)
    for (double& x : column) x = rng.normal();
  return scores;
}

}  // namespace

TEST_CASE("top-k takes the greatest mixed scores until the demand is met, and no whole one beyond it") {
  const auto scores = random_scores(300, 3, 1);
  const auto s = setting(300, 3, 1);
  const double weights[] = {0.2, 0.5, 0.3};
  std::vector<std::pair<double, std::uint32_t>> all;
  for (std::uint32_t c = 0; c < 300; ++c) all.emplace_back(-(0.2 * scores[0][c] + 0.5 * scores[1][c] + 0.3 * scores[2][c]), c);
  std::sort(all.begin(), all.end());
  for (const std::int64_t demand : {0, 1, 50, 1000}) {
    Rng ties(1, "ties");
    const auto picks = top_k(weights, scores, {}, 0, s.tokens, demand, ties);
    std::int64_t total = 0;
    for (std::size_t i = 0; i < picks.size(); ++i) {
      const std::uint32_t c = picks[i].candidate;
      CHECK(c == all[i].second);
      CHECK(picks[i].propensity == 1.0);
      const double parts[] = {0.2 * scores[0][c], 0.5 * scores[1][c], 0.3 * scores[2][c]};
      CHECK(picks[i].agent == std::max_element(parts, parts + 3) - parts);
      CHECK(total < demand);
      total += s.tokens[c];
    }
    CHECK(total >= demand);
  }
  Rng ties(1, "ties");
  CHECK(top_k(weights, scores, {}, 0, s.tokens, 1'000'000, ties).size() == 300);  // more than there is: all of it
}

TEST_CASE("top-k puts equal scores in random order, with as many draws whether there are any or not") {
  const std::vector<std::vector<double>> scores = {{1, 1, 1, 0}};
  const std::vector<std::uint32_t> tokens = {1, 1, 1, 1};
  const double one[] = {1};
  Rng ties(3, "ties");
  std::map<std::uint32_t, int> first;
  for (int i = 0; i < 3000; ++i) ++first[top_k(one, scores, {}, 0, tokens, 1, ties)[0].candidate];
  CHECK(first.size() == 3);
  for (const auto& [candidate, n] : first) CHECK(n == Approx(1000).margin(120));
  Rng a(4, "ties"), b(4, "ties");
  top_k(one, scores, {}, 0, tokens, 1, a);
  top_k(one, std::vector<std::vector<double>>{{4, 3, 2, 1}}, {}, 0, tokens, 4, b);
  CHECK(a.bits() == b.bits());

  // equal parts: of the greatest weight, then the first
  const std::vector<std::vector<double>> zero(3, std::vector<double>(4, 0.0));
  const double later[] = {0.2, 0.2, 0.6}, even[] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
  CHECK(top_k(later, zero, {}, 0, tokens, 1, ties)[0].agent == 2);
  CHECK(top_k(even, zero, {}, 0, tokens, 1, ties)[0].agent == 0);
}

TEST_CASE("what was used before counts for less in top-k") {
  const std::vector<std::vector<double>> scores = {{10, 9, 8, 7}};
  const std::vector<std::uint32_t> tokens = {1, 1, 1, 1};
  const std::vector<std::uint16_t> used = {3, 1, 0, 0};
  const double one[] = {1};
  const auto order = [&](double decay) {
    Rng ties(5, "ties");
    std::vector<std::uint32_t> out;
    for (const Pick& p : top_k(one, scores, used, decay, tokens, 4, ties)) out.push_back(p.candidate);
    return out;
  };
  CHECK(order(0) == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK(order(0.1) == std::vector<std::uint32_t>{1, 2, 0, 3});  // 10 / 1.3 = 7.69, 9 / 1.1 = 8.18
  CHECK(order(1) == std::vector<std::uint32_t>{2, 3, 1, 0});
}

#include "env/strata.h"

#include <catch2/catch.hpp>

#include "tests/env/selection_setting.h"

using namespace fader;

TEST_CASE("the largest remainder gives whole numbers that sum to the total, never off by one") {
  Rng rng(1, "test/strata");
  for (int i = 0; i < 500; ++i) {
    std::vector<std::int64_t> sizes(1 + rng.below(8));
    double all = 0;
    for (auto& s : sizes) all += static_cast<double>(s = static_cast<std::int64_t>(rng.below(1000)));
    if (all == 0) continue;
    const auto total = static_cast<std::int64_t>(rng.below(500));
    const auto got = largest_remainder(total, sizes);
    CHECK(std::accumulate(got.begin(), got.end(), std::int64_t{0}) == total);
    for (std::size_t d = 0; d < sizes.size(); ++d)
      CHECK(std::abs(static_cast<double>(got[d]) - static_cast<double>(total) * static_cast<double>(sizes[d]) / all) < 1);
  }
  CHECK(largest_remainder(10, std::vector<std::int64_t>{1, 1, 1}) == std::vector<std::int64_t>{4, 3, 3});
  CHECK(largest_remainder(5, std::vector<std::int64_t>{0, 0}) == std::vector<std::int64_t>{0, 0});
}

TEST_CASE("equal shares are the same for all that have enough, and sum to the total where there is so much") {
  using Numbers = std::vector<std::int64_t>;
  CHECK(equal_shares(10, Numbers{100, 100, 100}) == Numbers{4, 3, 3});
  CHECK(equal_shares(10, Numbers{100, 1, 100}) == Numbers{5, 1, 4});
  CHECK(equal_shares(10, Numbers{2, 0, 100}) == Numbers{2, 0, 8});
  CHECK(equal_shares(10, Numbers{2, 3, 1}) == Numbers{2, 3, 1});  // there is no more
  CHECK(equal_shares(0, Numbers{2, 3}) == Numbers{0, 0});
}

TEST_CASE("strata keep every domain's share of the candidates, whatever the agents want, and meet the demand to a passage") {
  const std::string selection = GENERATE("mixture_of_picks", "top_k", "gumbel_top_k", "batch_filter");
  auto options = options_of(selection);
  auto s = Setting::random(1000, 3, 5);
  std::vector<double> held(4, 0.0);
  for (std::size_t c = 0; c < 1000; ++c) {
    const std::size_t d = c % 10 == 0 ? 3 : c % 3 == 0 ? 0 : 2;  // domain 1 has none
    s.domains.push_back(static_cast<std::uint16_t>(d));
    held[d] += s.tokens[c];
    for (auto& column : s.scores) column[c] += d == 3 ? 10.0f : 0.0f;  // all agents want one domain
  }
  s.demand = 2000;
  const double all = held[0] + held[2] + held[3];
  const auto shares = [&] {
    std::vector<double> got(4, 0.0);
    const auto chosen = select(*method(options), s.offer(), Rng(1, "strata"));
    std::set<std::uint32_t> distinct;
    double total = 0;
    for (const Pick& p : chosen.picks) {
      got[s.domains[p.candidate]] += s.tokens[p.candidate];
      total += s.tokens[p.candidate];
      distinct.insert(p.candidate);
    }
    CHECK(distinct.size() == chosen.picks.size());
    CHECK(total >= 2000);
    CHECK(total - s.tokens[chosen.picks.back().candidate] < 2000);
    CHECK(chosen.shares == s.weights);
    return got;
  };
  const auto free = shares();
  if (selection != "gumbel_top_k") CHECK(free[3] > 0.9 * std::min(2000.0, held[3]) * (selection == "batch_filter" ? 0.4 : 1));
  options.stratify = "domain";
  const auto kept = shares();
  for (std::size_t d = 0; d < 4; ++d) CHECK(kept[d] == Approx(2000 * held[d] / all).margin(20));
  CHECK(kept[1] == 0);
  options.stratify = "domain_equally";
  const auto same = shares();
  const double rich = std::min(2000.0 / 3, held[3]);
  CHECK(same[3] == Approx(rich).margin(20));
  CHECK(same[0] == Approx((2000 - rich) / 2).margin(20));
  CHECK(same[2] == Approx((2000 - rich) / 2).margin(20));
  CHECK(same[1] == 0);
  options.stratify = "domain";
  // even where a passage must serve several domains
  s.demand = 1;
  CHECK(select(*method(options), s.offer(), Rng(1, "strata")).picks.size() == 1);
}

TEST_CASE("picks of strata are mixed evenly, in each domain as the method picks within it alone") {
  auto options = options_of("top_k", "raw");
  auto s = Setting::random(400, 2, 6);
  s.tokens.assign(400, 1);
  for (std::size_t c = 0; c < 400; ++c) s.domains.push_back(c % 4 == 0);
  s.demand = 100;
  options.stratify = "domain";
  const auto picks = select(*method(options), s.offer(), Rng(2, "strata")).picks;
  REQUIRE(picks.size() == 100);
  const auto sums = simple::sums(s.offer(), true);
  for (std::size_t from = 0; from < 100; from += 20) {
    int rare = 0;
    for (std::size_t i = from; i < from + 20; ++i) rare += s.domains[picks[i].candidate];
    CHECK(std::abs(rare - 5) <= 1);
  }
  for (const int d : {0, 1}) {
    double last = 1e9;
    std::size_t n = 0;
    for (const Pick& p : picks) {
      if (s.domains[p.candidate] != d) continue;
      if (++n < (d == 0 ? 75u : 25u)) CHECK(sums[p.candidate] <= last);
      last = sums[p.candidate];
    }
    CHECK(n == (d == 0 ? 75 : 25));
    std::size_t better = 0;
    for (std::size_t c = 0; c < 400; ++c) better += s.domains[c] == d && sums[c] > last;
    CHECK(better + 1 == n);
  }
}

TEST_CASE("a domain that is due less than a passage gets one as often as its share says") {
  // 5 places, a domain of a fiftieth and one of a tenth
  auto options = options_of("mixture_of_picks");
  options.stratify = "domain";
  auto s = Setting::random(500, 2, 7);
  s.tokens.assign(500, 10);
  for (std::size_t c = 0; c < 500; ++c) s.domains.push_back(c % 50 == 0 ? 2 : c % 10 == 1 ? 1 : 0);
  s.demand = 50;
  const auto m = method(options);
  Rng rng(1, "strata");
  double got[3] = {};
  Selected chosen;
  for (int i = 0; i < 4000; ++i) {
    m->select(s.offer(), rng, chosen);
    REQUIRE(chosen.picks.size() == 5);
    for (const Pick& p : chosen.picks) got[s.domains[p.candidate]] += 1.0 / 4000;
  }
  CHECK(got[2] == Approx(0.1).margin(0.03));
  CHECK(got[1] == Approx(0.5).margin(0.06));
  CHECK(got[0] == Approx(4.4).margin(0.06));
}

TEST_CASE("strata serve a demand for all there is") {
  auto options = options_of("mixture_of_picks");
  options.stratify = "domain";
  auto s = Setting::random(60, 2, 9);
  for (std::size_t c = 0; c < 60; ++c) s.domains.push_back(static_cast<std::uint16_t>(c % 7 == 0));
  s.demand = std::accumulate(s.tokens.begin(), s.tokens.end(), std::int64_t{0});
  for (std::uint64_t seed = 0; seed < 20; ++seed) CHECK(select(*method(options), s.offer(), Rng(seed, "strata")).picks.size() == 60);
}

TEST_CASE("an agent that owns one domain alone is out in the others' strata") {
  auto options = options_of("mixture_of_picks");
  options.stratify = "domain";
  auto s = Setting::random(300, 2, 8);
  s.tokens.assign(300, 1);
  s.weights = {0.5, 0.5};
  for (std::size_t c = 0; c < 300; ++c) {
    s.domains.push_back(c % 3 == 0);
    s.scores[0][c] = c % 3 == 0 ? 1.0f : 0.0f;
    s.scores[1][c] = c % 3 == 0 ? 0.0f : 1.0f;
  }
  s.not_mine = {0.0f, 0.0f};
  s.demand = 90;
  const Selected chosen = select(*method(options), s.offer(), Rng(1, "strata"));
  CHECK(chosen.shares[0] == Approx(1.0 / 3));
  CHECK(chosen.shares[1] == Approx(2.0 / 3));
  CHECK(chosen.exhausted[0] == Approx(2.0 / 3));
  for (const Pick& p : chosen.picks) {
    CHECK(p.propensity == 1);
    CHECK(p.agent == (s.domains[p.candidate] == 1 ? 0 : 1));
  }
}

#include <catch2/catch.hpp>

#include "tests/env/selection_setting.h"

using namespace fader;

TEST_CASE("top-k takes the greatest mixed scores until the demand is met, and no whole one beyond it") {
  auto s = Setting::random(300, 3, 1);
  const std::string scores = GENERATE("raw", "ranks");
  const auto top = method(options_of("top_k", scores));
  const auto sums = simple::sums(s.offer(), scores == "raw");
  for (const std::int64_t demand : {0, 1, 50, 1000, 1'000'000}) {
    s.demand = demand;
    const Offer offer = s.offer();
    Rng rng(1, "ties");
    const auto order = ranking(std::span<const double>(sums), rng.bits());
    const auto picks = select(*top, offer, Rng(1, "ties")).picks;
    CHECK(candidates_of(picks) == simple::head(offer, order));
    for (const Pick& p : picks) {
      CHECK(p.propensity == 1.0);
      if (scores != "raw") continue;
      std::vector<double> parts;
      for (std::size_t i = 0; i < 3; ++i) parts.push_back(s.weights[i] * static_cast<double>(s.scores[i][p.candidate]));
      CHECK(p.agent == std::max_element(parts.begin(), parts.end()) - parts.begin());
    }
  }
}

TEST_CASE("top-k puts equal scores in random order, with as many draws whether there are any or not") {
  auto s = Setting::of({{1, 1, 1, 0}}, {1}, 1);
  const auto top = method(options_of("top_k", "raw"));
  Rng rng(3, "ties");
  Selected chosen;
  std::map<std::uint32_t, int> first;
  for (int i = 0; i < 3000; ++i) {
    top->select(s.offer(), rng, chosen);
    ++first[chosen.picks[0].candidate];
  }
  CHECK(first.size() == 3);
  for (const auto& [candidate, n] : first) CHECK(n == Approx(1000).margin(120));
  Rng a(4, "ties"), b(4, "ties");
  top->select(s.offer(), a, chosen);
  auto distinct = Setting::of({{4, 3, 2, 1}}, {1}, 4);
  top->select(distinct.offer(), b, chosen);
  CHECK(a.bits() == b.bits());

  // equal parts: of the greatest weight, then the first; never of one without weight
  auto zero = Setting::of({{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}, {0.2, 0.2, 0.6}, 1);
  CHECK(select(*top, zero.offer(), Rng(1, "ties")).picks[0].agent == 2);
  zero.weights.assign(3, 1.0 / 3);
  CHECK(select(*top, zero.offer(), Rng(1, "ties")).picks[0].agent == 0);
  auto negative = Setting::of({{0, 0}, {-1, -2}}, {0, 1}, 1);
  CHECK(select(*top, negative.offer(), Rng(1, "ties")).picks[0].agent == 1);
}

TEST_CASE("what was used before counts for less in top-k") {
  auto s = Setting::of({{10, 9, 8, 7}}, {1}, 4);
  s.used = {3, 1, 0, 0};
  const auto order = [&](double decay) {
    auto options = options_of("top_k", "raw");
    options.repetition_decay = decay;
    return candidates_of(select(*method(options), s.offer(), Rng(5, "ties")).picks);
  };
  CHECK(order(0) == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK(order(0.1) == std::vector<std::uint32_t>{1, 2, 0, 3});  // 10 / 1.3 = 7.69, 9 / 1.1 = 8.18
  CHECK(order(1) == std::vector<std::uint32_t>{2, 3, 1, 0});
}

TEST_CASE("of very many candidates top-k finds the same, also where sums are equal or a sample misleads, on any threads") {
  const std::size_t n = 300'000;
  for (const std::string kind : {"random", "constant", "few values", "sampled blocks are good", "rising"}) {
    auto s = Setting::random(n, 3, 8, kind == "few values" ? 3 : kind == "constant" ? 1 : 0);
    s.used.assign(n, 0);
    for (std::size_t c = 0; c < n; ++c) {
      s.used[c] = static_cast<std::uint16_t>(c % 3);
      for (auto& column : s.scores) {
        if (kind == "sampled blocks are good") column[c] += c / 1024 % 64 == 32 ? 100.0f : 0.0f;
        if (kind == "rising") column[c] = static_cast<float>(c);
      }
    }
    s.demand = 60'000;
    auto options = options_of("top_k", "raw");
    options.repetition_decay = 0.1;
    const Offer offer = s.offer();
    Rng rng(1, "ties");
    const auto sums = simple::sums(offer, true, 0.1);
    const auto expected = simple::head(offer, ranking(std::span<const double>(sums), rng.bits()));
    CAPTURE(kind);
    for (const int threads : {1, 2, 3}) CHECK(candidates_of(select(*method(options, threads), offer, Rng(1, "ties")).picks) == expected);
  }
}

TEST_CASE("an agent to whom no candidate belongs has no part in a sum, unless it is to go on") {
  auto s = Setting::random(100, 3, 4);
  std::fill(s.scores[1].begin(), s.scores[1].end(), 0.0f);
  s.not_mine = {std::nullopt, 0.0f, std::nullopt};
  s.demand = 100;
  auto options = options_of("top_k");
  const Selected got = select(*method(options), s.offer(), Rng(1, "ties"));
  const double left = s.weights[0] + s.weights[2];
  CHECK(got.shares[0] == Approx(s.weights[0] / left));
  CHECK(got.shares[1] == 0);
  CHECK(got.shares[2] == Approx(s.weights[2] / left));
  CHECK(got.exhausted == std::vector<double>{0, 1, 0});
  auto without = s;
  without.weights = got.shares;
  CHECK(candidates_of(got.picks) == candidates_of(select(*method(options), without.offer(), Rng(1, "ties")).picks));
  options.exhausted = "continue";
  const Selected on = select(*method(options), s.offer(), Rng(1, "ties"));
  CHECK(on.shares == s.weights);
  CHECK(candidates_of(on.picks) != candidates_of(got.picks));
  s.weights = {0, 1, 0};  // nobody is left: as it is
  CHECK(select(*method(options_of("top_k")), s.offer(), Rng(1, "ties")).shares == s.weights);
  s.scores[1][7] = 1;     // one of its own: not exhausted
  s.weights = {0.5, 0.5, 0};
  CHECK(select(*method(options_of("top_k")), s.offer(), Rng(1, "ties")).exhausted == std::vector<double>{0, 0, 0});
}

#include <catch2/catch.hpp>

#include "tests/env/selection_setting.h"

using namespace fader;

namespace {

SelectionOptions filter(double ratio, const std::string& scores = "raw") {
  auto options = options_of("batch_filter", scores);
  options.filter_ratio = ratio;
  return options;
}

}  // namespace

TEST_CASE("a batch filter's frequencies and propensities are those of all batches") {
  auto s = Setting::of({{0.5f, 3, 2, 7, 1, 4, -2}}, {1}, 2);
  const Offer offer = s.offer();
  const auto batch = method(filter(2));  // 4 of 7
  std::map<std::vector<std::uint32_t>, double> all;
  for (unsigned subset = 0; subset < 128; ++subset) {
    if (std::popcount(subset) != 4) continue;
    std::vector<std::uint32_t> members;
    for (std::uint32_t c = 0; c < 7; ++c)
      if (subset >> c & 1) members.push_back(c);
    std::sort(members.begin(), members.end(), [&](auto a, auto b) { return s.scores[0][a] > s.scores[0][b]; });
    members.resize(2);
    all[members] += 1.0 / 35;
  }
  CHECK(std::abs(surprise(all, frequencies(*batch, offer, 200'000, Rng(3, "draws")))) < 5);
  Rng rng(4, "draws");
  Selected chosen;
  for (int i = 0; i < 200; ++i) {
    batch->select(offer, rng, chosen);
    double p = 1;
    for (const Pick& pick : chosen.picks) p *= pick.propensity;
    CHECK(p == Approx(all.at(candidates_of(chosen.picks))));
  }
}

TEST_CASE("a batch that holds too little is taken whole, and others at random") {
  // one long passage: the mean says that two are enough
  auto s = Setting::of({{6, 5, 4, 3, 2, 1}}, {1}, 30);
  s.tokens = {1, 1, 1, 1, 1, 85};
  const auto batch = method(filter(1));
  std::map<std::vector<std::uint32_t>, int> seen;
  Rng rng(7, "draws");
  Selected chosen;
  const int draws = 60'000;
  std::map<std::vector<std::uint32_t>, double> probability;
  for (int i = 0; i < draws; ++i) {
    batch->select(s.offer(), rng, chosen);
    double p = 1;
    for (const Pick& pick : chosen.picks) p *= pick.propensity;
    const auto what = candidates_of(chosen.picks);
    CHECK(what.back() == 5);
    ++seen[what];
    if (probability.count(what)) REQUIRE(probability[what] == Approx(p));
    probability[what] = p;
  }
  double total = 0;
  for (const auto& [what, p] : probability) total += p;
  CHECK(total == Approx(1));  // all that can come has come
  CHECK(std::abs(surprise(probability, seen)) < 5);
}

TEST_CASE("a batch filter without choice is random, one of everything is top-k") {
  auto s = Setting::random(60, 2, 3);
  s.demand = 120;
  CHECK(candidates_of(select(*method(filter(1e6)), s.offer(), Rng(1, "x")).picks) ==
        candidates_of(select(*method(options_of("top_k", "raw")), s.offer(), Rng(2, "x")).picks));
  for (const Pick& p : select(*method(filter(1e6)), s.offer(), Rng(1, "x")).picks) CHECK(p.propensity == 1);
  s.tokens.assign(60, 1);
  s.demand = 12;
  const auto even = inclusion_probabilities(*method(filter(1)), s.offer(), 20'000, Rng(3, "x"));
  for (const double x : even) CHECK(x == Approx(0.2).margin(5 * std::sqrt(0.2 * 0.8 / 20'000)));
  const auto better = inclusion_probabilities(*method(filter(3)), s.offer(), 20'000, Rng(3, "x"));
  const auto order = ranking(std::span<const double>(simple::sums(s.offer(), true)), 1);
  CHECK(better[order[0]] == Approx(0.6).margin(0.02));  // in the batch, 36 of 60
  CHECK(better[order[59]] < 0.001);
}

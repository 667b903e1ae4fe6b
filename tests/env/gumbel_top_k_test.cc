#include <catch2/catch.hpp>

#include "tests/env/selection_setting.h"

using namespace fader;

namespace {

SelectionOptions gumbel(double tau, const std::string& scores = "raw") {
  auto options = options_of("gumbel_top_k", scores);
  options.tau = tau;
  return options;
}

/// Perturbs every sum, sorts all, and adds up what is left before each pick anew, in the logarithm.
std::vector<Pick> simple_gumbel(const Offer& offer, double tau, bool raw, double decay, Rng rng) {
  const std::uint64_t key = rng.bits();
  const auto sums = simple::sums(offer, raw, decay);
  std::vector<double> perturbed;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const double v = (static_cast<double>(lot_bits(key, c) >> 12) + 0.5) * 0x1p-52;
    perturbed.push_back(sums[c] / tau - std::log(-std::log1p(-v)));
  }
  std::vector<std::uint32_t> order(sums.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return perturbed[a] > perturbed[b]; });
  std::vector<Pick> out;
  for (const std::uint32_t c : simple::head(offer, order)) {
    Pick p{c, 0, 0};
    for (std::size_t i = 1; i < offer.weights.size(); ++i)
      if (raw && offer.weights[i] * static_cast<double>(offer.scores[i][c]) > offer.weights[p.agent] * static_cast<double>(offer.scores[p.agent][c]))
        p.agent = static_cast<std::uint16_t>(i);
    out.push_back(p);
  }
  // from the last place backwards, so that the greatest terms come last
  std::vector<long double> x;
  for (std::size_t i = out.size(); i < order.size(); ++i) x.push_back(static_cast<long double>(sums[order[i]]) / tau);
  for (std::size_t i = out.size(); i-- > 0;) {
    x.push_back(static_cast<long double>(sums[out[i].candidate]) / tau);
    if (order.size() > 10'000 && i % (out.size() / 2) != 0) continue;  // every place would be quadratic
    const long double top = *std::max_element(x.begin(), x.end());
    long double total = 0;
    for (const long double y : x) total += std::exp(y - top);
    out[i].propensity = static_cast<double>(std::exp(x.back() - top) / total);
  }
  return out;
}

void check(const std::vector<Pick>& got, const std::vector<Pick>& expected, bool agents, double tolerance) {
  REQUIRE(candidates_of(got) == candidates_of(expected));
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (agents) REQUIRE(got[i].agent == expected[i].agent);
    REQUIRE(got[i].propensity >= 0);
    REQUIRE(got[i].propensity <= 1);
    if (expected[i].propensity != 0) REQUIRE(got[i].propensity == Approx(expected[i].propensity).epsilon(tolerance).margin(1e-300));
  }
}

}  // namespace

TEST_CASE("Gumbel top-k is the sorted perturbed sums, with exact propensities from hot to freezing, for any demand") {
  std::uint64_t seed = 0;
  for (const std::size_t n : {1u, 2u, 17u, 300u, 2500u})
    for (const double tau : {1e-6, 1e-3, 0.05, 1.0, 1e6})
      for (const double share : {0.02, 0.5, 1.0}) {
        auto s = Setting::random(n, 3, ++seed);
        double tokens = 0;
        for (const auto t : s.tokens) tokens += t;
        s.demand = std::max<std::int64_t>(1, static_cast<std::int64_t>(share * tokens));
        for (std::size_t c = 0; c < n; ++c) s.used.push_back(static_cast<std::uint16_t>(c % 4));
        for (const std::string scores : {"raw", "ranks"}) {
          auto options = gumbel(tau, scores);
          options.repetition_decay = 0.5;
          CAPTURE(n, tau, share, scores);
          const Offer offer = s.offer();
          const auto expected = simple_gumbel(offer, tau, scores == "raw", 0.5, Rng(seed, "gumbel"));
          check(select(*method(options), offer, Rng(seed, "gumbel")).picks, expected, scores == "raw", tau < 1e-5 ? 1e-6 : 1e-9);
        }
      }
}

TEST_CASE("of very many candidates Gumbel top-k finds the same on any threads, whatever the sample says") {
  const std::size_t n = 300'000;
  for (const std::string kind : {"random", "constant", "sampled blocks are good", "two far apart"}) {
    auto s = Setting::random(n, 2, 8, kind == "constant" ? 1 : 0);
    for (auto& column : s.scores)
      for (std::size_t c = 0; c < n; ++c) {
        if (kind == "sampled blocks are good") column[c] += c / 1024 % 64 == 32 ? 100.0f : 0.0f;
        if (kind == "two far apart") column[c] += c % 5000 == 0 ? 1000.0f : 0.0f;
      }
    s.demand = 30'000;
    const Offer offer = s.offer();
    const double tau = kind == "two far apart" ? 0.1 : 0.5;
    const auto expected = simple_gumbel(offer, tau, true, 0, Rng(2, "gumbel"));
    CAPTURE(kind);
    const auto one = select(*method(gumbel(tau)), offer, Rng(2, "gumbel")).picks;
    check(one, expected, true, 1e-9);
    for (const int threads : {2, 3}) CHECK(same(select(*method(gumbel(tau), threads), offer, Rng(2, "gumbel")).picks, one));
  }
}

TEST_CASE("frequencies of Gumbel top-k are those of drawing without replacement with weights exp(S / tau)") {
  auto s = Setting::of({{0.1f, 0.9f, 0.4f, 0.4f, -1.0f}, {1, 0, 0, 2, 0.5f}}, {0.6, 0.4}, 3);
  const Offer offer = s.offer();
  const auto sums = simple::sums(offer, true);
  const auto chance = [&](const std::vector<std::uint32_t>& taken, std::uint32_t c) {
    double total = 0;
    for (std::uint32_t o = 0; o < 5; ++o)
      if (std::find(taken.begin(), taken.end(), o) == taken.end()) total += std::exp(sums[o] / 0.5);
    return std::exp(sums[c] / 0.5) / total;
  };
  std::map<std::vector<std::uint32_t>, double> all;
  std::vector<std::uint32_t> taken;
  enumerate(5, 3, chance, taken, 1, all);
  REQUIRE(all.size() == 60);
  double total = 0;
  for (const auto& [what, p] : all) total += p;
  CHECK(total == Approx(1));
  const auto draws = method(gumbel(0.5));
  CHECK(std::abs(surprise(all, frequencies(*draws, offer, 300'000, Rng(3, "draws")))) < 5);
  Rng rng(4, "draws");
  Selected chosen;
  for (int i = 0; i < 200; ++i) {
    draws->select(offer, rng, chosen);
    double p = 1;
    for (const Pick& pick : chosen.picks) p *= pick.propensity;
    CHECK(p == Approx(all.at(candidates_of(chosen.picks))));
  }

  std::vector<double> exact(5, 0.0);
  for (const auto& [what, p] : all)
    for (const std::uint32_t c : what) exact[c] += p;
  const auto simulated = inclusion_probabilities(*draws, offer, 50'000, Rng(5, "inclusion"));
  for (std::size_t c = 0; c < 5; ++c) CHECK(simulated[c] == Approx(exact[c]).margin(5 * std::sqrt(exact[c] * (1 - exact[c]) / 50'000)));
}

TEST_CASE("a freezing Gumbel top-k is top-k, a hot one is even") {
  auto s = Setting::random(50, 2, 6);
  s.demand = 100;
  CHECK(candidates_of(select(*method(gumbel(1e-6)), s.offer(), Rng(1, "x")).picks) ==
        candidates_of(select(*method(options_of("top_k", "raw")), s.offer(), Rng(2, "x")).picks));
  s.tokens.assign(50, 1);
  s.demand = 10;
  const auto p = inclusion_probabilities(*method(gumbel(1e6)), s.offer(), 20'000, Rng(3, "x"));
  for (const double x : p) CHECK(x == Approx(0.2).margin(5 * std::sqrt(0.2 * 0.8 / 20'000)));
}

#include <catch2/catch.hpp>

#include "tests/env/selection_setting.h"

using namespace fader;

namespace {

Selected picks_of(Setting& s, std::uint64_t seed, const std::string& exhausted = "renormalise", int threads = 1) {
  SelectionOptions options;
  options.exhausted = exhausted;
  return select(*method(options, threads), s.offer(), Rng(seed, "picks"));
}

}  // namespace

TEST_CASE("mixture of picks meets the demand with distinct candidates, and no whole one beyond it") {
  auto s = Setting::random(200, 3, 1);
  for (const std::int64_t demand : {1, 50, 400, 1000}) {
    s.demand = demand;
    const auto picks = picks_of(s, 1).picks;
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
  s.demand = 1'000'000;  // more than there is: all of it
  CHECK(picks_of(s, 1).picks.size() == 200);
  s.demand = 0;
  CHECK(picks_of(s, 1).picks.empty());
}

TEST_CASE("mixture of picks is bit for bit what whole rankings give, for any scores, demand and number of threads") {
  std::uint64_t seed = 0;
  for (const std::size_t n : {1u, 2u, 17u, 300u})
    for (const std::size_t agents : {1u, 2u, 5u})
      for (const std::uint64_t values : {0u, 1u, 3u})
        for (const double share : {0.05, 0.5, 1.0}) {
          auto s = Setting::random(n, agents, ++seed, values);
          if (agents == 5) s.weights[2] = 0;
          if (agents == 2) s.scores[1] = s.scores[0];  // duplicates
          double tokens = 0;
          for (const auto t : s.tokens) tokens += t;
          s.demand = static_cast<std::int64_t>(share * tokens);
          const Selected expected = simple::mixture_of_picks(s.offer(), true, Rng(seed, "picks"));
          for (const int threads : {1, 2}) {
            CAPTURE(n, agents, values, share, threads);
            const Selected got = picks_of(s, seed, "renormalise", threads);
            CHECK(same(got.picks, expected.picks));
            CHECK(got.shares == s.weights);
            CHECK(got.exhausted == std::vector<double>(agents, 0.0));
          }
        }
}

TEST_CASE("agents that agree use each other's candidates up, and their rankings are followed as far as that goes") {
  auto s = Setting::random(2000, 4, 9);
  for (auto& column : s.scores) column = s.scores[0];
  s.keys.assign(4, 5);
  s.demand = 4000;
  const auto order = ranking(std::span<const float>(s.scores[0]), 5);
  const auto picks = picks_of(s, 3).picks;
  CHECK(candidates_of(picks) == simple::head(s.offer(), order));
  for (const Pick& p : picks) CHECK(p.propensity == Approx(1));
}

TEST_CASE("of very many candidates the same are found, also where a sample of them misleads") {
  // Every 64th block, from the 32nd, is looked at first: all good ones lie there, or none.
  const std::size_t n = 300'000;
  for (const std::string kind : {"random", "sampled blocks are good", "sampled blocks are bad", "few values", "rising"}) {
    auto s = Setting::random(n, 3, 8, kind == "few values" ? 4 : 0);
    for (auto& column : s.scores)
      for (std::size_t c = 0; c < n; ++c) {
        const bool sampled = c / 1024 % 64 == 32;
        if (kind == "sampled blocks are good") column[c] += sampled ? 100.0f : 0.0f;
        if (kind == "sampled blocks are bad") column[c] -= sampled ? 100.0f : 0.0f;
        if (kind == "rising") column[c] = static_cast<float>(c);
      }
    s.demand = 60'000;
    CAPTURE(kind);
    const Selected one = picks_of(s, 1), two = picks_of(s, 1, "renormalise", 2);
    CHECK(same(one.picks, two.picks));
    // one agent's head, and the whole by the rule that an agent takes the best of what it has left
    std::vector<std::vector<std::uint32_t>> rankings;
    for (std::size_t i = 0; i < 3; ++i) rankings.push_back(ranking(std::span<const float>(s.scores[i]), s.keys[i]));
    std::vector<bool> taken(n);
    std::vector<std::size_t> next(3, 0);
    Rng rng(1, "picks");
    std::int64_t got = 0;
    bool right = true;
    for (const Pick& p : one.picks) {
      const std::size_t agent = rng.choice(s.weights);
      while (taken[rankings[agent][next[agent]]]) ++next[agent];
      right = right && p.agent == agent && p.candidate == rankings[agent][next[agent]];
      taken[p.candidate] = true;
      got += s.tokens[p.candidate];
    }
    CHECK(right);
    CHECK(got >= s.demand);
    CHECK(got - s.tokens[one.picks.back().candidate] < s.demand);
  }
}

TEST_CASE("one agent alone picks from the top of its own ranking with certainty") {
  auto s = Setting::random(100, 3, 2);
  s.weights = {0, 1, 0};
  s.demand = 200;
  const auto order = ranking(std::span<const float>(s.scores[1]), s.keys[1]);
  const auto picks = picks_of(s, 1).picks;
  for (std::size_t i = 0; i < picks.size(); ++i) {
    CHECK(picks[i].candidate == order[i]);
    CHECK(picks[i].agent == 1);
    CHECK(picks[i].propensity == 1.0);
  }
}

TEST_CASE("an agent fills its weight's share of the places") {
  auto s = Setting::random(20000, 3, 3);
  s.weights = {0.1, 0.6, 0.3};
  s.demand = 100000;
  const auto picks = picks_of(s, 5).picks;
  double share[3] = {};
  for (const Pick& p : picks) share[p.agent] += 1.0 / static_cast<double>(picks.size());
  for (std::size_t a = 0; a < 3; ++a) CHECK(share[a] == Approx(s.weights[a]).margin(0.02));
}

TEST_CASE("propensities of mixture of picks are conditional probabilities: they sum to one and frequencies follow them") {
  // five candidates, three agents with ties and a duplicate
  auto s = Setting::of({{5, 4, 3, 2, 1}, {1, 1, 9, 1, 1}, {1, 1, 9, 1, 1}, {1, 2, 3, 4, 5}}, {0.2, 0.15, 0.25, 0.4}, 3);
  const Offer offer = s.offer();
  std::vector<std::vector<std::uint32_t>> rankings;
  for (std::size_t i = 0; i < 4; ++i) rankings.push_back(ranking(offer.scores[i], offer.keys[i]));
  const auto chance = [&](const std::vector<std::uint32_t>& taken, std::uint32_t c) {
    double p = 0;
    for (std::size_t i = 0; i < 4; ++i)
      if (*std::find_if(rankings[i].begin(), rankings[i].end(), [&](auto x) { return std::find(taken.begin(), taken.end(), x) == taken.end(); }) == c)
        p += s.weights[i];
    return p;
  };
  std::map<std::vector<std::uint32_t>, double> all;
  std::vector<std::uint32_t> taken;
  enumerate(5, 3, chance, taken, 1, all);
  double total = 0;
  for (const auto& [what, p] : all) total += p;
  CHECK(total == Approx(1));
  REQUIRE(all.size() > 6);

  const auto mixture = method({});
  CHECK(std::abs(surprise(all, frequencies(*mixture, offer, 200'000, Rng(3, "draws")))) < 5);
  Rng rng(4, "draws");
  Selected chosen;
  for (int i = 0; i < 200; ++i) {
    mixture->select(offer, rng, chosen);
    double p = 1;
    for (const Pick& pick : chosen.picks) p *= pick.propensity;
    CHECK(p == Approx(all.at(candidates_of(chosen.picks))));
  }
}

TEST_CASE("inclusion probabilities are those of all sequences") {
  auto s = Setting::of({{5, 4, 3, 2, 1}, {2, 1, 9, 1, 1}, {1, 2, 3, 4, 5}}, {0.3, 0.3, 0.4}, 2);
  const Offer offer = s.offer();
  std::vector<std::vector<std::uint32_t>> rankings;
  for (std::size_t i = 0; i < 3; ++i) rankings.push_back(ranking(offer.scores[i], offer.keys[i]));
  std::vector<double> exact(5, 0.0);
  for (std::size_t first = 0; first < 3; ++first)
    for (std::size_t second = 0; second < 3; ++second) {
      const double p = s.weights[first] * s.weights[second];
      const std::uint32_t a = rankings[first][0], b = rankings[second][0] == a ? rankings[second][1] : rankings[second][0];
      exact[a] += p;
      exact[b] += p;
    }
  const int draws = 100'000;
  const auto mixture = method({});
  const auto simulated = inclusion_probabilities(*mixture, offer, draws, Rng(1, "inclusion"));
  double sum = 0;
  for (std::size_t c = 0; c < 5; ++c) {
    CHECK(simulated[c] == Approx(exact[c]).margin(5 * std::sqrt(exact[c] * (1 - exact[c]) / draws) + 1e-12));
    sum += simulated[c];
  }
  CHECK(sum == Approx(2));
}

TEST_CASE("an exhausted agent's weight goes to the others in proportion, and shares, propensities and events' numbers say so") {
  std::uint64_t seed = 100;
  int ran_out = 0, ran_out_late = 0, all_out = 0;
  for (const std::size_t n : {6u, 40u, 200u})
    for (const double share : {0.3, 0.7, 1.0})
      for (int repeat = 0; repeat < 8; ++repeat) {
        auto s = Setting::random(n, 4, ++seed, 5);
        s.not_mine = {0.0f, std::nullopt, 0.0f, 3.0f};
        for (std::size_t c = 0; c < n; ++c) {  // agents 0 and 2 have few of their own
          if (c % 5 != 0) s.scores[0][c] = 0;
          if (c % 3 != 0) s.scores[2][c] = 0;
        }
        if (repeat % 2 == 1) s.weights[1] = 0, s.weights[3] = repeat % 4 == 1 ? 0 : s.weights[3];
        double total = 0, tokens = 0;
        for (const double w : s.weights) total += w;
        for (double& w : s.weights) w /= total;
        for (const auto t : s.tokens) tokens += t;
        s.demand = static_cast<std::int64_t>(share * tokens);
        CAPTURE(n, share, repeat);
        const Selected expected = simple::mixture_of_picks(s.offer(), true, Rng(seed, "picks")), got = picks_of(s, seed, "renormalise", 1 + repeat % 2);
        CHECK(same(got.picks, expected.picks, 1e-12));
        double sum = 0;
        for (std::size_t i = 0; i < 4; ++i) {
          CHECK(got.shares[i] == Approx(expected.shares[i]).margin(1e-12));
          CHECK(got.exhausted[i] == Approx(expected.exhausted[i]).margin(1e-12));
          sum += got.shares[i];
          ran_out += got.exhausted[i] > 0;
          ran_out_late += got.exhausted[i] > 0 && got.exhausted[i] < 1;
        }
        all_out += got.exhausted[0] > 0 && got.exhausted[2] > 0 && s.weights[1] == 0 && (s.weights[3] == 0 || got.exhausted[3] > 0);
        CHECK(sum == Approx(1).margin(1e-9));
        // "continue" takes the next of a ranking, whatever it is
        const Selected on = picks_of(s, seed, "continue"), plain = simple::mixture_of_picks(s.offer(), false, Rng(seed, "picks"));
        CHECK(same(on.picks, plain.picks));
        CHECK(on.shares == s.weights);
      }
  CHECK(ran_out > 20);
  CHECK(ran_out_late > 20);
  CHECK(all_out > 3);
}

TEST_CASE("propensities stay exact when agents run out") {
  // agent 0 owns candidates 0 and 1, agent 1 owns 2, agent 2 all
  auto s = Setting::of({{2, 1, 0, 0, 0}, {0, 0, 1, 0, 0}, {1, 2, 3, 5, 4}}, {0.5, 0.3, 0.2}, 4);
  s.not_mine = {0.0f, 0.0f, std::nullopt};
  const Offer offer = s.offer();
  const auto mixture = method({});
  const std::vector<std::vector<std::uint32_t>> own = {{0, 1}, {2}, ranking(offer.scores[2], offer.keys[2])};
  const auto chance = [&](const std::vector<std::uint32_t>& taken, std::uint32_t c) {
    double total = 0, p = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto next = std::find_if(own[i].begin(), own[i].end(), [&](auto x) { return std::find(taken.begin(), taken.end(), x) == taken.end(); });
      if (next == own[i].end()) continue;
      total += s.weights[i];
      if (*next == c) p += s.weights[i];
    }
    return p / total;
  };
  std::map<std::vector<std::uint32_t>, double> all;
  std::vector<std::uint32_t> taken;
  enumerate(5, 4, chance, taken, 1, all);
  CHECK(std::abs(surprise(all, frequencies(*mixture, offer, 200'000, Rng(5, "draws")))) < 5);
}

// Logged schedules are played as they were, shuffled, stretched or averaged.
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "tests/oracle/episodes.h"

using namespace fader;
using namespace fader::testing;

namespace {

using V = std::vector<double>;

Vectors rows(std::size_t n) {
  Vectors out;
  for (std::size_t t = 0; t < n; ++t) {
    const double a = static_cast<double>(t) / static_cast<double>(n);
    out.push_back({a, 1 - a});
  }
  return out;
}

// What is played over an episode of `decisions`.
Vectors played(const std::string& name, int decisions, std::uint64_t seed, const std::function<void(Options&)>& set) {
  auto context = context_of(2);
  context.horizon = decisions;
  context.seed = seed;
  Episodes episodes(name, context, 1, set);
  Vectors out;
  episodes.round(decisions, [&](const Moment& m) {
    out.emplace_back(m.weights.begin(), m.weights.end());
    return 0.0;
  });
  REQUIRE(episodes.policy().spec().deterministic);
  return out;
}

}  // namespace

TEST_CASE("replay plays the logged weights, decision by decision", "[oracle]") {
  for (const int n : {1, 7, 49, 100})
    REQUIRE(played("replay", n, 1, [&](Options& o) { set_option(o, "schedule", rows(static_cast<std::size_t>(n))); }) ==
            rows(static_cast<std::size_t>(n)));
}

TEST_CASE("a shuffled replay plays the same weights in an order of the run's seed", "[oracle]") {
  const auto set = [](Options& o) {
    set_option(o, "schedule", rows(20));
    set_option(o, "shuffled", true);
  };
  std::set<Vectors> orders;
  std::vector<int> first(20, 0);
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    auto order = played("replay", 20, seed, set);
    REQUIRE(order == played("replay", 20, seed, set));
    ++first[static_cast<std::size_t>(std::find(order.begin(), order.end(), rows(20)[0]) - order.begin())];
    orders.insert(order);
    std::sort(order.begin(), order.end());
    REQUIRE(order == rows(20));
  }
  REQUIRE(orders.size() == 400);
  for (const int n : first) REQUIRE(std::abs(n - 20) < 5 * 4.4);  // five deviations of a binomial with 400 and 1/20
}

TEST_CASE("replay of another length", "[oracle]") {
  const auto longer = played("replay", 8, 1, [](Options& o) { set_option(o, "schedule", rows(4)); });
  for (std::size_t t = 0; t < 8; ++t) REQUIRE(longer[t] == rows(4)[t / 2]);
  const auto shorter = played("replay", 4, 1, [](Options& o) { set_option(o, "schedule", rows(8)); });
  for (std::size_t t = 0; t < 4; ++t) REQUIRE(shorter[t] == rows(8)[2 * t]);
  const auto exact = [](Options& o) {
    set_option(o, "schedule", rows(8));
    set_option(o, "stretch", false);
  };
  REQUIRE(played("replay", 8, 1, exact) == rows(8));
  REQUIRE_THROWS_WITH(played("replay", 9, 1, exact), Catch::Contains("8 rows and an episode 9 decisions"));
}

TEST_CASE("average plays the mean of the logged weights", "[oracle]") {
  const auto set = [](Options& o) { set_option(o, "schedule", Vectors{{1, 0}, {0.5, 0.5}, {0, 1}, {0, 1}}); };
  for (const V& w : played("average", 5, 1, set)) {
    REQUIRE(w[0] == Approx(0.375));
    REQUIRE(w[1] == Approx(0.625));
  }
}

TEST_CASE("logged schedules that cannot be played are refused", "[oracle]") {
  const std::string name = GENERATE("replay", "average");
  const auto make = [&](const std::function<void(Options&)>& set) { return make_policy(name, context_of(2), set); };
  REQUIRE_THROWS_WITH(make([](Options& o) { set_option<std::string>(o, "from", "runs/a/run.h5"); }),
                      Catch::Contains("schedule is empty, though from is 'runs/a/run.h5'"));
  REQUIRE_THROWS_WITH(make([](Options& o) {
                        set_option(o, "schedule", Vectors{{1, 0}, {0.5, 0.4}});
                      }),
                      Catch::Contains("schedule, row 2"));
  REQUIRE(best_weights(*make({}), context_of(2)) == V{0.5, 0.5});
}

// What the searches share: candidates are played as curves, returns come from whole episodes of what was drawn alone.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include "policies/search.h"
#include "policies/simplex.h"
#include "tests/oracle/episodes.h"

using namespace fader;
using namespace fader::testing;

namespace {

// Proposes 1, 2, 3, ... in every number and remembers what it is told.
class Counting final : public Search {
 public:
  Counting(const SearchOptions& options, const PolicyContext& context) : Search(options, context, {}) {}
  std::vector<std::pair<std::vector<double>, double>> told;
  std::int64_t now = 0;

 protected:
  void propose(Rng&, std::span<double> u) override { std::fill(u.begin(), u.end(), ++proposed_); }
  void tell(std::span<const double> u, double value) override { told.push_back({{u.begin(), u.end()}, value}); }
  void incumbent(std::span<double> u) override { std::fill(u.begin(), u.end(), -1); }
  void diagnose(std::span<double>) override {}
  void learned(Archive&) override {}
  std::int64_t generation() const override { return now; }

 private:
  double proposed_ = 0;
};

struct Play {
  Counting policy;
  PolicyContext context;
  std::vector<int> slots;
  std::vector<Rng> streams;
  Decisions decided;

  Play(const SearchOptions& options, const PolicyContext& c) : policy(options, c), context(c) {
    for (int i = 0; i < c.slots; ++i) {
      slots.push_back(i);
      streams.emplace_back(1, "slot/" + std::to_string(i));
    }
  }
  void begin() { policy.begin(slots, std::span(streams).first(slots.size())); }
  void step(double progress, std::vector<double> reward, End end = End::no) {
    const std::size_t d = context.observation.back().offset + context.observation.back().size;
    const Grid<double> x(slots.size(), d, progress), none(slots.size(), 0);
    const std::vector<End> ends(slots.size(), end);
    Rng learner(1, "learn");
    decided.fit(policy.spec(), context.agents.size(), slots.size());
    policy.decide({slots, x.view()}, std::span(streams).first(slots.size()), decided);
    policy.learn({{slots, x.view()}, decided, reward, reward, none.view(), none.view(), x.view(), ends}, learner);
  }
};

SearchOptions with(std::int64_t knots, std::int64_t repeats, std::string curve = "linear") {
  SearchOptions o;
  o.knots = knots;
  o.repeats = repeats;
  o.curve = std::move(curve);
  return o;
}

}  // namespace

TEST_CASE("the return of a candidate is the mean over its episodes of the summed rewards", "[policies]") {
  Play play(with(1, 3), context_of(3, 2));
  for (int episode = 0; episode < 3; ++episode) {
    play.begin();
    play.step(0, {1, 10});
    REQUIRE(play.policy.told.empty());
    play.step(0.5, {0.5 + episode, 20}, End::terminated);
  }
  REQUIRE(play.policy.told.size() == 2);
  REQUIRE(play.policy.told[0].first == std::vector<double>{1, 1});
  REQUIRE(play.policy.told[0].second == Approx(2.5));
  REQUIRE(play.policy.told[1].first == std::vector<double>{2, 2});
  REQUIRE(play.policy.told[1].second == Approx(30));
  play.begin();
  play.step(0, {0, 0}, End::truncated);
  REQUIRE(play.decided.weights[0][0] == Approx(std::exp(3) / (2 * std::exp(3) + 1)));  // the third candidate
}

TEST_CASE("slots whose episodes end at different times are told apart", "[policies]") {
  Play play(with(1, 1), context_of(2, 3));
  play.begin();
  play.step(0, {1, 2, 3});
  play.slots = {0, 2};
  play.step(0.5, {1, 3}, End::terminated);
  play.slots = {1};
  play.step(0.5, {2});
  play.slots = {2};
  play.begin();  // the fourth
  play.slots = {2, 1};
  play.step(0.7, {30, 2}, End::truncated);
  REQUIRE(play.policy.told == std::vector<std::pair<std::vector<double>, double>>{{{1}, 2}, {{3}, 6}, {{4}, 30}, {{2}, 6}});
}

TEST_CASE("what was not played to the end, or not played, is not told", "[policies]") {
  Play play(with(1, 1), context_of(3));
  play.begin();
  play.step(0, {1});
  play.begin();  // anew in the middle
  play.policy.explore(false);
  play.step(0, {1});
  REQUIRE(play.decided.weights[0][2] == Approx(1 / (1 + 2 * std::exp(-1))));  // the incumbent
  play.policy.explore(true);
  play.step(0.5, {1}, End::terminated);
  REQUIRE(play.policy.told.empty());
  play.begin();
  play.policy.now = 1;  // another generation
  play.step(0, {1}, End::terminated);
  REQUIRE(play.policy.told.empty());
  play.begin();
  play.step(0, {7}, End::terminated);
  REQUIRE(play.policy.told.size() == 1);
  REQUIRE(play.policy.told[0].first == std::vector<double>{4, 4});
  play.step(0, {7}, End::terminated);  // without a beginning
  REQUIRE(play.policy.told.size() == 1);
}

TEST_CASE("a candidate aborted between its repeats is given up", "[policies]") {
  Play play(with(1, 2), context_of(2));
  play.begin();
  play.step(0, {1}, End::terminated);
  play.begin();
  play.step(0, {1});
  play.begin();  // the second
  play.step(0, {5}, End::terminated);
  REQUIRE(play.policy.told.empty());
  play.begin();
  play.step(0, {7}, End::terminated);
  REQUIRE(play.policy.told.size() == 1);
  REQUIRE(play.policy.told[0].second == Approx(6));
}

namespace {

// Knots at u = 0, 2, -4 for two agents.
class Bent final : public Search {
 public:
  Bent(const SearchOptions& options, const PolicyContext& context) : Search(options, context, {}) {}

 protected:
  void propose(Rng&, std::span<double> u) override { u[0] = 0, u[1] = 2, u[2] = -4; }
  void tell(std::span<const double>, double) override {}
  void incumbent(std::span<double>) override {}
  void diagnose(std::span<double>) override {}
  void learned(Archive&) override {}
};

double first_weight(const SearchOptions& options, double progress, std::int64_t picks = 0) {
  const auto context = context_of(2, 1, picks);
  Bent policy(options, context);
  const int slot = 0;
  std::vector<Rng> streams = {Rng(1, "slot")};
  policy.begin({&slot, 1}, streams);
  const Grid<double> x(1, 5, progress);
  Decisions decided;
  decided.fit(policy.spec(), 2, 1);
  policy.decide({{&slot, 1}, x.view()}, streams, decided);
  REQUIRE(simplex::is_on(decided.weights[0]));
  return decided.weights[0][0];
}

double logistic(double u) { return 1 / (1 + std::exp(-u)); }

}  // namespace

TEST_CASE("a candidate is a curve of logits over progress", "[policies]") {
  for (const auto& [p, u] : {std::pair(0.0, 0.0), {0.25, 1.0}, {0.5, 2.0}, {0.75, -1.0}, {1.0, -4.0}})
    REQUIRE(first_weight(with(3, 1), p) == Approx(logistic(u)));
  for (const auto& [p, u] : {std::pair(0.0, 0.0), {0.3, 0.0}, {0.4, 2.0}, {0.65, 2.0}, {0.7, -4.0}, {1.0, -4.0}})
    REQUIRE(first_weight(with(3, 1, "constant"), p) == Approx(logistic(u)));
  auto floored = with(3, 1);
  floored.floor_passages = 10;
  REQUIRE(first_weight(floored, 1, 100) == Approx(0.1 + 0.8 * logistic(-4)));
}

TEST_CASE("every search draws its first candidates from all over the simplex", "[policies]") {
  const std::string name = GENERATE("random_search", "gp_bo");
  const auto context = context_of(3);
  std::vector<double> first;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Episodes episodes(name, context, seed);
    episodes.round(1, [&](const Moment& m) {
      first.push_back(m.weights[2]);
      return 0.0;
    });
  }
  // The marginal of Dirichlet(1, 1, 1) is 1 - (1 - a)^2.
  std::sort(first.begin(), first.end());
  double distance = 0;
  for (std::size_t i = 0; i < first.size(); ++i)
    distance = std::max(distance, std::abs(1 - std::pow(1 - first[i], 2) - (static_cast<double>(i) + 0.5) / 400));
  REQUIRE(distance < 2.23 / 20);
}

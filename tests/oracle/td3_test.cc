// TD3: targets, values, logged densities and known optima. Broken on purpose (each seen to fail):
// the actor going downhill, a problem's end that is valued, no bootstrap, critics or targets that
// do not learn, the greater of the critics, the slope of softmax, the density of even draws left out, an actor or targets that do not wait, target noise left out,
// not scaled or not clipped.
#include <catch2/catch.hpp>

#include "tests/oracle/off_policy_checks.h"

using namespace fader;
using namespace fader::testing;

namespace {

/// A state after each of `updates` updates from rewards of one, whose episodes end or do not.
std::vector<std::string> states(int updates, bool ends, const std::function<void(Options&)>& set) {
  const auto context = context_of(3);
  const auto policy = make_policy("td3", context, [&](Options& o) {
    set_option(o, "hidden", std::vector<std::int64_t>{8});
    set_option<std::int64_t>(o, "batch", 4);
    set_option<std::int64_t>(o, "warm_up", 0);
    set(o);
  });
  const std::vector<int> slots = {0};
  const Grid<double> before(1, 7, 0.5), after(1, 7, -0.5), none(1, 0);
  const std::vector<double> reward = {1}, se = {0.1};
  const std::vector<End> end = {ends ? End::terminated : End::no};
  std::vector<Rng> streams = {Rng(1, "act")};
  Rng learner(1, "learn");
  Decisions decided;
  decided.fit(policy->spec(), 3, 1);
  std::vector<std::string> out;
  for (int i = 0; i < updates; ++i) {
    policy->decide({slots, before.view()}, streams, decided);
    policy->learn({{slots, before.view()}, decided, reward, se, none.view(), none.view(), after.view(), end}, learner);
    Archive archive;
    policy->state(archive);
    out.push_back(archive.bytes());
  }
  return out;
}

std::string numbers(const std::string& state, const std::string& name, int n) {
  const auto [at, count] = numbers_of(state, name, n);
  return state.substr(at, count * sizeof(float));
}

}  // namespace

TEST_CASE("td3 values what comes after an observer's end, and nothing after the problem's", "[oracle]") {
  const auto set = [](Options& o) {
    set_option(o, "tau", 0.05);
    set_option<std::int64_t>(o, "batch", 16);
    set_option<std::int64_t>(o, "warm_up", 20);
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CHECK(learned_value("td3", End::terminated, seed, set) == Approx(1).margin(0.1));
    CHECK(learned_value("td3", End::truncated, seed, set) == Approx(2).margin(0.1));
  }
}

TEST_CASE("td3 takes the target of the lesser of its critics", "[oracle]") {
  CHECK(squared_target("td3", {3, -1}, [](Options&) {}) == Approx(0.25).epsilon(1e-3));
  CHECK(squared_target("td3", {-4, 2}, [](Options&) {}) == Approx(1).epsilon(1e-3));
}

TEST_CASE("td3 moves its actor and its targets with every third update of the critics", "[oracle]") {
  const auto after = states(10, false, [](Options& o) { set_option<std::int64_t>(o, "delay", 3); });
  for (std::size_t i = 1; i < after.size(); ++i) {
    const bool moves = (i + 1) % 3 == 0;  // after[i] has seen i + 1 updates
    CAPTURE(i);
    for (int critic : {1, 2}) CHECK(numbers(after[i], "theta", critic) != numbers(after[i - 1], "theta", critic));
    CHECK((numbers(after[i], "theta", 0) != numbers(after[i - 1], "theta", 0)) == moves);
    for (int target : {0, 1, 2}) CHECK((numbers(after[i], "target", target) != numbers(after[i - 1], "target", target)) == moves);
  }
}

TEST_CASE("td3 adds noise to what comes after, as much as it is told and no more than the clip", "[oracle]") {
  const auto critic = [](double noise, double clip, bool ends = false) {
    return numbers(states(1, ends, [&](Options& o) {
                     set_option(o, "target_noise", noise);
                     set_option(o, "target_clip", clip);
                   })[0],
                   "theta", 1);
  };
  CHECK(critic(0.5, 1) != critic(0, 1));
  CHECK(critic(0.5, 1) != critic(0.25, 1));
  CHECK(critic(10, 1e-3) != critic(10, 2e-3));
  CHECK(critic(0.5, 0) == critic(0, 1));
  CHECK(critic(1e-3, 10) == critic(1e-3, 5));  // nothing to clip
  CHECK(critic(0.5, 1, true) == critic(0, 1, true));  // nothing comes after
}

TEST_CASE("the densities that td3 logs are those of its draws", "[oracle]") {
  const double even = GENERATE(0.0, 0.3);
  CHECK(area_by_density("td3", 0, [&](Options& o) { set_option(o, "even", even); }) == Approx(0.01).epsilon(0.05));
  CHECK(area_by_density("td3", 1000, [&](Options& o) { set_option(o, "even", even); }) == Approx(0.01).epsilon(0.05));  // warming up
}

TEST_CASE("td3 finds the best arm", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    CHECK(learned_bandit("td3", 5, 240, seed, [](Options& o) {
            set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
            set_option<std::int64_t>(o, "batch", 32);
            set_option<std::int64_t>(o, "warm_up", 100);
          }) < 0.03);
}

TEST_CASE("td3 invests and follows what it sees", "[oracle]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto context = TwoSteps::context(4);
    context.seed = seed;
    const auto policy = make_policy("td3", context, [&](Options& o) {
      set_option(o, "hidden", std::vector<std::int64_t>{32, 32});
      set_option<std::int64_t>(o, "batch", 32);
      set_option<std::int64_t>(o, "warm_up", 200);
    });
    CHECK(TwoSteps{}.learned(*policy, 4, 1200, seed) > 0.9);
  }
}

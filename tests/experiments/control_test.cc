// Null controls: what is spoiled is spoiled, and nothing else; no effect is seen where there is none.
#include "experiments/control.h"

#include <boost/math/distributions/students_t.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include "experiments/run.h"
#include "policies/simplex.h"
#include "tests/experiments/point_of.h"
#include "tests/policies/console.h"

using namespace fader;

namespace {

// Keeps what it is fed.
class Ear final : public Policy {
 public:
  explicit Ear(const PolicyContext& context) : agents_(context.agents.size()) {
    spec_.learns = true;
    spec_.credit = "";
  }
  const PolicySpec& spec() const override { return spec_; }
  void state(Archive&) override {}
  void decide(const Observations& o, Streams streams, Decisions& out) override {
    for (std::size_t i = 0; i < o.slots.size(); ++i) {
      seen.insert(seen.end(), o.x[i].begin(), o.x[i].end());
      drawn.push_back(streams[i].bits());
      double total = 0;
      for (std::size_t k = 0; k < agents_; ++k) total += out.weights[i][k] = static_cast<double>(k + 1);
      for (double& w : out.weights[i]) w /= total;
      asked.assign(out.weights[i].begin(), out.weights[i].end());
    }
  }
  void learn(const Transitions& t, Rng& rng) override {
    rewards.insert(rewards.end(), t.reward.begin(), t.reward.end());
    credit.emplace_back(t.credit[0].begin(), t.credit[0].end());
    credit_se.emplace_back(t.credit_se[0].begin(), t.credit_se[0].end());
    seen.insert(seen.end(), t.before.x[0].begin(), t.before.x[0].end());
    seen.insert(seen.end(), t.after[0].begin(), t.after[0].end());
    learned_weights.assign(t.decided.weights[0].begin(), t.decided.weights[0].end());
    drawn.push_back(rng.bits());
  }
  std::vector<double> seen, rewards, asked, learned_weights;
  std::vector<std::vector<double>> credit, credit_se;
  std::vector<std::uint64_t> drawn;

 private:
  PolicySpec spec_;
  std::size_t agents_;
};

struct Heard {
  std::vector<double> seen, rewards, asked, learned_weights, executed;
  std::vector<std::vector<double>> credit, credit_se;
  std::vector<std::uint64_t> drawn;
};

// 200 decisions with rewards 0, 1, 2, ..., credit {10 t, 10 t + 1, 10 t + 2} and standard errors {0, 1, 2}.
Heard hear(const std::string& control) {
  PolicyContext context;
  context.agents = {"a", "b", "c"};
  context.observation = {{"progress", 0, 1}};
  context.seed = 5;
  auto inner = std::make_unique<Ear>(controlled(control, context));
  Ear& ear = *inner;
  const auto policy = controlled(control, context, std::move(inner));
  std::vector<Rng> streams = {Rng(1, "act")};
  Rng learner(1, "learn");
  const std::vector<int> slots = {0};
  const std::vector<End> end = {End::no};
  Decisions out;
  out.fit(policy->spec(), 3, 1);
  policy->begin(slots, streams);
  for (int t = 0; t < 200; ++t) {
    const Grid<double> x(1, 1, 0.5);
    Grid<double> credit(1, 3), credit_se(1, 3);
    for (std::size_t k = 0; k < 3; ++k) credit_se[0][k] = static_cast<double>(k), credit[0][k] = 10.0 * t + credit_se[0][k];
    policy->decide({slots, x.view()}, streams, out);
    const std::vector<double> reward = {static_cast<double>(t)}, se = {0.1};
    policy->learn({{slots, x.view()}, out, reward, se, std::as_const(credit).view(), std::as_const(credit_se).view(), x.view(), end}, learner);
  }
  return {ear.seen, ear.rewards, ear.asked, ear.learned_weights, {out.weights[0].begin(), out.weights[0].end()}, ear.credit, ear.credit_se, ear.drawn};
}

std::string state_of(Policy& policy) {
  Archive archive;
  policy.state(archive);
  return archive.bytes();
}

// The regret of an episode; where all arms are alike, which leaves none, minus what was earned.
double played(const std::string& policy, std::int64_t seed, bool alike = false) {
  const std::string means = alike ? "means = [0.5, 0.5, 0.5, 0.5]\n" : "";
  const std::string text = "[env]\nkind = \"bandit-v0\"\nhorizon = 60\n" + means + "[policy]\n" + policy;
  const Point point = testing::point_of(text);
  NoProgress quiet;
  Cohort cohort = assemble(point, seed, nullptr, quiet);
  struct Total final : Hook {
    double regret = 0, earned = 0;
    void interval(const Glimpse& g) override {
      regret += g.outcome.series[g.first][0];
      earned += g.outcome.reward[g.first][0];
    }
  } total;
  std::array<Hook*, 1> hooks = {&total};
  Player(cohort, hooks).run([] { return false; });
  return alike ? -total.earned : total.regret;
}

// Share of experiments with n paired seeds whose two-sided t test at 5% finds a difference of mean from zero.
double rejections(const std::vector<double>& differences, std::size_t n) {
  std::size_t rejected = 0, experiments = 0;
  const double critical = boost::math::quantile(boost::math::students_t(static_cast<double>(n - 1)), 0.975);
  for (std::size_t first = 0; first + n <= differences.size(); first += n, ++experiments) {
    double mean = 0, squares = 0;
    for (std::size_t i = 0; i < n; ++i) mean += differences[first + i] / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) squares += std::pow(differences[first + i] - mean, 2);
    rejected += std::abs(mean) > critical * std::sqrt(squares / static_cast<double>(n - 1) / static_cast<double>(n));
  }
  return static_cast<double>(rejected) / static_cast<double>(experiments);
}

}  // namespace

TEST_CASE("a control spoils what it names and nothing else") {
  const Heard plain = hear("none");
  const Heard twin = hear("twin"), shuffled = hear("shuffled_rewards"), permuted = hear("permuted_credit"),
              duplicated = hear("duplicated_agent"), zeroed = hear("zeroed_observations");
  CHECK(twin.drawn != plain.drawn);
  CHECK(twin.rewards == plain.rewards);
  CHECK(twin.credit == plain.credit);

  CHECK(shuffled.credit == plain.credit);
  CHECK(shuffled.drawn == plain.drawn);
  for (std::size_t t = 1; t < 200; ++t) CHECK(shuffled.rewards[t] < static_cast<double>(t));  // of a decision before
  CHECK(std::set(shuffled.rewards.begin(), shuffled.rewards.end()).size() > 50);

  CHECK(permuted.rewards == plain.rewards);
  std::vector<int> places(3, 0);
  for (std::size_t t = 0; t < 200; ++t) {
    std::vector<double> sorted = permuted.credit[t];
    ++places[static_cast<std::size_t>(std::max_element(sorted.begin(), sorted.end()) - sorted.begin())];
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted == plain.credit[t]);
    for (std::size_t k = 0; k < 3; ++k) CHECK(permuted.credit[t][k] == 10.0 * static_cast<double>(t) + permuted.credit_se[t][k]);
  }
  for (const int n : places) CHECK(std::abs(n - 200 / 3.0) < 4 * std::sqrt(200 * 2.0 / 9));

  CHECK(duplicated.asked.size() == 4);
  CHECK(duplicated.learned_weights == duplicated.asked);
  CHECK(duplicated.credit[7] == std::vector<double>{70, 71, 72, 70});
  CHECK(duplicated.credit_se[7] == std::vector<double>{0, 1, 2, 0});
  CHECK(duplicated.executed[0] == Approx(5.0 / 10));
  CHECK(simplex::is_on(duplicated.executed));

  CHECK(plain.seen == std::vector<double>(3 * 200, 0.5));  // to decide, and before and after to learn
  CHECK(zeroed.seen == std::vector<double>(3 * 200, 0.0));
}

TEST_CASE("a controlled policy saved between decision and feedback goes on as it would have") {
  const auto control = GENERATE(from_range(control_names()));
  const auto kind = GENERATE("discounted_thompson", "ado");  // one draws and goes by rewards, the other goes by weights and credit
  CAPTURE(control, kind);
  const auto context = testing::context_of(3);
  const auto make = [&] { return controlled(control, context, testing::make_policy(kind, controlled(control, context))); };
  const auto policy = make(), other = make();
  for (const auto& preset : policy->spec().presets) CHECK((preset.size() == 3 && simplex::is_on(preset)));
  CHECK((controlled(control, context).seed != context.seed) == (control == "twin"));
  std::vector<Rng> streams = {Rng(1, "act")};
  Rng learner(1, "learn"), world(1, "world");
  const std::vector<int> slots = {0};
  const std::vector<double> se = {0.1};
  const std::vector<End> end = {End::no};
  const bool credited = policy->spec().credit != "none";
  const Grid<double> x(1, 7, 0.5), credit_se(1, credited ? 3 : 0, 0.1);
  Decisions out;
  out.fit(policy->spec(), 3, 1);
  policy->begin(slots, streams);
  for (int t = 0; t < 30; ++t) {
    std::vector<Rng> copies = streams;
    policy->decide({slots, x.view()}, streams, out);
    if (t > 15) {
      Decisions again;
      again.fit(other->spec(), 3, 1);
      other->decide({slots, x.view()}, copies, again);
      REQUIRE(std::ranges::equal(again.weights[0], out.weights[0]));
    }
    if (t == 15) {
      Archive loading(state_of(*policy));
      other->state(loading);
      loading.finish();
    }
    Grid<double> credit(1, credited ? 3 : 0);
    for (double& c : credit.view().flat()) c = 1 + world.uniform();
    const std::vector<double> reward = {world.uniform()};
    const Transitions told{{slots, x.view()}, out, reward, se, std::as_const(credit).view(), credit_se.view(), x.view(), end};
    Rng same = learner;
    policy->learn(told, learner);
    if (t < 15) continue;
    other->learn(told, same);
    REQUIRE(state_of(*other) == state_of(*policy));
  }
}

TEST_CASE("null controls show no effect: five percent of false positives within error") {
  constexpr std::int64_t kExperiments = 300, kSeeds = 8;
  const double allowed = 3 * std::sqrt(0.05 * 0.95 / kExperiments);  // three standard errors of the share
  const auto share = [&](const std::string& a, const std::string& b, bool alike = false) {
    std::vector<double> differences;
    for (std::int64_t seed = 0; seed < kExperiments * kSeeds; ++seed) differences.push_back(played(a, seed, alike) - played(b, seed, alike));
    return rejections(differences, kSeeds);
  };
  const std::string ucb = "kind = \"discounted_ucb\"\nxi = 0.05\n";
  // under another name; fed what says nothing of the arms, it is as good as even play on average
  CHECK(std::abs(share(ucb, ucb + "control = \"twin\"\n") - 0.05) < allowed);
  CHECK(std::abs(share(ucb + "control = \"shuffled_rewards\"\n", "kind = \"uniform\"\n") - 0.05) < allowed);
  const std::string credited = ucb + "feedback = \"credit\"\n";
  CHECK(std::abs(share(credited + "control = \"permuted_credit\"\n", "kind = \"uniform\"\n") - 0.05) < allowed);
  // where agents are alike, one more of them is worth nothing, and neither is looking
  CHECK(std::abs(share(ucb, ucb + "control = \"duplicated_agent\"\n", true) - 0.05) < allowed);
  const std::string linucb = "kind = \"linucb\"\n";
  CHECK(std::abs(share(linucb, linucb + "control = \"zeroed_observations\"\n", true) - 0.05) < allowed);
  // and the test can tell: fed what is right, it is better
  CHECK(share(ucb, "kind = \"uniform\"\n") > 0.9);
}

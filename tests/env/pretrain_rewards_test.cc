// What rewards hear of an interval of pretrain-v0, and which of them it will play.
#include "core/error.h"
#include "tests/env/small_pretrain.h"

using namespace fader;
using namespace fader::pretraining;

namespace {

bool wrong_way_served = false;

/// Only served where a test says so: it would be refused in every run.
struct WrongWay final : StatelessReward {
  WrongWay(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}
  Estimate measure(int, const Interval& in) override { return {-in.fall(), 0}; }
  std::string lacks() const override { return wrong_way_served ? "" : "a test that wants it"; }
};
REGISTER_REWARD("test_wrong_way", WrongWay, NoOptions, "for tests", "runs");

struct Priced final : Agent {
  void begin(Slots, std::span<const std::uint64_t>) override {}
  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (ScoreJob& job : jobs) {
      std::ranges::fill(job.score, 0.5f);
      job.cost = {10, 3e6};
    }
  }
  Cost static_cost() const override { return {100, 8e9}; }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}
};

std::size_t index_of(const EnvSpec& spec, const std::string& reward) {
  const auto it = std::ranges::find(spec.rewards, reward);
  REQUIRE(it != spec.rewards.end());
  return static_cast<std::size_t>(it - spec.rewards.begin());
}

}  // namespace

TEST_CASE("the cost of selection is that of scores and probes for the interval, static scores spread over the episode, credit left out") {
  Small small;
  small.env.reward_options.mu = 0.5;
  small.env.credit_options.names = {"probe", "one_step"};
  small.change = [](Pretraining& parts) {
    parts.agents.push_back(std::make_unique<Priced>());
    parts.agent_names.push_back("priced");
  };
  Small plain = small;
  plain.env.credit_options.names.clear();
  const auto env = small.make(), uncredited = plain.make();
  const EnvSpec& spec = env->spec();
  const std::size_t w1 = index_of(spec, "reference_loss_drop"), w29 = index_of(spec, "cost_penalised");
  Outcome out;
  for (int episode = 0; episode < 2; ++episode) {
    const auto flops = [&](Phase p) { return uncredited->ledger().row(0).flops[static_cast<std::size_t>(p)]; };
    const double before = flops(Phase::score) + flops(Phase::probe);
    double told = 0, due = 0, trained = flops(Phase::train);
    reset(*uncredited, 0, 1, out);
    reset(*env, 0, 1, out);
    for (std::int64_t t = 0; t < spec.horizon; ++t) {
      due = flops(Phase::score) + flops(Phase::probe) - before;
      Outcome other;
      step(*uncredited, 0, t, other);
      step(*env, 0, t, out);
      CHECK(out.reward[0][w29] == other.reward[0][w29]);
      const double now = flops(Phase::train);
      told += (out.reward[0][w1] - out.reward[0][w29]) / 0.5 * (now - trained);
      trained = now;
    }
    CHECK(told == Approx(due).epsilon(1e-6));
    CHECK(due > 8e9);
  }
}

TEST_CASE("uses beyond the free ones are counted where passages return") {
  Small small = Small::reservoir();
  small.agents = {"quality"};
  small.env.epochs = 2;
  small.env.reward_options.nu = 0.5;
  small.env.reward_options.free_uses = 1;
  const auto env = small.make();
  const EnvSpec& spec = env->spec();
  const std::size_t w1 = index_of(spec, "reference_loss_drop"), w30 = index_of(spec, "repetition_penalised");
  Outcome out;
  reset(*env, 0, 1, out);
  const std::vector<double> w = {1};
  const int slots[] = {0};
  std::vector<double> penalty;
  for (std::int64_t t = 0; t < 3; ++t) {
    out.fit(spec, 1);
    env->step(slots, {w.data(), 1, 1}, out);
    penalty.push_back((out.reward[0][w1] - out.reward[0][w30]) / 0.5);
  }
  CHECK(penalty[0] == 0);
  CHECK(penalty[1] > 0.4);  // the memory may have learned otherwise, but half of the pool comes back
  CHECK(penalty[1] <= 1);
}

TEST_CASE("the last interval is the last: minus its loss is what terminal_loss says") {
  Small small;
  const auto env = small.make();
  const EnvSpec& spec = env->spec();
  const std::size_t w9 = index_of(spec, "terminal_loss");
  Outcome out;
  reset(*env, 0, 1, out);
  for (std::int64_t t = 0; t < spec.horizon; ++t) {
    step(*env, 0, t, out);
    if (t + 1 < spec.horizon) CHECK(out.reward[0][w9] == 0);
  }
  CHECK(out.reward[0][w9] == -value(spec, spec.finals, out.finals[0], "final/loss_reference"));
  CHECK(out.reward_se[0][w9] > 0);
}

TEST_CASE("rewards that lack something are left out, or refused where they are played, one that points the wrong way ends it all") {
  Small small;
  const auto has = [](const Env& env, const std::string& name) { return std::ranges::count(env.spec().rewards, name) > 0; };
  CHECK_FALSE(has(*small.make(), "baseline_relative"));
  CHECK_FALSE(has(*small.make(), "progress_fraction"));
  small.env.reward = "baseline_relative";
  CHECK_THROWS_WITH(small.make(), Catch::Contains("reward: baseline_relative compares with another run"));
  small.env.reward_options.baseline = "somewhere";
  small.baseline = {"somewhere", {3.7, 3.6, 3.5, 3.4, 3.3}, {}};
  CHECK(small.make()->spec().rewards.front() == "baseline_relative");
  CHECK(has(*small.make(), "progress_fraction"));
  small.baseline.loss.pop_back();
  CHECK_THROWS_WITH(small.make(), Catch::Contains("somewhere has 4 reference losses"));
  Small forecast;
  forecast.env.reward_options.expected = "forecast";
  CHECK(has(*forecast.make(), "progress_fraction"));

  Small wrong;
  wrong_way_served = true;
  CHECK_THROWS_WITH(wrong.make(), Catch::Contains("reward 'test_wrong_way' points the wrong way"));
  wrong.env.reward = "test_wrong_way";
  CHECK_THROWS_WITH(wrong.make(), Catch::Contains("reward 'test_wrong_way' points the wrong way"));
  wrong_way_served = false;
}

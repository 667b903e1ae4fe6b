// Every reward beside W1 and W6, which have files of their own, against numbers found by hand or by another way.
#include "tests/env/reward_course.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "core/error.h"
#include "core/rng.h"

using namespace fader;

namespace {

const auto corpus = reference_corpus();

Baseline falling(std::vector<double> loss) { return {"a run", std::move(loss), {}}; }

std::unique_ptr<Reward> made(const std::string& name, const RewardOptions& options = {}, const Baseline& baseline = {}) {
  auto reward = rewards().make_default(name, RewardContext{*corpus, 2, options, baseline});
  const int slots[] = {0, 1};
  reward->begin(slots);
  return reward;
}

double w1_error(const Interval& in) { return clustered_error(*corpus, in); }

}  // namespace

TEST_CASE("W2 is the fall over the loss before, W3 the fall of its logarithm") {
  MadeInterval m(*corpus, {5, 4, 3, 6, 6, 6}, {4, 4, 2, 5, 4, 3});
  const Interval& in = m.interval;
  CHECK(in.loss_before == Approx((4 + 6) / 2.0));
  CHECK(in.loss_after == Approx((10 / 3.0 + 4) / 2.0));
  const Estimate relative = made("relative_loss_drop")->measure(0, in), log = made("log_loss_drop")->measure(0, in);
  CHECK(relative.value == Approx((in.loss_before - in.loss_after) / in.loss_before));
  CHECK(log.value == Approx(std::log(in.loss_before / in.loss_after)));
  // of equal tokens a group, so that var(r_d) is that of a mean of three: the differentials of each item, by hand
  const auto error = [&](auto&& v) {
    double variance = 0;
    for (int d = 0; d < 2; ++d) {
      double mean = 0, squares = 0;
      for (std::size_t i = 0; i < 3; ++i) mean += v(3 * static_cast<std::size_t>(d) + i) / 3;
      for (std::size_t i = 0; i < 3; ++i) squares += std::pow(v(3 * static_cast<std::size_t>(d) + i) - mean, 2);
      variance += squares / (3 * 2) / 4;
    }
    return std::sqrt(variance);
  };
  const double b = in.loss_before, a = in.loss_after;
  CHECK(relative.standard_error == Approx(error([&](std::size_t i) { return a / (b * b) * m.before[i] - m.after[i] / b; })));
  CHECK(log.standard_error == Approx(error([&](std::size_t i) { return m.before[i] / b - m.after[i] / a; })));
}

TEST_CASE("W3 telescopes and stays finite where there is no loss left") {
  const auto reward = made("log_loss_drop");
  double sum = 0;
  const std::vector<double> loss = {6, 5, 4.5, 4.4, 4.6};
  for (std::size_t t = 0; t + 1 < loss.size(); ++t) sum += reward->measure(0, MadeInterval::level(*corpus, loss[t], loss[t + 1]).interval).value;
  CHECK(sum == Approx(std::log(6 / 4.6)));
  CHECK(std::isfinite(reward->measure(0, MadeInterval::level(*corpus, 1, 0).interval).value));
}

TEST_CASE("the errors of W2 and W3 cover: their mean square is the variance of the estimate") {
  // Each work has a loss of its own before, and falls by a share of it that differs: an error that took the loss before as known, or
  // the two losses as independent, would be wrong.
  Rng rng(5, "test/rewards");
  const int repetitions = 1500;
  const auto large = reference_corpus(12);
  std::vector<double> values[2];
  double squared_se[2] = {};
  for (int r = 0; r < repetitions; ++r) {
    std::vector<float> before, after;
    for (std::size_t i = 0; i < large->set(Set::reward).size(); ++i) {
      before.push_back(static_cast<float>(4 + 0.8 * rng.normal()));
      after.push_back(before.back() * static_cast<float>(0.8 + 0.05 * rng.normal()));
    }
    const MadeInterval m(*large, before, after);
    for (int w = 0; w < 2; ++w) {
      const auto reward = rewards().make_default(w == 0 ? "relative_loss_drop" : "log_loss_drop", RewardContext{*large, 1});
      const Estimate e = reward->measure(0, m.interval);
      values[w].push_back(e.value);
      squared_se[w] += e.standard_error * e.standard_error / repetitions;
    }
  }
  for (int w = 0; w < 2; ++w) {
    double mean = 0, variance = 0;
    for (const double v : values[w]) mean += v / repetitions;
    for (const double v : values[w]) variance += (v - mean) * (v - mean) / repetitions;
    CHECK(squared_se[w] / variance == Approx(1.0).margin(0.15));
  }
}

TEST_CASE("W4 is the fall per million tokens, or per 10^15 FLOPs of training and selection") {
  const auto m = MadeInterval::level(*corpus, 5, 4.5);
  CHECK(made("loss_drop_rate")->measure(0, m.interval).value == Approx(0.5 / 500e-6));
  const MadeInterval uneven(*corpus, {5, 5, 5, 5, 5, 5}, {4, 3, 5, 4, 2, 4});
  const double unit = 500e-6;
  CHECK(made("loss_drop_rate")->measure(0, uneven.interval).standard_error == Approx(w1_error(uneven.interval) / unit));
  RewardOptions by_flop;
  by_flop.rate = "flop";
  CHECK(made("loss_drop_rate", by_flop)->measure(0, m.interval).value == Approx(0.5 / 5e-6));
}

TEST_CASE("W5 is zero when the baseline is played again, and its sum is the final advantage") {
  const std::vector<double> base = {6, 5, 4.4, 4.1}, better = {6, 4.8, 4.3, 3.8};
  const auto reward = made("baseline_relative", {}, falling(base));
  CHECK(reward->lacks().empty());
  double sum = 0;
  for (std::size_t t = 0; t < 3; ++t) {
    const auto index = static_cast<std::int64_t>(t);
    CHECK(reward->measure(0, MadeInterval::level(*corpus, base[t], base[t + 1], index).interval).value == Approx(0).margin(1e-6));
    sum += reward->measure(1, MadeInterval::level(*corpus, better[t], better[t + 1], index).interval).value;
  }
  CHECK(sum == Approx(0.3));
  CHECK_THAT(made("baseline_relative")->lacks(), Catch::Contains("env.reward_baseline is empty"));
}

TEST_CASE("a baseline of another schedule is refused, and one that was not played to its end") {
  const auto refused = [](const Baseline& b) {
    try {
      check_baseline(b, 3, 500);
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refused({"x", {4, 3, 2, 1}, {0, 500, 1000, 1500}}).empty());
  CHECK(refused({"x", {4, 3, 2, 1}, {}}).empty());
  CHECK_THAT(refused({"x", {4, 3, 2}, {}}), Catch::Contains("x has 3 reference losses, and this run has 4"));
  CHECK_THAT(refused({"x", {4, 3, 2, 1}, {0, 400, 800, 1200}}), Catch::Contains("400 tokens after 1 intervals"));
  CHECK_THAT(refused({"x", {4, 3, NAN, 1}, {}}), Catch::Contains("after 2 intervals is nan"));
}

TEST_CASE("W7 is the share of the expected progress less one, by the baseline or by the forecast") {
  const auto reward = made("progress_fraction", {}, falling({6, 5, 4.9, 4.95}));
  CHECK(reward->measure(0, MadeInterval::level(*corpus, 6, 4.5, 0).interval).value == Approx(0.5));
  CHECK(reward->measure(0, MadeInterval::level(*corpus, 5, 4.95, 1).interval).value == Approx(-0.5).epsilon(1e-5));
  // the baseline's loss rose: no progress is expected, and what there is still counts the right way
  const double rose = reward->measure(0, MadeInterval::level(*corpus, 4.9, 4.91, 2).interval).value;
  const double fell = reward->measure(1, MadeInterval::level(*corpus, 4.9, 4.89, 2).interval).value;
  CHECK(fell == Approx((0.01 + 0.05) / 1e-3).epsilon(1e-3));
  CHECK(rose == Approx((0.05 - 0.01) / 1e-3).epsilon(1e-3));
  CHECK(reward->measure(0, MadeInterval::level(*corpus, 4.9, 4.95, 2).interval).value == Approx(0).margin(1e-3));
  CHECK_THAT(made("progress_fraction")->lacks(), Catch::Contains("reward_expected"));

  RewardOptions o;
  o.expected = "forecast";
  const auto alone = made("progress_fraction", o);
  CHECK(alone->lacks().empty());
  const auto law = [](double n) { return 2 + 30 * std::pow(n, -0.3); };
  CHECK(alone->measure(0, MadeInterval::level(*corpus, 6, law(500), 0).interval).value == 0);
  for (std::int64_t t = 1; t < 7; ++t) {
    const double before = law(500.0 * static_cast<double>(t)), after = law(500.0 * static_cast<double>(t + 1));
    const double r = alone->measure(0, MadeInterval::level(*corpus, before, after, t).interval).value;
    if (t > 3) CHECK(r == Approx(0).margin(1e-3));
  }
  const double before = law(3500), as_much_again = before - 2 * (before - law(4000));
  CHECK(alone->measure(0, MadeInterval::level(*corpus, before, as_much_again, 7).interval).value == Approx(1).epsilon(1e-3));
}

TEST_CASE("W9 is minus the last loss, and nothing before, its error is that of the loss") {
  const auto reward = made("terminal_loss");
  CHECK(reward->measure(0, MadeInterval::level(*corpus, 5, 4, 6).interval).value == 0);
  const MadeInterval m(*corpus, {5, 5, 5, 5, 5, 5}, {4, 5, 6, 3, 3, 3}, 7);
  const Estimate last = reward->measure(0, m.interval);
  CHECK(last.value == Approx(-4));
  CHECK(last.standard_error == Approx(std::sqrt(2.0 / (3 * 2) / 4)));  // residuals -1, 0, 1 in one domain of two
  MadeInterval early = MadeInterval::level(*corpus, 5, 9, 2);
  early.interval.last = true;  // training diverged
  CHECK(reward->measure(0, early.interval).value == Approx(-9));
}

TEST_CASE("W29 takes mu times the overhead of selection from another reward, W30 nu times the mean excess of uses") {
  RewardOptions o;
  o.mu = 0.4;
  o.nu = 0.3;
  MadeInterval m = MadeInterval::level(*corpus, 5, 4.5);
  CHECK(made("cost_penalised", o)->measure(0, m.interval).value == Approx(0.5 - 0.4 * 0.25));
  CHECK(made("repetition_penalised", o)->measure(0, m.interval).value == Approx(0.5));
  CHECK(made("repetition_penalised", o)->measure(0, m.with_uses({1, 4, 4, 4})).value == Approx(0.5));
  CHECK(made("repetition_penalised", o)->measure(0, m.with_uses({1, 5, 8, 2})).value == Approx(0.5 - 0.3 * 5 / 4));
  o.free_uses = 1;
  CHECK(made("repetition_penalised", o)->measure(0, m.with_uses({1, 5, 8, 2})).value == Approx(0.5 - 0.3 * 12 / 4));
  o.penalised = "log_loss_drop";
  CHECK(made("cost_penalised", o)->measure(0, m.interval).value == Approx(std::log(5 / 4.5) - 0.1));
  o.penalised = "repetition_penalised";
  CHECK_THROWS_WITH(made("cost_penalised", o), Catch::Contains("is a penalised reward itself"));
  CHECK_THROWS_WITH(made("repetition_penalised", o), Catch::Contains("is a penalised reward itself"));
  o.penalised = "baseline_relative";
  CHECK_THAT(made("cost_penalised", o)->lacks(), Catch::Contains("reward_baseline"));
}

namespace {

struct WrongWay final : StatelessReward {
  WrongWay(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}
  Estimate measure(int, const Interval& in) override { return {in.loss_after - in.loss_before, 0}; }
};
struct Level final : StatelessReward {  // what the seed paper's code stores: a level after the step
  Level(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}
  Estimate measure(int, const Interval& in) override { return {in.loss_after, 0}; }
};
struct Indifferent final : StatelessReward {
  Indifferent(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}
  Estimate measure(int, const Interval&) override { return {1, 0}; }
};
struct NoNumber final : StatelessReward {
  NoNumber(const NoOptions&, const RewardContext& context) : StatelessReward(context) {}
  Estimate measure(int, const Interval&) override { return {}; }
};

}  // namespace

TEST_CASE("a reward that points the wrong way, or nowhere, is refused before a run begins") {
  RewardRegistry shelf("reward");
  shelf.add<WrongWay, NoOptions>("wrong_way", "", "");
  shelf.add<Level, NoOptions>("level", "", "");
  shelf.add<Indifferent, NoOptions>("indifferent", "", "");
  shelf.add<NoNumber, NoOptions>("no_number", "", "");
  const auto items = corpus->set(Set::reward);
  for (const std::string& name : shelf.names())
    CHECK_THROWS_WITH(check_sign(shelf.at(name), RewardContext{*corpus}, items), Catch::Contains("reward '" + name + "' points the wrong way"));
  for (const std::string& name : rewards().names())
    if (made(name)->lacks().empty()) CHECK_NOTHROW(check_sign(rewards().at(name), RewardContext{*corpus}, items));
}

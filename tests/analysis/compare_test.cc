// Differences, curves and weights of synthetic runs come out exactly.
#include "analysis/compare.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "tests/analysis/synthetic_runs.h"

using namespace fader;
using namespace fader::test;
using Catch::Matchers::Contains;

TEST_CASE("a series is known between its points only") {
  const Trace s{{0, 10, 20}, {4, 2, 3}};
  CHECK(s.at(0) == 4);
  CHECK(s.at(5) == 3);
  CHECK(s.at(10) == 2);
  CHECK(s.at(20) == 3);
  CHECK(std::isnan(s.at(-1)));
  CHECK(std::isnan(s.at(21)));
}

TEST_CASE("curves are aligned by position, not by row") {
  // The same straight line seen at different tokens: by rows the mean would leave the line.
  const Curve c = mean_curve({{{0, 10, 20, 30}, {6, 5, 4, 3}}, {{0, 15, 30}, {6, 4.5, 3}}}, 0.95);
  CHECK(c.x == std::vector<double>{0, 10, 15, 20, 30});
  CHECK(c.mean == std::vector<double>{6, 5, 4.5, 4, 3});
  CHECK(c.n == 2);
  CHECK(c.band[1].width() == 0);
  const Curve overlap = mean_curve({{{0, 10, 20}, {1, 1, 1}}, {{10, 20, 30}, {3, 3, 3}}}, 0.95);
  CHECK(overlap.x == std::vector<double>{10, 20});
  CHECK(overlap.mean == std::vector<double>{2, 2});
  CHECK(overlap.band[0].low == Approx(2 - 12.706204736174698));  // t(1) at 97.5% times sqrt(2) / sqrt(2)
}

TEST_CASE("known differences come out exactly") {
  const TemporaryFolder out;
  write_pairs(out.path() / "x", 6);
  const Collection runs = collect_runs(out.path() / "x");
  const Comparison all = compare(runs);
  CHECK(all.lower_is_better);
  CHECK(all.quantity == "final test loss (nats per token)");
  CHECK(all.curve_quantity == "reference loss (nats per token)");
  CHECK(all.x_name == "tokens seen");
  CHECK(all.notes.empty());
  REQUIRE(all.contenders.size() == 2);
  const Contender &base = all.contenders[0], &console = all.contenders[1];
  CHECK(base.is_baseline);
  CHECK_FALSE(base.paired);
  CHECK(all.ranking == std::vector<std::size_t>{1, 0});
  CHECK(base.mean == 4.8125);
  REQUIRE(console.paired);
  CHECK(console.paired->n == 6);
  CHECK(console.paired->difference == -0.28125);
  CHECK(console.paired->sd == Approx(0.0342326598).epsilon(1e-8));  // sqrt(6 0.03125^2 / 5)
  CHECK(console.paired->interval.high - console.paired->difference == Approx(2.5705818356363146 * 0.0342326598 / std::sqrt(6.0)));
  CHECK(all.wins(*console.paired) == 6);
  CHECK(console.paired->gain > 5);
  CHECK(console.difference.x == std::vector<double>{0, 100, 200, 300, 400});
  CHECK(console.difference.mean == std::vector<double>{0, -0.28125 / 4, -0.28125 / 2, -0.28125 * 3 / 4, -0.28125});
  CHECK(base.overhead_seconds == Approx(4.0 / 40));  // score over score and train
  CHECK(base.overhead_flops == Approx(8.0 / 40));    // setup and score over those and train
}

TEST_CASE("weights are averaged over seeds where they hold") {
  const TemporaryFolder out;
  write_pairs(out.path() / "x", 2);
  const Collection runs = collect_runs(out.path() / "x");
  const Contender console = compare(runs).contenders[1];
  CHECK(console.adapts);
  CHECK(console.weights.from == std::vector<double>{0, 100, 200, 300});
  CHECK(console.weights.to == std::vector<double>{100, 200, 300, 400});
  CHECK(console.weights.values == std::vector<std::vector<double>>{{0.5, 0.5}, {0.5, 0.5}, {0.75, 0.25}, {0.75, 0.25}});
  CHECK(console.first_weights.values == std::vector<std::vector<double>>{{0.5, 0.5}, {0.25, 0.75}, {0.75, 0.25}, {1, 0}});
}

TEST_CASE("runs decided at different tokens share boundaries") {
  const TemporaryFolder out;
  SyntheticRun one{.policy = "console", .seed = 0}, two{.policy = "console", .seed = 1};
  one.weights = {{1, 0}, {0, 1}, {0, 1}, {0, 1}};
  two.tokens = {0, 250, 400};
  two.reference = {6, 5, 4};
  two.weights = {{1, 0}, {0, 1}};
  write_run(out.path() / "x", one);
  write_run(out.path() / "x", two);
  const Collection runs = collect_runs(out.path() / "x");
  const Stretches w = compare(runs).contenders[0].weights;
  CHECK(w.from == std::vector<double>{0, 100, 200, 250, 300});
  CHECK(w.values == std::vector<std::vector<double>>{{1, 0}, {0.5, 0.5}, {0.5, 0.5}, {0, 1}, {0, 1}});
}

TEST_CASE("seeds without a partner are not in the differences, and it is said") {
  const TemporaryFolder out;
  write_run(out.path() / "x", {.seed = 0});
  write_run(out.path() / "x", {.policy = "console", .seed = 0, .loss_test = 4.25});
  write_run(out.path() / "x", {.policy = "console", .seed = 1, .loss_test = 1.0});
  const Collection runs = collect_runs(out.path() / "x");
  const Comparison all = compare(runs);
  CHECK(all.contenders[1].paired->n == 1);
  CHECK(all.contenders[1].paired->difference == -0.25);
  REQUIRE(all.notes.size() == 1);
  CHECK_THAT(all.notes[0], Contains("console: 1 of its seeds"));
}

TEST_CASE("a failed run is noted: the mean without it flatters") {
  const TemporaryFolder out;
  write_run(out.path() / "x", {.seed = 0});
  write_run(out.path() / "x", {.seed = 1, .status = RunStatus::failed});
  const Collection runs = collect_runs(out.path() / "x");
  const Comparison all = compare(runs);
  CHECK(all.contenders[0].left_out == 1);
  REQUIRE(all.notes.size() == 1);
  CHECK_THAT(all.notes[0], Contains("policy=random/seed-1 failed"));
}

TEST_CASE("the baseline may be missing, chosen or unknown") {
  const TemporaryFolder out;
  write_run(out.path() / "x", {.policy = "a", .loss_test = 4.25});
  write_run(out.path() / "x", {.policy = "b"});
  const Collection runs = collect_runs(out.path() / "x");
  const Comparison none = compare(runs);
  CHECK(none.baseline.empty());
  CHECK(none.baseline_contender() == nullptr);
  REQUIRE(none.notes.size() == 1);
  CHECK_THAT(none.notes[0], Contains("'random' has no complete run"));
  const Comparison chosen = compare(runs, "b");
  CHECK(chosen.baseline_contender()->name == "b");
  CHECK(chosen.contenders[1].paired->difference == -0.25);
  CHECK_THROWS_AS(compare(runs, "bb"), ConfigError);
}

TEST_CASE("a metric of rewards is better when higher") {
  const TemporaryFolder out;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  write_run(out.path() / "x", {.loss_test = nan});
  write_run(out.path() / "x", {.policy = "console", .reference = {6, 5, 4, 3.5, 3}, .loss_test = nan});
  const Collection runs = collect_runs(out.path() / "x");
  const Comparison all = compare(runs);
  CHECK_FALSE(all.lower_is_better);
  CHECK(all.contenders[all.ranking[0]].name == "console");
  CHECK(all.wins(*all.contenders[1].paired) == 1);
}

TEST_CASE("learning is a moving average over the last episodes of all seeds") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_run(x, many_episodes({.policy = "console", .seed = 0}, 1, true));
  write_run(x, many_episodes({.policy = "console", .seed = 1}, 2, true));
  write_run(x, {.seed = 0});
  const Collection runs = collect_runs(x);
  const Comparison all = compare(runs);
  CHECK(all.window == 6);  // five, in whole rounds of two
  CHECK(all.contenders[0].learning.episode.empty());
  CHECK_FALSE(all.contenders[0].evaluated);
  CHECK(all.contenders[1].evaluated);
  const Learning& l = all.contenders[1].learning;
  REQUIRE(l.episode == std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(l.n == std::vector<std::size_t>{2, 4, 6, 8, 10, 12, 12, 12, 12, 12});
  CHECK(l.mean[0] == 0);
  CHECK(l.mean[2] == 1.5);                // (0 + 1 + 2) (1 + 2) / 6
  CHECK(l.mean[9] == Approx(1.5 * 6.5));  // episodes 4 to 9
  CHECK(l.sd[1] == Approx(std::sqrt((2 * 0.5625 + 0.0625 + 1.5625) / 3)));  // of 0, 0, 1, 2
  CHECK(all.contenders[1].mean == 3.5);
  REQUIRE(all.notes.size() == 2);
  CHECK_THAT(all.notes[0], Contains("judged by the mean over their 2 evaluation episodes. Curves"));
}

TEST_CASE("what judges runs of several episodes is said, also where it differs") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_run(x, many_episodes({}, 1, false));
  const auto note = [&] {
    const Collection runs = collect_runs(x);
    return compare(runs).notes.at(0);
  };
  CHECK_THAT(note(), Contains("judged by the mean over their last 2 learning episodes."));
  write_run(x, many_episodes({.policy = "console"}, 1, true));
  CHECK_THAT(note(), Contains("the mean over their 2 evaluation episodes (policy=console); by the mean over their last 2 learning episodes (policy=random)."));
  SyntheticRun old{.policy = "old"};
  old.phases = {"", ""};
  write_run(x, old);
  CHECK_THAT(note(), Contains("by their last episode that was kept in full (policy=old)"));
}

#include "analysis/aggregate.h"

#include <cmath>

#include "tests/analysis/comparisons_fixture.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("aggregates and profiles are rliable's") {
  for (const Case& c : cases("scores/")) {
    CAPTURE(c.name);
    const auto &x = c.lists("x"), &y = c.lists("y");
    CHECK(stats::interquartile_mean(x) == close_to(c.number("iqm")));
    CHECK(stats::mean_over_tasks(x) == close_to(c.number("mean")));
    CHECK(stats::median_over_tasks(x) == close_to(c.number("median")));
    CHECK(stats::optimality_gap(x) == close_to(c.number("gap"), 1));
    CHECK(stats::optimality_gap(x, 0.5) == close_to(c.number("gap_half"), 1));
    CHECK(stats::probability_of_improvement(x, y) == close_to(c.number("improvement")));
    const auto profile = stats::performance_profile(x, c.list("thresholds"));
    REQUIRE(profile.size() == c.list("profile").size());
    for (std::size_t i = 0; i < profile.size(); ++i) CHECK(profile[i] == close_to(c.list("profile")[i]));
  }
}

TEST_CASE("tasks of unequal numbers of runs are pooled run by run") {
  const Case c = cases("unequal").front();
  CHECK(stats::interquartile_mean(c.lists("x")) == close_to(c.number("iqm")));
  CHECK(stats::optimality_gap(c.lists("x")) == close_to(c.number("gap")));
  CHECK(stats::probability_of_improvement(c.lists("x"), c.lists("y")) == close_to(c.number("improvement")));
}

TEST_CASE("improvement of x over y and of y over x share all pairs") {
  const Case c = cases("scores/ties").front();
  const auto &x = c.lists("x"), &y = c.lists("y");
  CHECK(stats::probability_of_improvement(x, y) + stats::probability_of_improvement(y, x) == Approx(1));
  CHECK(stats::probability_of_improvement(x, x) == 0.5);
  CHECK(stats::probability_of_improvement({{2, 3}}, {{1, 0}}) == 1);
}

TEST_CASE("aggregates of no runs are not defined") {
  const stats::Scores none, hollow = {{}, {}}, half = {{1, 2}, {}};
  for (const auto& scores : {none, hollow}) {
    CHECK(std::isnan(stats::interquartile_mean(scores)));
    CHECK(std::isnan(stats::mean_over_tasks(scores)));
    CHECK(std::isnan(stats::median_over_tasks(scores)));
    CHECK(std::isnan(stats::optimality_gap(scores)));
    CHECK(std::isnan(stats::probability_of_improvement(scores, scores)));
    CHECK(std::isnan(stats::performance_profile(scores, std::vector<double>{0}).at(0)));
  }
  CHECK(stats::interquartile_mean(half) == 1.5);
  CHECK(stats::mean_over_tasks(half) == 1.5);
  CHECK(std::isnan(stats::probability_of_improvement(half, {{1}, {2}})));
}

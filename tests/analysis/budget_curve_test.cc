#include "analysis/budget_curve.h"

#include <cmath>

#include "tests/analysis/comparisons_fixture.h"

using namespace fader;
using namespace fader::testing;
using Points = std::vector<stats::BudgetPoint>;
using Catch::Contains;

namespace {

const std::vector<double> kBudgets = {1e6, 2e6, 4e6, 8e6, 16e6};

double power_law(double budget) { return 1.7 + 60 * std::pow(budget, -0.25); }

/// Losses of a method that needs 1 / `faster` of the budget.
Points law_points(double faster = 1, double added = 0) {
  Points points;
  for (const double d : kBudgets) points.push_back({d, power_law(faster * d) + added});
  return points;
}

std::string note_of(const Points& points, double target) {
  const stats::ToTarget found = stats::budget_to_target(points, target);
  CHECK(std::isnan(found.budget));
  return found.note;
}

}  // namespace

TEST_CASE("the budget to a loss is exact on a power law and on a logarithm") {
  Points logarithm;
  for (const double d : kBudgets) logarithm.push_back({d, 9 - 0.3 * std::log(d)});
  for (const double d : {1e6, 1.5e6, 5e6, 16e6}) {
    const stats::ToTarget law = stats::budget_to_target(law_points(), power_law(d));
    CHECK(law.note == "");
    CHECK(law.budget == Approx(d).epsilon(1e-6));
    CHECK(stats::budget_to_target(logarithm, 9 - 0.3 * std::log(d)).budget == Approx(d).epsilon(1e-6));
  }
}

TEST_CASE("the fitted curve through scattered losses is SciPy's least squares") {
  for (const Case& c : cases("budget/")) {
    Points points;
    for (std::size_t i = 0; i < c.list("budget").size(); ++i) points.push_back({c.list("budget")[i], c.list("loss")[i]});
    for (std::size_t i = 0; i < c.list("targets").size(); ++i) {
      CAPTURE(c.name, i);
      CHECK(stats::budget_to_target(points, c.list("targets")[i]).budget == Approx(c.list("reached")[i]).epsilon(1e-6));
    }
  }
}

TEST_CASE("between two or three budgets losses are straight lines in logarithms") {
  const Points points = {{1e6, 4}, {1e8, 3}, {1e7, 3.5}};
  CHECK(stats::budget_to_target(points, 4).budget == Approx(1e6));
  CHECK(stats::budget_to_target(points, 3.5).budget == Approx(1e7));
  CHECK(stats::budget_to_target(points, 3).budget == Approx(1e8));
  CHECK(stats::budget_to_target(points, std::sqrt(3.5 * 3)).budget == Approx(std::sqrt(1e7 * 1e8)));
  // A rise on the way: the first crossing.
  CHECK(stats::budget_to_target(Points{{1e6, 4}, {1e7, 3}, {1e8, 3.5}}, 3.5).budget < 1e7);
}

TEST_CASE("points of one budget count as one, at its mean loss") {
  Points twice, scattered;
  for (const auto& p : law_points()) {
    twice.insert(twice.end(), {{p.budget, p.loss + 0.01}, {p.budget, p.loss - 0.01}});
    scattered.insert(scattered.end(), {{p.budget * 1.002, p.loss + 0.01}, {p.budget / 1.002, p.loss - 0.01}});
  }
  const double one = stats::budget_to_target(law_points(), 3.2).budget;
  CHECK(stats::budget_to_target(twice, 3.2).budget == Approx(one).epsilon(1e-9));
  CHECK(stats::budget_to_target(scattered, 3.2).budget == Approx(one).epsilon(1e-4));
  // Two budgets, measured four times, are two: no curve of four.
  const Points two = {{1e6 * 1.01, 4.02}, {1e6 / 1.01, 3.98}, {16e6 * 1.01, 2.97}, {16e6 / 1.01, 3.03}};
  CHECK(stats::budget_to_target(two, std::sqrt(4.0 * 3.0)).budget == Approx(4e6).epsilon(1e-9));
}

TEST_CASE("nothing is said outside of the measured budgets, and why") {
  for (const Points& points : {law_points(), Points{{1e6, power_law(1e6)}, {16e6, power_law(16e6)}}}) {
    CHECK_THAT(note_of(points, power_law(0.9e6)), Contains("the least budget already has"));
    CHECK_THAT(note_of(points, power_law(17e6)), Contains("no measured budget reaches"));
  }
  CHECK_THAT(note_of({{1e6, 3}}, 3), Contains("measured budgets: 1; two are needed"));
  CHECK_THAT(note_of({{1e6, 3}, {1e7, 3.1}}, 3.05), Contains("does not fall"));
  CHECK_THAT(note_of({{1e6, 3}, {1e7, 3.1}, {1e8, 3.2}, {1e9, 3.2}}, 3.05), Contains("does not fall"));
  CHECK_THAT(note_of({{0, 3}, {1e7, 2}}, 2.5), Contains("not a positive number"));
  CHECK_THAT(note_of({{1e6, stats::kNaN}, {1e7, 2}}, 2.5), Contains("not a positive number"));
}

TEST_CASE("a speed-up is the ratio of the budgets to the loss that both reach") {
  // Seeds shift both policies alike: every draw has the factor of the whole.
  std::vector<Points> method, baseline, slower;
  for (const double shift : {-0.02, 0.0, 0.01, 0.03}) {
    method.push_back(law_points(1.6, shift));
    baseline.push_back(law_points(1, shift));
    slower.push_back(law_points(1 / 1.6, shift));
  }
  const Rng stream(2, "test/speed");
  const stats::SpeedUp faster = stats::speed_up(method, baseline, {0.95, 200}, stream);
  CHECK(faster.note == "");
  CHECK(faster.factor == Approx(1.6).epsilon(1e-5));
  CHECK(faster.interval.low == Approx(1.6).epsilon(1e-5));
  CHECK(faster.interval.high == Approx(1.6).epsilon(1e-5));
  CHECK(stats::speed_up(slower, baseline, {0.95, 200}, stream).factor == Approx(1 / 1.6).epsilon(1e-5));
  CHECK(stats::speed_up(baseline, baseline, {0.95, 200}, stream).factor == Approx(1).epsilon(1e-12));
}

TEST_CASE("the interval of a speed-up covers the truth nearly as often as a percentile interval can") {
  Rng noise(6, "test/speed/noise");
  int covered = 0, known = 0;
  for (int experiment = 0; experiment < 200; ++experiment) {
    std::vector<Points> method, baseline;
    for (int seed = 0; seed < 12; ++seed) {
      const double shared = 0.02 * noise.normal();
      for (auto* side : {&method, &baseline}) {
        side->push_back(law_points(side == &method ? 1.6 : 1, shared));
        for (auto& p : side->back()) p.loss += 0.005 * noise.normal();
      }
    }
    const auto found = stats::speed_up(method, baseline, {0.95, 300}, noise.child(std::to_string(experiment)));
    known += found.interval.known();
    covered += found.interval.holds(1.6);
  }
  CHECK(known == 200);
  CHECK(covered >= 170);  // a percentile interval of 12 holds about 91%; four standard errors are 8%
  CHECK(covered < 199);
}

TEST_CASE("a speed-up that is not known says why") {
  const auto points = law_points();
  const Rng stream(2, "test/speed");
  CHECK_THAT(stats::speed_up({law_points(100)}, {points}, {}, stream).note, Contains("the method's least budget"));
  CHECK_THAT(stats::speed_up({points}, {law_points(100)}, {}, stream).note, Contains("the baseline's least budget"));
  CHECK_THAT(stats::speed_up({{points[0]}}, {points}, {}, stream).note, Contains("method: measured budgets: 1"));
  CHECK_THAT(stats::speed_up({points}, {{}}, {}, stream).note, Contains("baseline: measured budgets: 0"));
  const stats::SpeedUp one = stats::speed_up({points}, {points}, {}, stream);
  CHECK(one.factor == Approx(1));
  CHECK_FALSE(one.interval.known());
  CHECK_THAT(one.note, Contains("two seeds"));
  // One seed of two never meets the other side's losses: a quarter of the draws has that seed alone.
  CHECK_THAT(stats::speed_up({points, law_points(1000)}, {points, points}, {0.95, 400}, stream).note, Contains("do not meet"));
  CHECK_THROWS(stats::speed_up({points}, {}, {}, stream));
}

TEST_CASE("the curve that is drawn is the one that answers come from") {
  const stats::FittedCurve law = stats::fitted_curve(law_points(), 9);
  CHECK(law.note == "");
  CHECK(law.budgets == kBudgets.size());
  CHECK(law.exponent == Approx(0.25).epsilon(1e-5));
  CHECK(law.floor == Approx(1.7).epsilon(1e-5));
  REQUIRE(law.points.size() == 9);
  CHECK(law.points.front().budget == Approx(kBudgets.front()));
  CHECK(law.points.back().budget == Approx(kBudgets.back()));
  for (const stats::BudgetPoint& p : law.points) CHECK(p.loss == Approx(power_law(p.budget)).epsilon(1e-8));
  const Points few = {{1e6, 4}, {1e8, 3}, {1e7, 3.5}};
  const stats::FittedCurve lines = stats::fitted_curve(few, 5);
  CHECK(std::isnan(lines.exponent));
  CHECK(std::isnan(lines.floor));
  CHECK(lines.points[0].loss == Approx(4));
  CHECK(lines.points[1].loss == Approx(std::sqrt(4 * 3.5)));
  CHECK(lines.points[2].loss == Approx(3.5));
  CHECK(lines.points[3].loss == Approx(std::sqrt(3.5 * 3)));
  CHECK(lines.points[4].loss == Approx(3));
  const stats::FittedCurve one = stats::fitted_curve(Points{{1e6, 4}, {1e6, 3}}, 5);
  CHECK(one.points.empty());
  CHECK_THAT(one.note, Contains("two are needed"));
}

// Which budget reaches a loss, and how much less of it a method needs than its baseline.
//
// A point is the final loss of a run that was trained for that budget and had its whole learning-rate decay: losses in the middle of a
// longer run's schedule are no measure of a shorter run (methods differ in how much decay still brings). The budget is tokens, or FLOPs
// with what the method itself costs.
//
// Curve. Budgets within kOneBudget of the least of a group are one budget: geometric mean, mean loss, weighted by points. Through
//   four budgets or more   loss = E + A D^-b by least squares (Kaplan et al. 2020; Hoffmann et al. 2022, approach 3), written as
//                          c - a u(D), u = (1 - (D / D0)^-b) / b, which at b = 0 is the logarithm: b on a grid of [0, kSteepest], then by
//                          golden section; c and a in closed form. a <= 0, a loss that does not fall, has no answer
//   two or three           straight lines between neighbours in log loss against log budget; the first crossing. One that rises
//                          between neighbours is taken as it is
// Nothing is said outside of the measured budgets.
//
// Speed-up. L* is the loss that both reach: the greater of the two curves' losses at their greatest budgets, which for a method no worse
// than its baseline is the baseline's final loss. factor = D_baseline(L*) / D_method(L*): 2 means half the budget. Points of all seeds
// make one curve a policy. Interval: percentile bootstrap over seeds, a seed's points of both sides drawn together; too narrow for few
// seeds as any percentile interval is (resample.h). A draw in which L* lies above all of one curve (it reached it below its least
// budget) counts as infinitely fast or slow; where a bound falls on such draws the interval is not known, and `note` says so.
//
// Budgets and losses are positive and finite, else the answer is a note. Thread-safe.
// Status: exact on curves that are power laws; the fit equal to scipy.optimize.curve_fit's to 1e-6 (tests/analysis/budget_curve_test.cc).
#pragma once
#include <string>
#include <vector>

#include "analysis/resample.h"

namespace fader::stats {

inline constexpr double kOneBudget = 0.05, kSteepest = 3;

struct BudgetPoint {
  double budget = 0, loss = 0;  ///< tokens, or FLOPs
};

struct ToTarget {
  double budget = kNaN;
  std::string note;  ///< why it is not known; "" when it is
};
ToTarget budget_to_target(std::span<const BudgetPoint> points, double target);

/// The curve through the points, as it is drawn.
struct FittedCurve {
  std::vector<BudgetPoint> points;  ///< from the least budget to the greatest, evenly in the logarithm; empty: there is no curve
  std::size_t budgets = 0;          ///< measured, points of about one budget being one
  double exponent = kNaN;           ///< b; NaN: straight lines between neighbours
  double floor = kNaN;              ///< E; NaN: straight lines, or b = 0, where there is none
  std::string note;                 ///< why there is no curve; "" when there is
};
/// `count`: points to draw, two or more.
FittedCurve fitted_curve(std::span<const BudgetPoint> points, std::size_t count);

struct SpeedUp {
  double factor = kNaN;
  Interval interval;
  std::string note;  ///< why either is not known; "" when both are
};
/// [seed][point]; equally many seeds, in the same order.
SpeedUp speed_up(const std::vector<std::vector<BudgetPoint>>& method_by_seed,
                 const std::vector<std::vector<BudgetPoint>>& baseline_by_seed, const Bootstrap& options, Rng stream);

}  // namespace fader::stats

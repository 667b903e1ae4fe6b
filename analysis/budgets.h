// What a token, or a FLOP, bought: final losses of a policy over several training budgets, the curve through them, what of it reaches the
// baseline's final loss, and how much less of it a policy needs than the baseline (budget_curve.h).
//
// A sweep over train.intervals or train.steps_per_interval makes a cell of every length. Cells whose configurations differ in that one
// length alone (corpus, model and all other settings of the baseline's runs being equal) are a family, by the tokens of their runs; cells
// that differ in anything else are never pooled. Of two lengths that are both varied, intervals make the families.
//
// Every point is the end of a complete run of that budget, whose learning-rate schedule ended with it: losses half-way of a longer run are
// of a rate that has not decayed, and are not used; nor is a run that was cut short. Runs on more tokens (b9_random_same_flops) count with
// the tokens that they had. FLOPs are those of all phases but observe, so with the whole overhead of agents and console.
#pragma once
#include <string>
#include <vector>

#include "analysis/budget_curve.h"

namespace fader {

struct Study;

/// Of one policy, by tokens or by FLOPs.
struct BudgetCurveOf {
  struct Measured {
    double budget = 0, mean = 0;          ///< means over the runs of a cell: tokens or FLOPs, final loss
    stats::Interval interval;             ///< of the mean loss, t over seeds
    std::size_t n = 0;                    ///< runs
  };
  std::vector<Measured> measured;         ///< by cell, the shortest first; empty: not known (FLOPs)
  stats::FittedCurve fit;
  double target = stats::kNaN;            ///< the baseline's loss at its greatest budget, on its curve; NaN: no baseline, or no curve of it
  stats::ToTarget to_target;
  stats::SpeedUp speed_up;                ///< to the baseline; nothing for the baseline itself
  std::size_t seeds = 0;                  ///< that both have at every budget of the speed-up
};

struct BudgetPolicy {
  std::string name;
  std::size_t line = 0;                   ///< of the cell with the greatest budget, see Contender::line
  bool is_baseline = false;
  BudgetCurveOf tokens, flops;
};

struct BudgetFamily {
  std::string name;                       ///< what its cells agree in of what the study varies; "" for the only family
  std::string file;                       ///< of its tables and figures: "budget", or with the name
  std::string length;                     ///< what makes the budgets: "train.intervals"
  std::vector<std::size_t> cells;         ///< of the study, the least budget first; two or more budgets
  std::size_t cut_short = 0;              ///< complete runs that did not play all of their intervals, left out
  std::string baseline;                   ///< "": none in every cell; there is no target then
  std::string note;                       ///< why there are no curves (the metric is no loss); "" when there are
  std::vector<BudgetPolicy> policies;     ///< the baseline first, then by name
};

/// None where there is one budget only.
std::vector<BudgetFamily> budget_families(const Study& study);

}  // namespace fader

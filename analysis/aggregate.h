// One number for many runs over many tasks, and how often one policy beats another: Agarwal et al. 2021, "Deep RL at the edge
// of the statistical precipice" (NeurIPS), section 4.3 and figure 5. Higher scores are better; turn the sign of losses.
//
// Tasks may have unequal numbers of runs. Pooled means that each run counts once, a task of more runs more; where each task
// counts once it is said. NaN where nothing is to count. Scores are finite. Thread-safe.
// Status: equal to rliable 1.2.0 to 1e-9 (tests/analysis/aggregate_test.cc).
#pragma once
#include <span>
#include <vector>

namespace fader::stats {

using Scores = std::vector<std::vector<double>>;  ///< [task][run]

/// Mean of all runs pooled, without the lowest and the highest floor(n / 4) of them.
double interquartile_mean(const Scores& scores);
double mean_over_tasks(const Scores& scores);    ///< of the tasks' means, each task once
double median_over_tasks(const Scores& scores);  ///< of the tasks' means, each task once
/// By how much runs fall short of `target`, in the mean, pooled; a run above it falls short by nothing.
double optimality_gap(const Scores& scores, double target = 1);
/// P(a run of x > a run of y), equal ones one half, over all pairs within a task; mean over tasks, each once. As many tasks in
/// both; NaN when one of them has no run in one of them.
double probability_of_improvement(const Scores& x, const Scores& y);
/// Share of runs strictly above each threshold, pooled: one number a threshold.
std::vector<double> performance_profile(const Scores& scores, std::span<const double> thresholds);

}  // namespace fader::stats

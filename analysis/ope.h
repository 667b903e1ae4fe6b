// Off-policy estimates: what a target that plays its arms with probabilities pi_a would have earned a decision, from rounds in which
// another policy drew arm a_i with known probability p_i(a_i) and earned r_i. Numbers only, no files.
//
// With w_i = pi(a_i) / p_i(a_i), a reward model q_i(a), and means over the N rounds:
//   replay      mean of r_i where the target plays a_i                     Li, Chu, Langford and Wang 2011, section 4; one arm only
//   ipw         mean w_i r_i                                               Horvitz and Thompson 1952
//   snipw       sum w_i r_i / sum w_i                                      Swaminathan and Joachims 2015, section 4
//   dm          mean sum_a pi_a q_i(a)                                     Dudik, Langford and Li 2011, section 2
//   dr          dm + mean w_i (r_i - q_i(a_i))                             the same, section 3
//   sndr        dm + sum w_i (r_i - q_i(a_i)) / sum w_i                    Thomas and Brunskill 2016, section 4 (one step)
//   switch_dr   dr with w_i = 0 where w_i > tau                            Wang, Agarwal and Dudik 2017, section 3
//   dros        dr with lambda w_i / (w_i^2 + lambda) for w_i              Su et al. 2020, section 4 (optimistic shrinkage)
// and with W_et the product of w over the decisions of episode e up to t, T decisions an episode, E episodes:
//   pdis        1/T sum_t mean_e W_et r_et                                 Precup, Sutton and Singh 2000, section 3
//   wpdis       1/T sum_t sum_e W_et r_et / sum_e W_et                     Thomas 2015, "consistent weighted per-decision"
//
// Standard errors are those of the linearised estimate, clustered: rounds of a run are not independent of each other, so their terms are
// summed first, and what scatters are the sums of F clusters, F - 1 degrees of freedom. Clusters are runs (of many, groups of runs), or,
// with one run, stretches of its time: what lasts longer than a stretch they cannot see. They are the folds of the model as well, whose
// own error counts: with D_f the part of the estimate that comes from predictions, had all been made by the model without fold f,
//   error^2 = F / (F - 1) sum_f (mean of the terms' sum in f + (F - 1) / F (mean D - D_f))^2
// (delete-one jackknife of the model: Efron and Tibshirani 1993, chapter 11). pdis and wpdis: clusters are runs or, of one, episodes.
// Status: all but pdis and wpdis checked against Open Bandit Pipeline (tests/analysis/ope_oracle_test.cc), those two against complete
// enumeration; intervals against known means (tests/integration/ope_truth_test.cc). Thread-safe: no state.
#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "analysis/stats.h"
#include "core/table.h"

namespace fader::ope {

/// Decisions in which an arm was drawn, run by run, episode by episode, in order of time.
struct Rounds {
  std::vector<std::size_t> run, episode;  ///< [N] both count from 0 and never fall
  std::vector<std::size_t> arm;           ///< [N] below A
  std::vector<double> reward;             ///< [N]
  Grid<double> probability;               ///< [N, A] of every arm at the time of the draw
  Grid<double> seen;                      ///< [N, d] what was observed before the decision; no rows: nothing to go by

  std::size_t size() const { return arm.size(); }
  std::size_t arms() const { return probability.cols(); }
  std::size_t runs() const { return run.empty() ? 0 : run.back() + 1; }
  std::size_t episodes() const { return episode.empty() ? 0 : episode.back() + 1; }
};

enum class Estimator { replay, ipw, snipw, dm, dr, sndr, switch_dr, dros, pdis, wpdis };
inline constexpr std::array<const char*, 10> kEstimators = {"replay", "ipw",       "snipw", "dm",   "dr",
                                                            "sndr",   "switch_dr", "dros",  "pdis", "wpdis"};

struct Settings {
  double confidence = 0.95;
  double threshold = 0.05;   ///< a logged probability above it counts as overlap
  double tau = 10;           ///< switch_dr: the greatest weight that is not left to the model
  double lambda = 100;       ///< dros: weights near its root are halved, greater ones fall again
  double ridge = 1;          ///< of the reward model; as much as one round of every arm at the mean reward
};

inline constexpr std::size_t kFewestRounds = 30;
/// Below this an estimate rests on too few rounds, however many there are.
inline constexpr double kFewestEffective = 10;

/// DataError (found, expected, what to try) where rounds cannot be weighted, however many there are: a probability or a reward that is
/// not known, probabilities that are none, a logger that never had a choice. `rounds` are not empty.
void require_known(const Rounds& rounds);
/// DataError when there are fewer than kFewestRounds.
void require_enough(const Rounds& rounds);
/// DataError where the target, a distribution [A], plays an arm that was not possible in every round, or none that was ever played.
void require_support(const Rounds& rounds, std::span<const double> target);

inline constexpr std::size_t kMostClusters = 20, kStretches = 10;
/// [N] from 0: the run, of more than kMostClusters runs the group of runs, of one run one of kStretches stretches of time.
std::vector<std::size_t> clusters_of(const Rounds& rounds);

/// Expected reward of every arm in every round, from the rounds of other clusters. The model without fold f expects level[f][i] + arm[f][a].
struct RewardModel {
  Grid<double> predicted;   ///< [N, A]
  Grid<double> level, arm;  ///< [F, N], [F, A]; no rows: predictions are taken for exact when it comes to errors
};
/// Ridge regression on one-hot arms and, where there are such, the numbers seen (standardised; an unknown one counts as the mean).
RewardModel fit_rewards(const Rounds& rounds, double ridge);

/// How much the rounds say about a target.
struct Overlap {
  double effective = stats::kNaN;  ///< (sum w)^2 / sum w^2
  double largest = stats::kNaN;    ///< weight
  double share = stats::kNaN;      ///< of rounds whose target action has a logged probability above the threshold; means over pi
};
Overlap overlap(const Rounds& rounds, std::span<const double> target, const Settings& settings);

struct Estimate {
  double value = stats::kNaN;      ///< mean reward a decision
  double standard_error = stats::kNaN;
  stats::Interval interval;        ///< value +- Student's t standard errors
  std::size_t n = 0;               ///< rounds it rests on (replay: that match); pdis and wpdis: episodes
  std::size_t clusters = 0;        ///< what is taken for independent, and what it is:
  std::string independent;         ///< "runs", "groups of runs", "stretches of time", "episodes"
  double effective = stats::kNaN, largest = stats::kNaN;  ///< of the target's weights; pdis and wpdis: of W, the worst decision's
};

/// DataError where this estimator does not apply: replay of a target that mixes; pdis and wpdis of episodes of unequal lengths, of a
/// single one, or where none goes on as the target would. `rounds` are known, enough and support the target.
Estimate estimate(Estimator estimator, const Rounds& rounds, std::span<const double> target, const RewardModel& model,
                  const Settings& settings);

/// The mean reward as it was logged.
Estimate as_logged(const Rounds& rounds, const Settings& settings);

}  // namespace fader::ope

// What consoles observe of pretraining: named fields with fixed normalisation, so that a console trained on one experiment
// can be read on another. Losses are in units of ln(vocabulary), ratios are clipped to [-3, 3], nothing is ever NaN, and
// wall-clock is left out. After methods surveyed in AC-ODM (arXiv 2505.23878), HDS (2606.24133) and ADO (2410.11820).
//
//   progress             t / T
//   weights[agent]       executed last; equal ones before the first decision
//   learning_rate        of the next step, over the peak
//   loss_reference       over ln(vocabulary), as loss_train (1 before the first interval) and loss_domain[domain]
//   loss_fall_1, _3, _10 mean fall an interval over the last 1, 3 and 10, in tenths of ln(vocabulary)
//   loss_curvature       change of the fall from one interval to the next, same unit
//   loss_domain_fall[domain]  over the last interval, same unit
//   gradient_norm        log10 of a moving average with weight one half
//   pool_left            share
//   score_drift[agent]   of the mean score, in deviations at the first decision
//   score_spread[agent]  ln of the scores' deviation over that at the first decision
//   score_top[agent]     mean of the best tenth above the mean, in deviations
//   agreement[pair]      rank correlation
//   agent_reward[agent]  over the squared norm of the reference gradient
// and where a policy asks for them by name:
//   law_exponent         a of the power law e + b n^-a fitted to the reference losses (env/forecast.h); 0 before there are four
//   law_asymptote        e over the last loss; 0 before
//   times_seen           mean uses so far of the candidates, over 4: up to about four uses are as good as new text
//   gradient_cosine      of the last two reference gradients; 0 before there are two
//   credit[agent]        of the first estimator in env.credit when it was last measured, over the root mean square of all agents'
//   credit_se[agent]     its standard error, in the same unit; 0 where there is none, as without estimators
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/archive.h"
#include "env/env.h"
#include "env/reward.h"

namespace fader {

/// Statistics of an agent's raw scores of the candidates at hand.
struct ScoreStatistics {
  double mean = 0, deviation = 0, top = 0;  ///< top: mean of the best tenth
};
ScoreStatistics score_statistics(std::span<const float> scores);

/// What the environment knows when a decision is due.
struct Situation {
  double progress = 0;             ///< t / T
  std::span<const double> weights; ///< executed last; equal ones before the first decision
  double learning_rate = 0;        ///< of the next step, as a share of the peak
  double loss_reference = 0;       ///< nats per token
  double loss_train = 0;           ///< of the last interval; NaN before the first
  std::span<const double> loss_domain;  ///< per reference domain
  double gradient_norm = 0;        ///< mean over the steps of the last interval; NaN before the first
  double pool_left = 1;            ///< share
  std::span<const ScoreStatistics> scores;  ///< per agent, of the candidates of the next interval
  std::span<const double> agreement;        ///< rank correlations of pairs of agents, (0,1), (0,2), ..., (1,2), ...
  std::span<const double> agent_reward;     ///< eq. (7) over the squared norm of the reference gradient; NaN: none
  double tokens = 0;                        ///< trained on so far
  double times_seen = 0;                    ///< mean uses of the candidates
  double gradient_cosine = 0;               ///< of the last two reference gradients; NaN: there are none
  std::span<const Estimate> credit;         ///< per agent, as last measured; NaN: none
};

/// Keeps, per slot, the history that slopes need.
class ObservationBuilder {
 public:
  ObservationBuilder(int slots, const std::vector<std::string>& agents, const std::vector<std::string>& reference_domains, double log_vocabulary);
  const std::vector<Field>& fields() const { return fields_; }
  void begin(int slot);
  /// Once per decision, in order.
  void write(int slot, const Situation& now, std::span<double> out);
  void slot_state(Archive& archive, int slot);

 private:
  struct History {
    std::vector<double> loss;               // reference losses so far
    std::vector<double> domain;             // of the last decision
    std::vector<double> first_mean, first_deviation;  // of each agent's scores at the first decision
    double log_gradient_norm = 0;
    Forecast forecast;
  };
  void describe(const std::vector<std::string>& agents, const std::vector<std::string>& reference_domains);
  double slope(const History& history, std::size_t intervals) const;
  static void remember(History& history, const Situation& now);

  double log_vocabulary_;
  std::vector<Field> fields_;
  std::vector<History> history_;
};

}  // namespace fader

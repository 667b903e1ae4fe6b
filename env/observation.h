// What consoles observe of pretraining: named fields with fixed normalisation, so that a console trained on one experiment
// can be read on another. Losses are in units of ln(vocabulary), ratios are clipped to [-3, 3], nothing is ever NaN, and
// wall-clock is left out. After methods surveyed in AC-ODM (arXiv 2505.23878), HDS (2606.24133) and ADO (2410.11820).
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/archive.h"
#include "env/env.h"

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
  };
  double slope(const History& history, std::size_t intervals) const;

  double log_vocabulary_;
  std::vector<Field> fields_;
  std::vector<History> history_;
};

}  // namespace fader

// All that pairs by seed say of a difference, and hypotheses that were stated before the runs began.
//
// The paired t and the studentised bootstrap interval are primary (analysis/README.md says why); p-values go with them, corrected by Holm over all that
// are asked at once. Bootstrap draws come from streams named after what they are of: equal runs give equal numbers.
#pragma once
#include <string>
#include <vector>

#include "analysis/cells.h"
#include "analysis/stats.h"

namespace fader {

struct Evidence {
  stats::Paired paired;
  stats::Interval studentised;          ///< of the difference
  double p_t = stats::kNaN, p_wilcoxon = stats::kNaN;
  double p_holm = stats::kNaN;          ///< p_t, corrected; by correct()
  double improvement = stats::kNaN;     ///< probability that a run of the policy is better than one of the baseline
  stats::Interval improvement_interval;
  double smallest_effect = stats::kNaN; ///< that so many pairs show in 80 of 100 experiments, at the SD found
  std::size_t seeds_needed = 0;         ///< to show the difference found in 80 of 100; 0: more than 10,000, or not known
};

/// `what`: names the stream of the draws.
Evidence evidence_of(const std::vector<Pair>& pairs, double confidence, bool lower_is_better, const std::string& what);
/// Holm over all whose p_t is known.
void correct(std::vector<Evidence*> all);

/// A contender's against the baseline of its cell, corrected over the policies of the cell. Those without pairs are not there.
struct ContenderEvidence {
  const Contender* contender = nullptr;
  Evidence evidence;
  double interquartile = stats::kNaN;   ///< of the policy's runs
  stats::Interval interquartile_interval;
};
std::vector<ContenderEvidence> evidence_against_baseline(const Cell& cell);

/// What has become of a hypothesis in a cell.
struct Tested {
  Hypothesis stated;
  std::string cell;
  Evidence evidence;
  std::string problem;                  ///< why it could not be tested; empty: it was
  std::string unequal;                  ///< " b9 was trained on ...": of its policies, where they are compared at equal FLOPs
  bool lower_is_better = true;          ///< of its metric
  enum class Outcome { supported, contradicted, open, too_few, not_tested } outcome = Outcome::not_tested;
};
/// All of the plan, each in every cell that it speaks of, corrected over all of them together.
std::vector<Tested> tested_hypotheses(const Study& study);

/// A verdict in a sentence or two.
std::string sentence(const Tested& tested, double confidence);

}  // namespace fader

// How far credit agrees with what came of listening to each agent: rank correlations over agents, from the table of a study.
//
// Nothing that a seed's truth and its own credit share counts as agreement: credit of one seed is held against the mean truth of the
// others, and so is the truth of one seed: the ceiling that noise leaves.
#pragma once
#include <string>
#include <vector>

#include "analysis/stats.h"
#include "store/credit_table.h"

namespace fader {

/// Of one kind; means over places (a point of the study at an interval). Agents of which there is no credit are left out, and of fewer
/// than three there is no correlation. NaN: not known.
struct CreditAgreement {
  std::string kind;
  double one = stats::kNaN;            ///< one measurement with the mean `interval` of the other seeds
  stats::Interval one_interval;        ///< 95%, places and then seeds resampled
  double half = stats::kNaN;           ///< the mean of half of the seeds with the mean `interval` of the other half
  double late = stats::kNaN;           ///< the same with `episode`
  std::vector<double> places;          ///< `one` of each place, in the order of the rows
};
/// The truths first ("interval" is its own ceiling), then every kind of credit, the best first.
std::vector<CreditAgreement> credit_agreement(const CreditTable& table);

/// For a terminal; and tab-separated, a header first.
std::string credit_agreement_text(const CreditTable& table);
std::string credit_agreement_tsv(const CreditTable& table);

}  // namespace fader

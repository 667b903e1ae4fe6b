// Off-policy estimates in words and as a table. What is asked, how it is estimated and what it cannot say stands beside the numbers.
#pragma once
#include <string>

#include "analysis/document.h"
#include "analysis/ope_study.h"

namespace fader {

/// The section "What other choices would have earned (off-policy estimates)" of a report.
void add_off_policy(ReportDocument& out, const OffPolicyStudy& all);
/// For a terminal; begins with an empty line.
std::string ope_text(const OffPolicyStudy& all);
/// Tidy: a row a logger, target and estimator; first of each logger what it earned as logged. See analysis/tables.h.
std::string ope_tsv(const OffPolicyStudy& all);

}  // namespace fader

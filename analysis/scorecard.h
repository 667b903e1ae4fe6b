// The figure of a scorecard: every policy on every environment with a known answer (`run_experiment tool scorecard`).
#pragma once
#include <filesystem>

#include "analysis/report.h"

namespace fader {

/// Whether `folder` is what `tool scorecard --out` has written: it holds scorecard.tsv.
bool is_scorecard(const std::filesystem::path& folder);

/// Draws figures/scorecard.{svg,png,pdf} in `folder` from its scorecard.tsv. Without gnuplot the summary says so.
Report scorecard_report(const std::filesystem::path& folder, const ReportOptions& options);

}  // namespace fader

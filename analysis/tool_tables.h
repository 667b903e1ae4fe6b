// Figures of what tools measure: `run_experiment tool scorecard`, `agents` and `credit`. A tool writes tables into a folder, and
// the report draws them.
#pragma once
#include <filesystem>

#include "analysis/report.h"

namespace fader {

/// Whether `folder` is what a tool has written with --out: it holds one of the tables that there are figures of.
bool has_tool_tables(const std::filesystem::path& folder);

/// Draws figures/<name>.{svg,png,pdf} in `folder` from each of these tables. Without gnuplot the summary says so.
Report tool_report(const std::filesystem::path& folder, const ReportOptions& options);

}  // namespace fader

// What a report says, without its form (document.h): verdicts, what was compared, tables, figures with their numbers, notes, what was
// left out, how to repeat it.
#pragma once
#include "analysis/cells.h"
#include "analysis/document.h"
#include "analysis/gnuplot.h"

namespace fader {

/// Reads the tables of `drawing` from the study's folder, where write_tables has written them.
ReportDocument report_document(const Study& study, const Drawing& drawing);

/// A table of a figure as it is shown beside it: numbers to six digits, of many rows those that matter (the last of each curve, or evenly
/// spread ones). Lines that begin with # are left out. `file` names it.
Numbers numbers_beside(const std::string& file, const std::string& table);

}  // namespace fader

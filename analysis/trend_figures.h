// Figures of the tables of trend_tables.h.
#pragma once
#include <string>
#include <vector>

#include "analysis/cells.h"
#include "analysis/gnuplot.h"

namespace fader {

/// Of one comparison whose tables are in tables/<at>: what the settings of policies do to the difference to the baseline.
std::vector<Figure> sweep_figures(const Comparison& comparison, const std::string& at);
/// The same: everything else.
std::vector<Figure> trend_figures(const Comparison& comparison, const std::string& at);
/// Over the cells of a study, where there are several.
std::vector<Figure> overview_figures(const Study& study);

}  // namespace fader

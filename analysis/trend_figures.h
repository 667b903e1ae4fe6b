// Figures of the tables of trend_tables.h.
#pragma once
#include <string>
#include <vector>

#include "analysis/cells.h"
#include "analysis/gnuplot.h"

namespace fader {

/// Of one comparison whose tables are in tables/<at>.
std::vector<Figure> trend_figures(const Comparison& comparison, const std::string& at);
/// Over the cells of a study, where there are several.
std::vector<Figure> overview_figures(const Study& study);

}  // namespace fader

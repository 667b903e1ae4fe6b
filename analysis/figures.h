// Which figures the numbers allow, what they are drawn from, and what is said below them.
#pragma once
#include <vector>

#include "analysis/cells.h"
#include "analysis/gnuplot.h"

namespace fader {

/// Of more cells than this, each has the figures of the comparison alone (curves, forest, learning, sweeps).
inline constexpr std::size_t kCellsInFull = 4;

/// Those of every cell, those of each in the order in which they are shown.
std::vector<Figure> planned_figures(const Study& study);

}  // namespace fader

// Quantities along runs, and their means over runs: aligned by position (tokens, FLOPs, decisions), never by row. Thread-safe.
#pragma once
#include <cstddef>
#include <vector>

#include "analysis/stats.h"
#include "core/table.h"

namespace fader {

/// A quantity along a run; x rises, both finite.
struct Trace {
  std::vector<double> x, y;
  double at(double position) const;   ///< linear between points; NaN outside of them
};

/// Mean of several series where all of them are known, with an interval of the mean at each x.
struct Curve {
  std::vector<double> x, mean;
  std::vector<stats::Interval> band;  ///< not known for a single series
  std::size_t n = 0;                  ///< series
};
/// On the union of their x, within the stretch that all of them cover: aligned by position, never by row.
Curve mean_curve(const std::vector<Trace>& series, double confidence);

/// Vectors that hold from `from` to `to`.
struct Stretches {
  std::vector<double> from, to;
  std::vector<std::vector<double>> values;   ///< [stretch][K]
};
/// Of several runs, run r changing at bounds[r] (rising, a row of rows[r] between any two): constant between any two bounds of any run,
/// the mean of those that are known; up to where the first of them ends.
Stretches mean_stretches(const std::vector<std::vector<double>>& bounds, const std::vector<const Grid<double>*>& rows);

/// The points at which both are finite and x rises.
Trace known_points(const std::vector<double>& x, const std::vector<double>& y);
/// On the union of their x, where both are known.
Trace difference(const Trace& one, const Trace& other);

}  // namespace fader

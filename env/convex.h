// The least value of a smooth convex function over the convex hull of given points, with a certificate.
//
// Frank-Wolfe's method with pairwise steps: as much weight as pays is moved from the point that the gradient likes least,
// among those in use, to the one it likes best; how much is found where the slope along that line is zero (Lacoste-Julien and
// Jaggi 2015, "On the global linear convergence of Frank-Wolfe optimization variants", NeurIPS, algorithm 2). Convexity
// bounds what is left to gain by
//   gap = sum_i share_i <gradient, point_i> - min_i <gradient, point_i>,
// so that the value found is within `gap` of the least. For a handful of numbers; not thread-safe where the function is not.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "core/table.h"

namespace fader {

/// The value at x [d]; its gradient is written to the second span, [d].
using Convex = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct HullMinimum {
  std::vector<double> share;     ///< [n] of the points, on the simplex
  std::vector<double> at;        ///< [d]
  std::vector<double> gradient;  ///< [d] there
  double value = 0, gap = 0;
};

/// Points are the rows of [n, d]; begins at `share`. RunError when `gap` is not reached, as where f has a kink.
HullMinimum least_in_hull(const Convex& f, const Grid<double>& points, std::vector<double> share, double gap);

}  // namespace fader

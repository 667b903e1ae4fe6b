// Online ridge regression of a reward on what was seen: theta = A^-1 b with A = lambda I + sum x x^T, b = sum r x.
//
// What is kept is the Cholesky factor of A, not its inverse: updating it by x x^T costs as much as the formula of Sherman and
// Morrison for the inverse, but cannot lose symmetry or definiteness to rounding, whatever is seen and however often.
// Not thread-safe.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "core/archive.h"

namespace fader {

class Ridge {
 public:
  Ridge(std::size_t size, double lambda);

  double mean(std::span<const double> x) const;   ///< theta^T x
  double variance(std::span<const double> x);     ///< x^T A^-1 x
  double pulls() const { return pulls_; }         ///< rewards learned
  void learn(std::span<const double> x, double reward);

  void state(Archive& archive);

 private:
  void solve();
  bool sound();

  std::vector<double> factor_;                // [d (d + 1) / 2] of A, packed
  std::vector<double> earned_, theta_, work_; // [d] b, theta, scratch
  double pulls_ = 0;
};

}  // namespace fader

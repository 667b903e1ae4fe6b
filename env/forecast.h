// What a slot's past reference losses foretell: a power law in the tokens trained on,
//
//   f(n) = e + b (n / last)^-a,   e, b >= 0,   a in [0.01, 10],
//
// fitted by least squares over all intervals so far (the untrained model's loss, at n = 0, is on no power law): a by a grid of
// logarithms, then by golden section; e and b linear at given a. Nothing is random. Before four losses are known there is no
// fit, and the mean fall of the last three intervals stands in for it. The law is that of ADO's fits, Jiang et al., arXiv
// 2410.11820. Not thread-safe.
#pragma once
#include <optional>
#include <vector>

#include "core/archive.h"

namespace fader {

struct LearningCurve {
  double last = 1;                     ///< tokens at the last loss
  double a = 1, e = 0, b = 0;          ///< exponent, asymptote and what is above it at `last`, in nats per token
  double squares = 0;                  ///< sum of the residuals'
  double fall(double tokens) const;    ///< from the last loss to `tokens`
};

class Forecast {
 public:
  /// None before there are four losses.
  std::optional<LearningCurve> curve() const;
  /// How far the loss should fall until `tokens` are trained on; none before the first interval.
  std::optional<double> fall(double tokens) const;
  /// After an interval: tokens trained on so far, greater than before, the loss, and how far it fell in that interval.
  void add(double tokens, double loss, double fall);
  void state(Archive& archive);

 private:
  std::vector<double> tokens_, loss_;  // after each interval, oldest first
  std::vector<double> falls_;          // of the last intervals
};

}  // namespace fader

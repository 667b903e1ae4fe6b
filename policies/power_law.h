// A learning curve as a power law, loss(n) = e + b n^(-a), and the fit of one to losses. Thread-safe: no state.
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

namespace fader {

struct PowerLaw {
  static constexpr double kLeastExponent = 0.05;  ///< for the speed: a curve that looks flat early may still fall
  double e = 0, b = 0, a = 0;

  double at(double n) const { return e + b * std::pow(n, -a); }
  /// -d loss / dn, with an exponent of at least kLeastExponent.
  double speed(double n) const { return std::max(a, kLeastExponent) * b * std::pow(n, -a) / n; }
};

/// Least sum of Huber losses (delta 1e-3) of ln loss - ln law, with penalties for an exponent outside 0.001 to 0.8, e below a
/// hundredth of the least loss, and b beyond what losses of this size make plausible. n and loss are positive and as
/// many; none with fewer than four. For every exponent of a grid e and b come from weighted least squares; the best
/// of these are refined by Levenberg-Marquardt steps with Huber's weights. Deterministic.
/// Huber loss and limits of a as in the code of Jiang et al. (2024), arXiv 2410.11820; its limits of e and b suppose nats of a
/// language model and samples one by one, ours go with the losses. Theirs: L-BFGS from a grid of 512 starts.
std::optional<PowerLaw> fit_power_law(std::span<const double> n, std::span<const double> loss);

}  // namespace fader

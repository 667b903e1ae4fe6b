// Scalers: running transformations of the reward that a policy is fed (raw rewards are always stored beside it).
//
// One object per policy; values arrive in the order in which the policy learns them, one after the other, all slots of a
// policy alike. A value counts in its own scale. A value that is not finite passes unchanged and leaves no
// trace, so that the policy, which refuses it, can say so. Not thread-safe.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/archive.h"

namespace fader {

class Scaler : public Stateful {
 public:
  struct Scaled {
    double reward, se;  ///< se: to first order, the scale taken as known; NaN when there is no scale yet
  };
  virtual Scaled scale(double reward, double se) = 0;
};

///   none            as it is
///   minmax_window   [0, 1]: place between the least and the greatest of the last 20 values; 0.5 while these are equal
///   logistic_zscore (0, 1): 1 / (1 + exp(-z)), z by mean and deviation (n - 1) of all values so far; 0.5 while these are equal
///   ema_zscore      unbounded: z by moving mean and variance with rate 0.1; 0 while these are equal
const std::vector<std::string>& scaler_names();

/// ConfigError with a suggestion when there is none of that name.
std::unique_ptr<Scaler> make_scaler(const std::string& name);

}  // namespace fader

// Scalers: running transformations of the reward that a policy is fed (raw rewards are always stored beside it).
//
// One object per policy; values arrive in the order in which the policy learns them, one after the other, all slots of a
// policy alike. A value counts in its own scale. A value that is not finite passes unchanged and leaves no
// trace, so that the policy, which refuses it, can say so. Not thread-safe.
#pragma once
#include <memory>
#include <span>
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
///   quantile        [-1, 1]: place between the 20th and 80th percentile of the last 100 values, cut at both; 0 while these are
///                   equal (Graves et al. 2017, arXiv 1704.03003, section 3.3, with a window in place of a reservoir)
const std::vector<std::string>& scaler_names();

/// ConfigError with a suggestion when there is none of that name.
std::unique_ptr<Scaler> make_scaler(const std::string& name);

/// The same for credit: one number for every agent, NaN where it was not measured, which stays NaN. Numbers that are not finite
/// pass unchanged and leave no trace.
class CreditScaler : public Stateful {
 public:
  virtual void scale(std::span<double> credit, std::span<double> se) = 0;
};

///   none            as it is
///   minmax_window   [0, 1]: place between the least and the greatest of all agents' credit in the last 20 decisions; 0.5 while
///                   these are equal
///   agents_minmax   the same over this decision alone
///   agents_zscore   z over the agents of this decision (mean and deviation with n - 1); 0 while they are equal
const std::vector<std::string>& credit_scaler_names();
std::unique_ptr<CreditScaler> make_credit_scaler(const std::string& name);

}  // namespace fader

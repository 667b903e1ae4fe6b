// Power of the two-sided paired t test: how likely n seeds show a difference, how many are needed, how small one can be.
//
// With effect d and SD s of the paired differences, t has the noncentral t distribution with n - 1 degrees of freedom and
// noncentrality d sqrt(n) / s; power is its share outside of +- the t quantile (Cohen 1988, "Statistical power analysis for the
// behavioral sciences", chapter 2). Both tails count: at d = 0 power is 1 - confidence. The SD is taken as known: with one measured
// on few seeds, what comes out is as uncertain as it is (at n = 5 the SD's 95% interval is 0.6 to 2.9 times the estimate).
//
// sd >= 0, 0 < confidence < 1, 0 < power < 1; the sign of an effect does not matter. NaN for n < 2, for an SD or effect that is NaN, and
// for sd = 0 with effect 0. Thread-safe.
// Status: equal to statsmodels' TTestPower to 1e-9 (tests/analysis/power_test.cc).
#pragma once
#include <cstddef>

namespace fader::stats {

inline constexpr std::size_t kMostSeeds = 10'000;

double power_paired(std::size_t n, double sd, double effect, double confidence);
/// The least n >= 2 that has `power`; 0: more than kMostSeeds, or not defined.
std::size_t seeds_needed(double sd, double effect, double confidence, double power = 0.8);
/// The effect that n seeds show with `power`, in the unit of `sd`; 0 when even no effect has it (power <= 1 - confidence).
double smallest_effect(std::size_t n, double sd, double confidence, double power = 0.8);

}  // namespace fader::stats

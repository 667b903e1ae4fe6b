// Spearman's rank correlation.
#pragma once
#include <span>
#include <vector>

namespace fader {

/// From 0, of the lowest; equal numbers share the mean of theirs. None is NaN.
std::vector<double> mean_ranks(std::span<const double> x);
/// The correlation of mean_ranks, of equally long lists. NaN when all numbers of one are equal. Thread-safe.
double spearman(std::span<const double> x, std::span<const double> y);

}  // namespace fader

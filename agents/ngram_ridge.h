// Ridge regression on hashed token n-grams, for a few hundred examples of some hundred tokens.
//
//   phi_b(x)  sqrt(share of x's n-grams, n = 1 .. ngrams, whose hash is b), minus its weighted mean over the examples
//   w         argmin sum_i weight_i (label_i - w.phi(x_i))^2 + ridge |w|^2
//
// The roots make w.phi(x) a function of Hellinger's distance between texts: rare n-grams count for more than in shares. Solved by
// conjugate gradients on the examples as they are, without a matrix. Labels are expected to be centred: there is no constant term.
// predict is thread-safe; equal examples in equal order give equal bits.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/options.h"

namespace fader {

struct NgramRidgeOptions {
  std::int64_t ngrams = 2, features = 4096;
  double ridge = 1.0;
  void fields(Fields& f);
};

class NgramRidge {
 public:
  using Tokens = std::span<const std::uint32_t>;

  explicit NgramRidge(const NgramRidgeOptions& options);
  /// No examples: all predictions are 0. Labels are finite, weights positive.
  void fit(std::span<const Tokens> texts, std::span<const double> labels, std::span<const double> weights);
  double predict(Tokens text) const;
  double fit_flops() const { return fit_flops_; }  ///< of the last fit
  double predict_flops(std::int64_t tokens) const { return 2.0 * static_cast<double>(options_.ngrams * tokens); }

 private:
  using Sparse = std::vector<std::pair<std::uint32_t, double>>;  // (b, root of the share), by b
  Sparse features(Tokens text) const;
  std::vector<double> product(std::span<const Sparse> examples, std::span<const double> weights, std::span<const double> v) const;

  NgramRidgeOptions options_;
  std::vector<double> w_, mean_;
  double constant_ = 0;   // -w.mean
  double fit_flops_ = 0;
};

}  // namespace fader

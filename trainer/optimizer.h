// AdamW with clipping by the global norm, over flat buffers, in two passes: one for the norm, one for everything else.
//
//   g <- g min(1, clip / |g|)     m <- b1 m + (1 - b1) g     v <- b2 v + (1 - b2) g^2
//   p <- p - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon) - rate decay p
//
// Loshchilov and Hutter 2019, "Decoupled weight decay regularization" (arXiv 1711.05101), algorithm 2. Matrices decay, the
// tied embedding among them, as it is the output layer too; gains of norms do not.
// Status: checked against values computed by hand. Pure functions over what they are given.
#pragma once
#include <cstdint>
#include <span>

#include "trainer/layout.h"

namespace fader {

/// Of all numbers, in double precision. Sums in a fixed order.
double norm(std::span<const float> x);
double inner_product(std::span<const float> a, std::span<const float> b);

/// One step's rule. `gradient_norm`: of the whole gradient, before clipping.
class AdamW {
 public:
  /// Step `step`, from 1.
  AdamW(const TrainOptions& options, double rate, std::int64_t step, double gradient_norm);
  /// Numbers [first, last) of every buffer; each has Layout::size of them. What is done in parts is the same as done at once.
  void step(const Layout& layout, std::int64_t first, std::int64_t last, std::span<const float> gradient, std::span<float> parameters,
            std::span<float> moment1, std::span<float> moment2) const;

 private:
  float clip_, beta1_, beta2_, rate_, correct2_, epsilon_, keep_;  // keep: what decay leaves of a parameter of a matrix
};

/// Numbers [first, last) of `mean` become the mean of `count` weights, of which `parameters` are the last.
void add_to_mean(std::int64_t count, std::int64_t first, std::int64_t last, std::span<const float> parameters, std::span<float> mean);

}  // namespace fader

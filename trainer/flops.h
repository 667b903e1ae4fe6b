// What a batch costs, in floating-point operations, counted by formula and not by clock.
//
//   forward  = 2 x (weights used in products) x positions + 4 x width x layers x (attended pairs)
//   training = 3 x forward: the backward pass is two products for each one of the forward pass
//
// Weights used in products: every matrix once, the tied embedding as output layer; its input look-up is free. Attended pairs:
// a position of a segment attends to itself and to those before it, so a segment of n positions has n (n + 1) / 2; each
// pair costs 2 x width for the score and 2 x width for the weighted value. Norms, activations, the loss, the optimiser and
// inner products of whole gradients are left out.
//
// What is told of segments by themselves (by_product.h):
//
//   inner products = 2 x (weights used in products) x positions: one more product for each of the forward pass. Beside training
//                    they come on top of it; alone they take the place of the products for gradients of weights
//   squares        = sum over segments of n positions of 2 n^2 x (rows + columns of every matrix + 2 x width)
#pragma once
#include "trainer/layout.h"
#include "trainer/packer.h"

namespace fader {

/// Of `positions` positions with so many attended pairs.
inline double forward_flops(const ModelOptions& model, const Layout& layout, double positions, double pairs) {
  return 2.0 * layout.products * positions + 4.0 * static_cast<double>(model.width * model.layers) * pairs;
}
inline double forward_flops(const ModelOptions& model, const Layout& layout, const Batch& batch) {
  return forward_flops(model, layout, static_cast<double>(batch.positions()), batch.attended());
}
inline double training_flops(const ModelOptions& model, const Layout& layout, const Batch& batch) {
  return 3.0 * forward_flops(model, layout, batch);
}

/// Inner products of a batch's segments, beside its training.
inline double by_product_flops(const Layout& layout, const Batch& batch) { return 2.0 * layout.products * static_cast<double>(batch.positions()); }

/// Forward, backward and inner product of one passage of n tokens, with the square of its gradient or without.
inline double influence_flops(const ModelOptions& model, const Layout& layout, std::int64_t n, bool square) {
  const auto rows = static_cast<double>(n);
  double edges = 2.0 * static_cast<double>(model.width);
  for (const Tensor& t : layout.tensors)
    if (t.matrix()) edges += static_cast<double>(t.rows + t.cols);
  return 3.0 * forward_flops(model, layout, rows, 0.5 * rows * (rows + 1)) + (square ? 2.0 * rows * rows * edges : 0.0);
}

}  // namespace fader

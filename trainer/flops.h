// What a batch costs, in floating-point operations, counted by formula and not by clock.
//
//   forward  = 2 x (weights used in products) x positions + 4 x width x layers x (attended pairs)
//   training = 3 x forward: the backward pass is two products for each one of the forward pass
//
// Weights used in products: every matrix once, the tied embedding as output layer; its input look-up is free. Attended pairs:
// a position of a segment attends to itself and to those before it, so a segment of n positions has n (n + 1) / 2; each
// pair costs 2 x width for the score and 2 x width for the weighted value. Norms, activations, the loss, the optimiser and
// inner products of gradients are left out.
#pragma once
#include "trainer/layout.h"
#include "trainer/packer.h"

namespace fader {

inline double forward_flops(const ModelOptions& model, const Layout& layout, double positions, double attended) {
  return 2.0 * layout.products * positions + 4.0 * static_cast<double>(model.width * model.layers) * attended;
}
inline double forward_flops(const ModelOptions& model, const Layout& layout, const Batch& batch) {
  return forward_flops(model, layout, static_cast<double>(batch.positions()), batch.attended());
}
inline double training_flops(const ModelOptions& model, const Layout& layout, const Batch& batch) {
  return 3.0 * forward_flops(model, layout, batch);
}

}  // namespace fader

// Small networks over spans: dense layers, and before them, if wanted, a gated recurrent unit that remembers.
//
// The parameters are one flat vector that the caller owns, so that averages, targets, optimisers and files need to know nothing of
// layers. Activations of the last `forward` are kept for `backward`. All gradients are written by hand over products of matrices:
// at these sizes the bookkeeping of automatic differentiation would cost several times the arithmetic.
// A row's outputs do not depend, in any bit, on the other rows of the call. Not thread-safe: one network a thread.
//
// Recurrent unit: with r, z = sigmoid(x W_rz + h U_rz + b_rz):  n = tanh(x W_n + b_n + r (h U_n)),  h' = (1 - z) n + z h
// Cho et al. (2014), arXiv 1406.1078, section 2.3.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "core/table.h"

namespace fader {

struct NetworkShape {
  std::size_t inputs = 0, outputs = 0;   ///< either may be zero
  std::vector<std::int64_t> hidden;      ///< units of the layers between
  bool rectified = false;                ///< max(0, x) after each of them; else the hyperbolic tangent
  std::size_t memory = 0;                ///< recurrent units; 0: none
};

class Network {
 public:
  explicit Network(NetworkShape shape);

  std::size_t parameters() const { return parameters_; }
  std::size_t inputs() const { return shape_.inputs; }
  std::size_t outputs() const { return shape_.outputs; }
  std::size_t memory() const { return shape_.memory; }

  /// Orthogonal matrices (Saxe et al. 2014) times sqrt 2, of the last layer times `gain`; recurrent ones times 1. No biases.
  void init(std::span<float> theta, double gain, Rng rng) const;
  /// Zero, in parameters or their gradient, to all that outputs first, first + 1, ... have beside their biases. An optimiser that
  /// starts there and is fed such gradients leaves them numbers that do not depend on the inputs.
  void detach(std::span<float> theta, std::size_t first) const;

  /// x [n, inputs] -> [n, outputs], valid until the next call. With memory the rows are the sequences' steps: first the first
  /// step of every sequence, then the second of those that have one, and so on; `running`: how many have a first, a second, ...,
  /// none more than the one before. Empty: one step each. `memory` [sequences, memory()] holds what is remembered before the
  /// first step, and then what is after the last.
  Table<const float> forward(std::span<const float> theta, Table<const float> x, Table<float> memory = {},
                             std::span<const std::size_t> running = {});

  /// `output` [n, outputs] is the gradient by what the last `forward` returned, under the same theta and x. Adds to `gradient`
  /// that by the parameters, unless it is empty; fills `input` [n, inputs], unless it has no data.
  void backward(std::span<const float> theta, Table<const float> x, Table<const float> output, std::span<float> gradient,
                Table<float> input = {});

 private:
  struct Layer {
    std::size_t in, out, weights, biases;  // where they begin in theta; weights [in, out]
  };
  void remember(std::span<const float> theta, Table<const float> x, Table<float> memory);
  void recall(std::span<const float> theta, Table<const float> x, std::span<float> gradient, Table<float> input);

  NetworkShape shape_;
  std::size_t parameters_ = 0;
  std::size_t gates_ = 0, gate_biases_ = 0, recurrent_ = 0;  // of the recurrent unit: W [inputs, 3 m], b [3 m], U [m, 3 m]
  std::vector<Layer> layers_;

  // Of the last forward. before_: what each row remembered; recurred_: before_ U; gated_: r, z, n; remembered_: h'.
  std::vector<std::vector<float>> active_;  // [layers][n, out]
  std::vector<float> before_, recurred_, gated_, remembered_;
  std::vector<std::size_t> running_;
  std::vector<float> slope_, next_slope_, by_gates_, by_recurred_;  // gradients, of backward
};

}  // namespace fader

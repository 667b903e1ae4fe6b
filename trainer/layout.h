// Where each tensor of a model lies in its flat buffers: parameters, gradients and both moments share one layout.
//
// Every tensor begins on a cache line; the few numbers between two tensors are zero in every buffer and stay zero.
// Matrices are row-major, rows = outputs, so that a layer is y = x W^T. Names, in order, and shapes:
//   embedding                [vocabulary, width]   input look-up and output layer at once
//   layers.<i>.attention_norm [width]              layers.<i>.qkv   [3 width, width]  queries, keys, values
//   layers.<i>.output        [width, width]        layers.<i>.feed_norm [width]
//   layers.<i>.gate_up       [2 hidden, width]     layers.<i>.down  [width, hidden]
//   norm                     [width]
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "trainer/trainer.h"

namespace fader {

struct Tensor {
  std::string name;
  std::int64_t rows = 0, cols = 0;  ///< a norm's gain has one row
  std::int64_t offset = 0;          ///< of its first number
  double std = 0;                   ///< of fresh weights; 0: a gain, which starts at one
  std::int64_t size() const { return rows * cols; }
  bool matrix() const { return std > 0; }
};

struct Layout {
  struct Block {
    std::int64_t attention_norm, qkv, output, feed_norm, gate_up, down;  ///< offsets
  };
  explicit Layout(const ModelOptions& options);

  std::vector<Tensor> tensors;
  std::int64_t size = 0;  ///< numbers in a flat buffer, gaps included
  std::int64_t embedding = 0, norm = 0;
  std::vector<Block> blocks;
  double products = 0;    ///< weights that take part in products, per position: all matrices, the embedding once
};

/// Fresh parameters: tensor `name` draws from the stream (seed, "model/init").child(name). `out`: Layout::size numbers.
void initialise(const Layout& layout, std::uint64_t seed, std::span<float> out);

}  // namespace fader

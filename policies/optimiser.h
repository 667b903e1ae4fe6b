// Gradient descent over one flat vector of parameters.
//
//   adam      m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  theta -= rate mhat / (sqrt(vhat) + epsilon),  b1 = 0.9, b2 = keep
//             Kingma and Ba (2015), arXiv 1412.6980, algorithm 1
//   rmsprop   v = 0.99 v + 0.01 g^2,  theta -= rate g / (sqrt(v) + epsilon)
//   sgd       theta -= rate g
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/archive.h"

namespace fader {

/// Parameters beyond this have diverged: a loaded one is refused, one that was learned is an error.
inline constexpr float kGreatestParameter = 1e4f;

struct OptimiserOptions {
  std::string kind = "adam";
  double rate = 3e-4, epsilon = 1e-8;
  double keep = 0.999;  ///< of adam: b2
  double clip = 0;   ///< greatest Euclidean norm of a gradient, longer ones are shortened; 0: any
};

class Optimiser {
 public:
  Optimiser(OptimiserOptions options, std::size_t parameters);

  /// One step against `gradient`, which is clipped in place. Returns its norm before. RunError where a number is not finite or
  /// a parameter would leave +-kGreatestParameter; theta is left as it was then.
  double step(std::span<float> theta, std::span<float> gradient);

  void state(Archive& archive);

 private:
  OptimiserOptions options_;
  std::int64_t steps_ = 0;
  std::vector<float> first_, second_, proposed_;
};

/// Saves or loads the parameters of a network: finite, within the bound.
void parameters_state(Archive& archive, std::string_view name, std::span<float> theta);

}  // namespace fader

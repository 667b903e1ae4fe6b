// What training will take, before it starts: memory by formula, FLOPs by flops.h, time from the processor's measured speed.
#pragma once
#include <cstdint>

#include "trainer/model.h"

namespace fader {

struct TrainingEstimate {
  double parameters = 0;
  double state_bytes = 0;       ///< weights, both moments, gradients of all threads, reference gradient; weights and that rounded
  double activation_bytes = 0;  ///< working memory of the passes, all threads
  double flops = 0;             ///< of all optimiser steps
  double seconds = 0;           ///< of all optimiser steps, at `rate`
};

/// Of one slot on the CPU. Positions attend to half a context. `rate`: FLOP/s that one thread's products reach (product_rate).
TrainingEstimate estimate(const ModelOptions& model, const TrainOptions& train, int threads, double rate);

/// FLOP/s of products of this precision on the calling thread: the best of a few tries, about 50 ms in all.
double product_rate(Precision precision);

}  // namespace fader

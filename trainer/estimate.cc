#include "trainer/estimate.h"

#include <algorithm>
#include <chrono>

#include "trainer/buffer.h"
#include "trainer/flops.h"
#include "trainer/product.h"
#include "trainer/schedule.h"

namespace fader {
namespace {

// Of the rate of large products, a whole step reaches about this share (README, "Speed").
constexpr double kShare = 0.5;

template <class T>
double rate_of() {
  constexpr std::int64_t n = 512;
  const Buffer<T> a(n * n, narrow<T>(Wide<T>(1))), b(a);
  Buffer<Wide<T>> c(n * n);
  double best = 0;
  for (int i = 0; i < 6; ++i) {
    const auto start = std::chrono::steady_clock::now();
    product<T>({a.data(), n, n}, {b.data(), n, n, true}, c.data());
    best = std::max(best, 2.0 * n * n * n / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

double product_rate(Precision precision) { return precision == Precision::bfloat16 ? rate_of<Half>() : rate_of<float>(); }

TrainingEstimate estimate(const ModelOptions& model, const TrainOptions& train, int threads, double rate) {
  const Layout layout(model);
  const Precision precision = precision_of(train);
  TrainingEstimate e;
  e.parameters = static_cast<double>(model.parameters());
  const double buffers = 4.0 + threads + (averaged_weights(train, train.steps()) > 0 ? 1 : 0);
  e.state_bytes = static_cast<double>(layout.size) * (4.0 * buffers + (precision == Precision::bfloat16 ? 4.0 : 0.0));
  const std::int64_t positions = train.batch * model.context;
  e.activation_bytes = working_bytes(model, precision, threads, train.recompute, positions);
  const double forward = 2.0 * layout.products * static_cast<double>(positions) +
                         2.0 * static_cast<double>(model.width * model.layers) * static_cast<double>(positions * (model.context + 1));
  const double again = train.recompute ? 4.0 : 3.0;
  e.flops = 3.0 * forward * static_cast<double>(train.steps());
  e.seconds = again / 3.0 * e.flops / (rate * threads * kShare);
  return e;
}

}  // namespace fader

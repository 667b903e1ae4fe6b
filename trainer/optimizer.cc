#include "trainer/optimizer.h"

#include <cmath>

#include "core/error.h"
#include "trainer/lanes.h"

namespace fader {
namespace {

// Sums in double precision, in a fixed order of lanes.
FADER_KERNEL double dot(const float* a, const float* b, std::int64_t n) {
  double lane[kernels::kLanes] = {};
  std::int64_t i = 0;
  for (; i + kernels::kLanes <= n; i += kernels::kLanes)
    for (std::int64_t l = 0; l < kernels::kLanes; ++l) lane[l] += static_cast<double>(a[i + l]) * static_cast<double>(b[i + l]);
  for (std::int64_t l = 0; i + l < n; ++l) lane[l] += static_cast<double>(a[i + l]) * static_cast<double>(b[i + l]);
  double total = 0;
  for (const double x : lane) total += x;
  return total;
}

struct Rates {
  float clip, beta1, beta2, step, correct2, epsilon, keep;  // keep: what decay leaves of a parameter
};

FADER_KERNEL void update(const Rates r, std::int64_t n, const float* __restrict g, float* __restrict p, float* __restrict m,
                         float* __restrict v) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float x = g[i] * r.clip;
    m[i] = r.beta1 * m[i] + (1.0f - r.beta1) * x;
    v[i] = r.beta2 * v[i] + (1.0f - r.beta2) * x * x;
    p[i] = r.keep * p[i] - r.step * m[i] / (__builtin_sqrtf(v[i] * r.correct2) + r.epsilon);
  }
}

}  // namespace

double inner_product(std::span<const float> a, std::span<const float> b) {
  FADER_CHECK_EQ(a.size(), b.size());
  return dot(a.data(), b.data(), static_cast<std::int64_t>(a.size()));
}

double norm(std::span<const float> x) { return std::sqrt(inner_product(x, x)); }

void adamw_step(const Layout& layout, const TrainOptions& o, double rate, std::int64_t step, double gradient_norm,
                std::span<const float> gradient, std::span<float> parameters, std::span<float> first, std::span<float> second) {
  FADER_CHECK_EQ(static_cast<std::int64_t>(gradient.size()), layout.size);
  FADER_CHECK_EQ(parameters.size(), gradient.size());
  FADER_CHECK_EQ(first.size(), gradient.size());
  FADER_CHECK_EQ(second.size(), gradient.size());
  const double t = static_cast<double>(step);
  const bool clipped = o.clip > 0 && gradient_norm > o.clip;
  Rates r{};
  r.clip = clipped ? static_cast<float>(o.clip / gradient_norm) : 1.0f;
  r.beta1 = static_cast<float>(o.beta1);
  r.beta2 = static_cast<float>(o.beta2);
  r.step = static_cast<float>(rate / (1.0 - std::pow(o.beta1, t)));
  r.correct2 = static_cast<float>(1.0 / (1.0 - std::pow(o.beta2, t)));
  r.epsilon = static_cast<float>(o.epsilon);
  for (const Tensor& tensor : layout.tensors) {
    r.keep = tensor.matrix() ? static_cast<float>(1.0 - rate * o.weight_decay) : 1.0f;
    const auto at = static_cast<std::size_t>(tensor.offset);
    update(r, tensor.size(), gradient.data() + at, parameters.data() + at, first.data() + at, second.data() + at);
  }
}

}  // namespace fader

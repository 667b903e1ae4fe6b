#include "trainer/optimizer.h"

#include <algorithm>
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
  float clip, beta1, beta2, rate, correct2, epsilon, keep;
};

FADER_KERNEL void update(const Rates r, std::int64_t n, const float* __restrict g, float* __restrict p, float* __restrict m,
                         float* __restrict v) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float x = g[i] * r.clip;
    m[i] = r.beta1 * m[i] + (1.0f - r.beta1) * x;
    v[i] = r.beta2 * v[i] + (1.0f - r.beta2) * x * x;
    p[i] = r.keep * p[i] - r.rate * m[i] / (__builtin_sqrtf(v[i] * r.correct2) + r.epsilon);
  }
}

FADER_KERNEL void move_mean(float share, std::int64_t n, const float* __restrict p, float* __restrict mean) {
  for (std::int64_t i = 0; i < n; ++i) mean[i] += (p[i] - mean[i]) * share;
}

}  // namespace

double inner_product(std::span<const float> a, std::span<const float> b) {
  FADER_CHECK_EQ(a.size(), b.size());
  return dot(a.data(), b.data(), static_cast<std::int64_t>(a.size()));
}

double norm(std::span<const float> x) { return std::sqrt(inner_product(x, x)); }

AdamW::AdamW(const TrainOptions& o, double rate, std::int64_t step, double gradient_norm) {
  const double t = static_cast<double>(step);
  const bool clipped = o.clip > 0 && gradient_norm > o.clip;
  clip_ = clipped ? static_cast<float>(o.clip / gradient_norm) : 1.0f;
  beta1_ = static_cast<float>(o.beta1);
  beta2_ = static_cast<float>(o.beta2);
  rate_ = static_cast<float>(rate / (1.0 - std::pow(o.beta1, t)));
  correct2_ = static_cast<float>(1.0 / (1.0 - std::pow(o.beta2, t)));
  epsilon_ = static_cast<float>(o.epsilon);
  keep_ = static_cast<float>(1.0 - rate * o.weight_decay);
}

void AdamW::step(const Layout& layout, std::int64_t first, std::int64_t last, std::span<const float> gradient,
                 std::span<float> parameters, std::span<float> moment1, std::span<float> moment2) const {
  FADER_CHECK_EQ(static_cast<std::int64_t>(gradient.size()), layout.size);
  FADER_CHECK_EQ(parameters.size(), gradient.size());
  FADER_CHECK_EQ(moment1.size(), gradient.size());
  FADER_CHECK_EQ(moment2.size(), gradient.size());
  for (const Tensor& tensor : layout.tensors) {
    const std::int64_t begin = std::max(first, tensor.offset), end = std::min(last, tensor.offset + tensor.size());
    if (begin >= end) continue;
    update({clip_, beta1_, beta2_, rate_, correct2_, epsilon_, tensor.matrix() ? keep_ : 1.0f}, end - begin, gradient.data() + begin,
           parameters.data() + begin, moment1.data() + begin, moment2.data() + begin);
  }
}

void add_to_mean(std::int64_t count, std::int64_t first, std::int64_t last, std::span<const float> parameters, std::span<float> mean) {
  FADER_CHECK_EQ(parameters.size(), mean.size());
  move_mean(1.0f / static_cast<float>(count), last - first, parameters.data() + first, mean.data() + first);
}

}  // namespace fader

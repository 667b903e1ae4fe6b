// Normalisation, rotation, activation and loss; attention is in attention.cc.
#include "trainer/kernels.h"

#include <cmath>

#include "trainer/lanes.h"

namespace fader::kernels {
namespace {

// The largest of n > 0 numbers of either kind.
template <class T>
FADER_INLINE float top_of(const T* x, std::int64_t n) {
  float lane[kLanes];
  for (std::int64_t l = 0; l < kLanes; ++l) lane[l] = wide(x[0]);
  std::int64_t i = 0;
  const auto larger = [](float a, float b) { return a < b ? b : a; };
  for (; i + kLanes <= n; i += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) lane[l] = larger(lane[l], wide(x[i + l]));
  for (std::int64_t l = 0; i + l < n; ++l) lane[l] = larger(lane[l], wide(x[i + l]));
  return fold_lanes(lane, larger);
}

}  // namespace

template <class T>
FADER_KERNEL void rms_norm(const float* __restrict x, const float* __restrict gain, std::int64_t rows, std::int64_t width, float epsilon,
                                T* __restrict out, float* __restrict inverse) {
  for (std::int64_t i = 0; i < rows; ++i, x += width, out += width) {
    const float square = sum(width, [x](std::int64_t j) { return x[j] * x[j]; });
    const float scale = 1.0f / std::sqrt(square / static_cast<float>(width) + epsilon);
    for (std::int64_t j = 0; j < width; ++j) out[j] = narrow<T>(x[j] * scale * gain[j]);
    inverse[i] = scale;
  }
}

template <class T>
FADER_KERNEL void rms_norm_backward(const T* __restrict dout, const float* __restrict x, const float* __restrict gain,
                                         const float* __restrict inverse, std::int64_t rows, std::int64_t width, float* __restrict dx,
                                         float* __restrict dgain) {
  for (std::int64_t i = 0; i < rows; ++i, dout += width, x += width, dx += width) {
    const float scale = inverse[i];
    const float along = sum(width, [=](std::int64_t j) { return wide(dout[j]) * gain[j] * x[j]; });
    const float pull = along * scale * scale * scale / static_cast<float>(width);
    for (std::int64_t j = 0; j < width; ++j) {
      const float d = wide(dout[j]);
      dx[j] += d * gain[j] * scale - x[j] * pull;
      dgain[j] += d * x[j] * scale;
    }
  }
}

template <class T>
FADER_KERNEL void rotate(T* x, std::int64_t rows, std::int64_t stride, std::int64_t heads, std::int64_t head,
                              const float* __restrict cosine, const float* __restrict sine, float sign) {
  const std::int64_t half = head / 2;
  for (std::int64_t i = 0; i < rows; ++i, x += stride, cosine += half, sine += half) {
    for (std::int64_t h = 0; h < heads; ++h) {
      T* __restrict low = x + h * head;
      T* __restrict high = low + half;
      for (std::int64_t c = 0; c < half; ++c) {
        const float a = wide(low[c]), b = wide(high[c]), s = sign * sine[c];
        low[c] = narrow<T>(a * cosine[c] - b * s);
        high[c] = narrow<T>(b * cosine[c] + a * s);
      }
    }
  }
}

template <class T>
FADER_KERNEL void swiglu(const T* __restrict gate_up, std::int64_t rows, std::int64_t hidden, T* __restrict out) {
  for (std::int64_t i = 0; i < rows; ++i, gate_up += 2 * hidden, out += hidden) {
    const T* up = gate_up + hidden;
    for (std::int64_t j = 0; j < hidden; ++j) {
      const float g = wide(gate_up[j]);
      out[j] = narrow<T>(g / (1.0f + exponential(-g)) * wide(up[j]));
    }
  }
}

template <class T>
FADER_KERNEL void swiglu_backward(const T* __restrict dout, std::int64_t rows, std::int64_t hidden, T* __restrict gate_up) {
  for (std::int64_t i = 0; i < rows; ++i, gate_up += 2 * hidden, dout += hidden) {
    T* __restrict up = gate_up + hidden;
    for (std::int64_t j = 0; j < hidden; ++j) {
      const float g = wide(gate_up[j]), d = wide(dout[j]), s = 1.0f / (1.0f + exponential(-g));
      gate_up[j] = narrow<T>(d * wide(up[j]) * s * (1.0f + g * (1.0f - s)));
      up[j] = narrow<T>(d * g * s);
    }
  }
}

template <class T>
FADER_KERNEL void cross_entropy(const T* __restrict logits, const std::uint32_t* target, std::int64_t rows, std::int64_t vocabulary,
                                     float* __restrict nats) {
  for (std::int64_t i = 0; i < rows; ++i, logits += vocabulary) {
    const float top = top_of(logits, vocabulary);
    const float all = sum(vocabulary, [=](std::int64_t j) { return exponential(wide(logits[j]) - top); });
    nats[i] = std::log(all) + top - wide(logits[target[i]]);
  }
}

template <class T>
FADER_KERNEL void cross_entropy_backward(T* __restrict logits, const std::uint32_t* target, const float* weight, std::int64_t rows,
                                              std::int64_t vocabulary, float* __restrict nats, float* __restrict row) {
  for (std::int64_t i = 0; i < rows; ++i, logits += vocabulary) {
    const float top = top_of(logits, vocabulary), right = wide(logits[target[i]]);
    for (std::int64_t j = 0; j < vocabulary; ++j) row[j] = exponential(wide(logits[j]) - top);
    const float all = sum(vocabulary, [=](std::int64_t j) { return row[j]; });
    nats[i] = std::log(all) + top - right;
    const float share = weight[i] / all, own = row[target[i]] * share - weight[i];
    for (std::int64_t j = 0; j < vocabulary; ++j) logits[j] = narrow<T>(row[j] * share);
    logits[target[i]] = narrow<T>(own);
  }
}

template <class T>
FADER_KERNEL void add(const T* __restrict x, std::int64_t n, float* __restrict into) {
  for (std::int64_t i = 0; i < n; ++i) into[i] += wide(x[i]);
}

FADER_KERNEL void round(const float* __restrict x, std::int64_t n, Half* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = narrow<Half>(x[i]);
}

#define FADER_FOR(T)                                                                                                            \
  template void rms_norm(const float*, const float*, std::int64_t, std::int64_t, float, T*, float*);                            \
  template void rms_norm_backward(const T*, const float*, const float*, const float*, std::int64_t, std::int64_t, float*, float*); \
  template void rotate(T*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, const float*, const float*, float);          \
  template void swiglu(const T*, std::int64_t, std::int64_t, T*);                                                               \
  template void swiglu_backward(const T*, std::int64_t, std::int64_t, T*);                                                      \
  template void cross_entropy(const T*, const std::uint32_t*, std::int64_t, std::int64_t, float*);                              \
  template void cross_entropy_backward(T*, const std::uint32_t*, const float*, std::int64_t, std::int64_t, float*, float*);     \
  template void add(const T*, std::int64_t, float*);
FADER_FOR(float)
FADER_FOR(Half)
#undef FADER_FOR

}  // namespace fader::kernels

// Normalisation, rotation, activation and loss; attention is in attention.cc.
#include "trainer/kernels.h"

#include <cmath>
#include <type_traits>

#include "trainer/lanes.h"

namespace fader::kernels {

template <class T>
FADER_KERNEL void rms_norm(const Wide<T>* __restrict x, const Wide<T>* __restrict gain, std::int64_t rows, std::int64_t width, Wide<T> epsilon,
                                T* __restrict out, Wide<T>* __restrict inverse) {
  for (std::int64_t i = 0; i < rows; ++i, x += width, out += width) {
    const Wide<T> square = sum(width, [x](std::int64_t j) { return x[j] * x[j]; });
    const Wide<T> scale = Wide<T>(1) / std::sqrt(square / static_cast<Wide<T>>(width) + epsilon);
    for (std::int64_t j = 0; j < width; ++j) out[j] = narrow<T>(x[j] * scale * gain[j]);
    inverse[i] = scale;
  }
}

template <class T>
FADER_KERNEL void rms_norm_backward(const T* __restrict dout, const Wide<T>* __restrict x, const Wide<T>* __restrict gain,
                                         const Wide<T>* __restrict inverse, std::int64_t rows, std::int64_t width, Wide<T>* __restrict dx,
                                         Wide<T>* __restrict dgain) {
  for (std::int64_t i = 0; i < rows; ++i, dout += width, x += width, dx += width) {
    const Wide<T> scale = inverse[i];
    const Wide<T> along = sum(width, [=](std::int64_t j) { return wide(dout[j]) * gain[j] * x[j]; });
    const Wide<T> pull = along * scale * scale * scale / static_cast<Wide<T>>(width);
    for (std::int64_t j = 0; j < width; ++j) {
      const Wide<T> d = wide(dout[j]);
      dx[j] += d * gain[j] * scale - x[j] * pull;
      dgain[j] += d * x[j] * scale;
    }
  }
}

namespace {

// Pairs (c, c + head / 2) of `heads` heads.
template <class Real>
FADER_INLINE void rotate_heads(Real* x, std::int64_t heads, std::int64_t head, const Real* __restrict cosine, const Real* __restrict sine, Real sign) {
  const std::int64_t half = head / 2;
  for (std::int64_t h = 0; h < heads; ++h) {
    Real* __restrict low = x + h * head;
    Real* __restrict high = low + half;
    for (std::int64_t c = 0; c < half; ++c) {
      const Real a = low[c], b = high[c], s = sign * sine[c];
      low[c] = a * cosine[c] - b * s;
      high[c] = b * cosine[c] + a * s;
    }
  }
}

}  // namespace

template <class T>
FADER_KERNEL void rotate(T* x, std::int64_t rows, std::int64_t stride, std::int64_t heads, std::int64_t head,
                         const Wide<T>* __restrict cosine, const Wide<T>* __restrict sine, Wide<T> sign) {
  const std::int64_t half = head / 2;
  for (std::int64_t i = 0; i < rows; ++i, x += stride, cosine += half, sine += half) {
    if constexpr (std::is_same_v<T, Wide<T>>) {
      rotate_heads(x, heads, head, cosine, sine, sign);
    } else {  // a few heads at a time, widened: half a head is too short a loop for two conversions
      constexpr std::int64_t kRoom = 1024;
      Wide<T> room[kRoom];
      const std::int64_t most = kRoom / head;
      for (std::int64_t h = 0; h < heads; h += most) {
        const std::int64_t n = (heads - h < most ? heads - h : most), numbers = n * head;
        T* at = x + h * head;
        for (std::int64_t j = 0; j < numbers; ++j) room[j] = wide(at[j]);
        rotate_heads(room, n, head, cosine, sine, sign);
        for (std::int64_t j = 0; j < numbers; ++j) at[j] = narrow<T>(room[j]);
      }
    }
  }
}

template <class T>
FADER_KERNEL void swiglu(const T* __restrict gate_up, std::int64_t rows, std::int64_t hidden, T* __restrict out) {
  for (std::int64_t i = 0; i < rows; ++i, gate_up += 2 * hidden, out += hidden) {
    const T* up = gate_up + hidden;
    for (std::int64_t j = 0; j < hidden; ++j) {
      const Wide<T> g = wide(gate_up[j]);
      out[j] = narrow<T>(g / (Wide<T>(1) + exponential(-g)) * wide(up[j]));
    }
  }
}

template <class T>
FADER_KERNEL void swiglu_backward(const T* __restrict dout, std::int64_t rows, std::int64_t hidden, T* __restrict gate_up) {
  for (std::int64_t i = 0; i < rows; ++i, gate_up += 2 * hidden, dout += hidden) {
    T* __restrict up = gate_up + hidden;
    for (std::int64_t j = 0; j < hidden; ++j) {
      const Wide<T> g = wide(gate_up[j]), d = wide(dout[j]), s = Wide<T>(1) / (Wide<T>(1) + exponential(-g));
      gate_up[j] = narrow<T>(d * wide(up[j]) * s * (Wide<T>(1) + g * (Wide<T>(1) - s)));
      up[j] = narrow<T>(d * g * s);
    }
  }
}

template <class T>
FADER_KERNEL void cross_entropy(const T* __restrict logits, const std::uint32_t* target, std::int64_t rows, std::int64_t vocabulary,
                                     Wide<T>* __restrict nats) {
  for (std::int64_t i = 0; i < rows; ++i, logits += vocabulary) {
    const Wide<T> top = largest(logits, vocabulary);
    const Wide<T> all = sum(vocabulary, [=](std::int64_t j) { return exponential(wide(logits[j]) - top); });
    nats[i] = std::log(all) + top - wide(logits[target[i]]);
  }
}

template <class T>
FADER_KERNEL void cross_entropy_backward(T* __restrict logits, const std::uint32_t* target, const Wide<T>* weight, std::int64_t rows,
                                              std::int64_t vocabulary, Wide<T>* __restrict nats, Wide<T>* __restrict row) {
  for (std::int64_t i = 0; i < rows; ++i, logits += vocabulary) {
    const Wide<T> top = largest(logits, vocabulary), right = wide(logits[target[i]]);
    for (std::int64_t j = 0; j < vocabulary; ++j) row[j] = exponential(wide(logits[j]) - top);
    const Wide<T> all = sum(vocabulary, [=](std::int64_t j) { return row[j]; });
    nats[i] = std::log(all) + top - right;
    const Wide<T> share = weight[i] / all, own = row[target[i]] * share - weight[i];
    for (std::int64_t j = 0; j < vocabulary; ++j) logits[j] = narrow<T>(row[j] * share);
    logits[target[i]] = narrow<T>(own);
  }
}

template <class T>
FADER_KERNEL void add(const T* __restrict x, std::int64_t n, Wide<T>* __restrict into) {
  for (std::int64_t i = 0; i < n; ++i) into[i] += wide(x[i]);
}

FADER_KERNEL void round(const float* __restrict x, std::int64_t n, Half* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = narrow<Half>(x[i]);
}

template <class T>
FADER_KERNEL void row_dots(const T* __restrict a, const T* __restrict b, std::int64_t rows, std::int64_t width, double* __restrict into) {
  for (std::int64_t i = 0; i < rows; ++i, a += width, b += width)
    into[i] += static_cast<double>(sum(width, [=](std::int64_t j) { return wide(a[j]) * wide(b[j]); }));
}

template <class T>
FADER_KERNEL void gain_dots(const T* __restrict dout, const Wide<T>* __restrict x, const Wide<T>* inverse, const Wide<T>* __restrict direction,
                            std::int64_t rows, std::int64_t width, double* __restrict into) {
  for (std::int64_t i = 0; i < rows; ++i, dout += width, x += width)
    into[i] += static_cast<double>(inverse[i] * sum(width, [=](std::int64_t j) { return wide(dout[j]) * x[j] * direction[j]; }));
}

template <class T>
FADER_KERNEL void gain_sum(const T* __restrict dout, const Wide<T>* __restrict x, const Wide<T>* inverse, std::int64_t rows, std::int64_t width,
                           Wide<T>* __restrict dgain) {
  for (std::int64_t j = 0; j < width; ++j) dgain[j] = 0;
  for (std::int64_t i = 0; i < rows; ++i, dout += width, x += width)
    for (std::int64_t j = 0; j < width; ++j) dgain[j] += wide(dout[j]) * x[j] * inverse[i];
}

template <class T>
FADER_KERNEL double inner(const T* a, const T* b, std::int64_t n) {
  return sum(n, [=](std::int64_t j) { return static_cast<double>(wide(a[j])) * static_cast<double>(wide(b[j])); });
}

#define FADER_FOR(T)                                                                                                            \
  template void rms_norm(const Wide<T>*, const Wide<T>*, std::int64_t, std::int64_t, Wide<T>, T*, Wide<T>*);                            \
  template void rms_norm_backward(const T*, const Wide<T>*, const Wide<T>*, const Wide<T>*, std::int64_t, std::int64_t, Wide<T>*, Wide<T>*); \
  template void rotate(T*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, const Wide<T>*, const Wide<T>*, Wide<T>);          \
  template void swiglu(const T*, std::int64_t, std::int64_t, T*);                                                               \
  template void swiglu_backward(const T*, std::int64_t, std::int64_t, T*);                                                      \
  template void cross_entropy(const T*, const std::uint32_t*, std::int64_t, std::int64_t, Wide<T>*);                              \
  template void cross_entropy_backward(T*, const std::uint32_t*, const Wide<T>*, std::int64_t, std::int64_t, Wide<T>*, Wide<T>*);     \
  template void add(const T*, std::int64_t, Wide<T>*);                                                                          \
  template void row_dots(const T*, const T*, std::int64_t, std::int64_t, double*);                                              \
  template void gain_dots(const T*, const Wide<T>*, const Wide<T>*, const Wide<T>*, std::int64_t, std::int64_t, double*);                \
  template void gain_sum(const T*, const Wide<T>*, const Wide<T>*, std::int64_t, std::int64_t, Wide<T>*);                                \
  template double inner(const T*, const T*, std::int64_t);
FADER_FOR(float)
FADER_FOR(Half)
FADER_FOR(double)
#undef FADER_FOR

}  // namespace fader::kernels

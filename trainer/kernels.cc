// Normalisation, rotation, activation and loss; attention is in attention.cc.
#include "trainer/kernels.h"

#include <cmath>

#include "trainer/lanes.h"

namespace fader::kernels {

FADER_KERNEL void rms_norm(const float* x, const float* gain, std::int64_t rows, std::int64_t width, float epsilon, float* out,
                           float* inverse) {
  for (std::int64_t i = 0; i < rows; ++i, x += width, out += width) {
    const float square = sum(width, [x](std::int64_t j) { return x[j] * x[j]; });
    const float scale = 1.0f / std::sqrt(square / static_cast<float>(width) + epsilon);
    for (std::int64_t j = 0; j < width; ++j) out[j] = x[j] * scale * gain[j];
    inverse[i] = scale;
  }
}

FADER_KERNEL void rms_norm_backward(const float* __restrict dout, const float* __restrict x, const float* __restrict gain,
                                    const float* __restrict inverse, std::int64_t rows, std::int64_t width,
                                    float* __restrict dx, float* __restrict dgain) {
  for (std::int64_t i = 0; i < rows; ++i, dout += width, x += width, dx += width) {
    const float scale = inverse[i];
    const float along = sum(width, [=](std::int64_t j) { return dout[j] * gain[j] * x[j]; });
    const float pull = along * scale * scale * scale / static_cast<float>(width);
    for (std::int64_t j = 0; j < width; ++j) {
      dx[j] += dout[j] * gain[j] * scale - x[j] * pull;
      dgain[j] += dout[j] * x[j] * scale;
    }
  }
}

FADER_KERNEL void rotate(float* x, std::int64_t rows, std::int64_t stride, std::int64_t heads, std::int64_t head,
                         const float* __restrict cosine, const float* __restrict sine, float sign) {
  const std::int64_t half = head / 2;
  for (std::int64_t i = 0; i < rows; ++i, x += stride, cosine += half, sine += half) {
    for (std::int64_t h = 0; h < heads; ++h) {
      float* __restrict low = x + h * head;
      float* __restrict high = low + half;
      for (std::int64_t c = 0; c < half; ++c) {
        const float a = low[c], b = high[c], s = sign * sine[c];
        low[c] = a * cosine[c] - b * s;
        high[c] = b * cosine[c] + a * s;
      }
    }
  }
}

FADER_KERNEL void swiglu(const float* __restrict gate_up, std::int64_t rows, std::int64_t hidden, float* __restrict out) {
  for (std::int64_t i = 0; i < rows; ++i, gate_up += 2 * hidden, out += hidden) {
    const float* up = gate_up + hidden;
    for (std::int64_t j = 0; j < hidden; ++j) {
      const float g = gate_up[j];
      out[j] = g / (1.0f + exponential(-g)) * up[j];
    }
  }
}

FADER_KERNEL void swiglu_backward(const float* __restrict dout, std::int64_t rows, std::int64_t hidden, float* __restrict gate_up) {
  for (std::int64_t i = 0; i < rows; ++i, gate_up += 2 * hidden, dout += hidden) {
    float* __restrict up = gate_up + hidden;
    for (std::int64_t j = 0; j < hidden; ++j) {
      const float g = gate_up[j], s = 1.0f / (1.0f + exponential(-g));
      gate_up[j] = dout[j] * up[j] * s * (1.0f + g * (1.0f - s));
      up[j] = dout[j] * g * s;
    }
  }
}

FADER_KERNEL void cross_entropy(const float* __restrict logits, const std::uint32_t* target, std::int64_t rows,
                                std::int64_t vocabulary, float* __restrict nats) {
  for (std::int64_t i = 0; i < rows; ++i, logits += vocabulary) {
    const float top = largest(logits, vocabulary);
    const float all = sum(vocabulary, [=](std::int64_t j) { return exponential(logits[j] - top); });
    nats[i] = std::log(all) + top - logits[target[i]];
  }
}

FADER_KERNEL void cross_entropy_backward(float* __restrict logits, const std::uint32_t* target, const float* __restrict weight,
                                         std::int64_t rows, std::int64_t vocabulary, float* __restrict nats) {
  for (std::int64_t i = 0; i < rows; ++i, logits += vocabulary) {
    const float top = largest(logits, vocabulary), right = logits[target[i]];
    for (std::int64_t j = 0; j < vocabulary; ++j) logits[j] = exponential(logits[j] - top);
    const float all = sum(vocabulary, [=](std::int64_t j) { return logits[j]; });
    nats[i] = std::log(all) + top - right;
    const float share = weight[i] / all;
    for (std::int64_t j = 0; j < vocabulary; ++j) logits[j] *= share;
    logits[target[i]] -= weight[i];
  }
}

}  // namespace fader::kernels

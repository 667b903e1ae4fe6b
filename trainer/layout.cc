#include "trainer/layout.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"
#include "trainer/buffer.h"

namespace fader {

Layout::Layout(const ModelOptions& o) {
  const std::int64_t w = o.width, h = o.hidden_width();
  const double into_stream = o.init_std / std::sqrt(2.0 * static_cast<double>(o.layers));
  const auto add = [this](std::string name, std::int64_t rows, std::int64_t cols, double std) {
    constexpr std::int64_t line = kCacheLine / sizeof(float);
    const std::int64_t offset = size;
    tensors.push_back({std::move(name), rows, cols, offset, std});
    size = (offset + rows * cols + line - 1) / line * line;
    if (std > 0) products += static_cast<double>(rows * cols);
    return offset;
  };
  embedding = add("embedding", o.vocabulary, w, o.init_std);
  for (std::int64_t i = 0; i < o.layers; ++i) {
    const std::string at = fmt::format("layers.{}.", i);
    Block b{};
    b.attention_norm = add(at + "attention_norm", 1, w, 0);
    b.qkv = add(at + "qkv", 3 * w, w, o.init_std);
    b.output = add(at + "output", w, w, into_stream);
    b.feed_norm = add(at + "feed_norm", 1, w, 0);
    b.gate_up = add(at + "gate_up", 2 * h, w, o.init_std);
    b.down = add(at + "down", w, h, into_stream);
    blocks.push_back(b);
  }
  norm = add("norm", 1, w, 0);
}

void initialise(const Layout& layout, std::uint64_t seed, std::span<float> out) {
  FADER_CHECK_EQ(static_cast<std::int64_t>(out.size()), layout.size);
  const Rng root(seed, "model/init");
  std::fill(out.begin(), out.end(), 0.0f);
  for (const Tensor& t : layout.tensors) {
    const auto part = out.subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size()));
    if (!t.matrix()) {
      std::fill(part.begin(), part.end(), 1.0f);
      continue;
    }
    Rng rng = root.child(t.name);
    for (float& x : part) x = static_cast<float>(t.std * rng.normal());
  }
}

}  // namespace fader

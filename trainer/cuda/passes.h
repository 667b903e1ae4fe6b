// Forward and backward of many members at once: the step of trainer/model.cc as a list of launches and products, in the same order.
//
// Every array holds the members one after another; products are one batched call for all of them. Activations and operands are T,
// bfloat16 or float32; the residual stream, gradients of parameters and all sums are float32. Where model.cc rounds a product
// before it adds it to the stream or a gradient, here the product adds in float32.
#pragma once
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "trainer/cuda/attention.h"
#include "trainer/cuda/by_product.h"
#include "trainer/cuda/device.h"
#include "trainer/cuda/kernels.h"
#include "trainer/layout.h"

namespace fader::cuda {

constexpr Index kLogitsBytes = Index{256} << 20;  // of a chunk of logits of all slots together
constexpr int kSmallVocabulary = 2048;            // up to here one warp does a row of logits

/// What a call works on. Tables and operands are of the device.
template <class T>
struct Work {
  Index members, positions;
  const Member* table;
  const Segment* segments;
  const std::uint32_t* loose;
  const T* operands;          // [M, Layout::size]
  float* gradient = nullptr;  // [M, Layout::size], added to; null: not wanted
  const T* directions = nullptr;  // [M, Layout::size] as products take them; null: nothing is wanted of segments by themselves
  bool backward() const { return gradient != nullptr || directions != nullptr; }
};

template <class Device, class T>
class Passes {
 public:
  Passes(Device& device, const ModelOptions& options, const Layout& layout, bool recompute, int slots, const std::uint32_t* corpus,
         std::uint32_t begin_mark)
      : device_(device),
        o_(options),
        layout_(layout),
        w_(options.width),
        h_(options.hidden_width()),
        v_(options.vocabulary),
        pitch_((options.vocabulary + 7) / 8 * 8),
        corpus_(corpus),
        begin_mark_(begin_mark),
        recompute_(recompute),
        output_rows_(std::max<Index>(32, kLogitsBytes / (slots * pitch_ * static_cast<Index>(sizeof(T))) / 32 * 32)) {
    make_angles();
    choose_tile();
  }

  /// Bytes of working memory that a member with `positions` takes when its gradient and what is told of segments are computed.
  Index bytes(Index positions) const {
    const Index t = sizeof(T), stream = 4 * w_, layer = 4 * w_ + t * (6 * w_ + 3 * h_) + 4 * (2 + o_.heads);
    const Index rest = 8 * w_ + t * (std::max(3 * w_, h_) + 4 * w_) + 4 * (10 + o_.heads);
    const Index partial = blocks_of(positions, kGainRows) * w_ * 4;
    return positions * (o_.layers * stream + (recompute_ ? 1 : o_.layers) * layer + rest) + partial +
           std::min(output_rows_, positions) * pitch_ * t;
  }

  /// Makes room, so that `run` allocates nothing. `directions`: for what is told of segments.
  void reserve(Index members, Index positions, bool backward, bool directions) {
    const Index p = members * positions;
    const std::size_t kept = backward && !recompute_ ? layout_.blocks.size() : 1;
    while (layers_.size() < kept) layers_.emplace_back(device_);
    for (std::size_t l = 0; l < kept; ++l) layers_[l].reserve(p, w_, h_, o_.heads);
    while (backward && streams_.size() < layout_.blocks.size()) streams_.emplace_back(device_);
    for (std::size_t l = 0; backward && l < streams_.size(); ++l) streams_[l].at_least(p * w_);
    for (auto* a : {&input_, &target_}) a->at_least(p);
    for (auto* a : {&start_, &stop_}) a->at_least(p);
    for (auto* a : {&weight_, &nats_, &inverse_}) a->at_least(p);
    stream_.at_least(p * w_);
    normed_.at_least(p * w_);
    logits_.at_least(members * std::min(positions, output_rows_) * pitch_);
    if (!backward) return;
    dstream_.at_least(p * w_);
    for (auto* a : {&drounded_, &dnarrow_}) a->at_least(p * w_);
    dwide_.at_least(p * std::max(3 * w_, h_));
    delta_.at_least(p * o_.heads);
    partial_.at_least(members * blocks_of(positions, kGainRows) * w_);
    if (!directions) return;
    moved_.at_least(p * w_);
    for (auto* a : {&position_dots_, &segment_dots_}) a->at_least(p);
  }

  /// Losses of every position into nats(); adds gradients, and fills dots(), when they are wanted.
  void run(const Work<T>& work) {
    work_ = work;
    const bool keep = work.backward();
    if (work.directions != nullptr) device_.zero(position_dots_.data(), static_cast<std::size_t>(rows()) * sizeof(float));
    device_.launch(members() * blocks_of(positions(), kWide),
                   Expand{work.table, work.segments, corpus_, work.loose, begin_mark_, positions(), input_.data(), target_.data(),
                          start_.data(), stop_.data(), weight_.data()});
    float* x = keep ? streams_[0].data() : stream_.data();
    device_.launch(rows(), Embed{work.table, input_.data(), layout_.embedding, positions(), width(), x});
    for (std::size_t l = 0; l < layout_.blocks.size(); ++l) {
      float* out = keep && l + 1 < streams_.size() ? streams_[l + 1].data() : stream_.data();
      forward(layout_.blocks[l], of_layer(l, keep), x);
      linear<float>(of_layer(l, keep).active.data(), layout_.blocks[l].down, w_, h_, out, of_layer(l, keep).middle.data());
      x = out;
    }
    output(x);
    if (!keep) return;
    for (std::size_t l = layout_.blocks.size(); l-- > 0;) {
      if (recompute_ && l + 1 < layout_.blocks.size()) forward(layout_.blocks[l], layers_[0], streams_[l].data());
      backward(layout_.blocks[l], of_layer(l, true), streams_[l].data());
    }
    if (work.gradient != nullptr)
      device_.launch(members() * v_, EmbedBackward{input_.data(), dstream_.data(), positions(), v_, width(),
                                                   work.gradient + layout_.embedding, layout_.size});
    if (work.directions == nullptr) return;
    device_.launch(rows(), EmbedDots{input_.data(), dstream_.data(), work.table, layout_.embedding, positions(), width(), position_dots_.data()});
    device_.launch(members(), SegmentSums{work.table, work.segments, position_dots_.data(), positions(), segment_dots_.data()});
  }
  const float* nats() const { return nats_.data(); }          ///< [M, P]
  const float* dots() const { return segment_dots_.data(); }  ///< [M, P]: of each segment of a member, its inner product with the direction

 private:
  // What one layer leaves for its backward pass.
  struct Activations {
    explicit Activations(Device& d)
        : middle(d), inverse1(d), inverse2(d), logsum(d), attention_in(d), qkv(d), mixed(d), feed_in(d), gate_up(d), active(d) {}
    Array<Device, float> middle;                      // [M, P, W] stream between the layer's two parts
    Array<Device, float> inverse1, inverse2, logsum;  // [M, P] of the two norms; [M, P, heads]
    Array<Device, T> attention_in, qkv, mixed;        // [M, P, W], [M, P, 3W] turned, [M, P, W]
    Array<Device, T> feed_in, gate_up, active;        // [M, P, W], [M, P, 2H], [M, P, H]

    void reserve(Index p, Index w, Index h, Index heads) {
      middle.at_least(p * w);
      for (auto* a : {&inverse1, &inverse2}) a->at_least(p);
      for (auto* a : {&attention_in, &mixed, &feed_in}) a->at_least(p * w);
      logsum.at_least(p * heads);
      qkv.at_least(p * 3 * w);
      gate_up.at_least(p * 2 * h);
      active.at_least(p * h);
    }
  };

  Activations& of_layer(std::size_t l, bool keep) { return layers_[keep && !recompute_ ? l : 0]; }
  Index members() const { return work_.members; }
  Index positions() const { return work_.positions; }
  Index rows() const { return members() * positions(); }
  int width() const { return static_cast<int>(w_); }
  int hidden() const { return static_cast<int>(h_); }

  void make_angles() {
    const Index half = o_.width / o_.heads / 2;
    std::vector<float> cosine, sine;
    for (Index i = 0; i < o_.context; ++i)
      for (Index c = 0; c < half; ++c) {
        const double angle = static_cast<double>(i) * std::pow(o_.rope_base, -static_cast<double>(c) / static_cast<double>(half));
        cosine.push_back(static_cast<float>(std::cos(angle)));
        sine.push_back(static_cast<float>(std::sin(angle)));
      }
    const std::size_t bytes = cosine.size() * sizeof(float);
    device_.upload(cosine_.at_least(o_.context * half), cosine.data(), bytes);
    device_.upload(sine_.at_least(o_.context * half), sine.data(), bytes);
    device_.wait();
  }

  // The largest tile whose backward pass fits a block's scratch memory.
  void choose_tile() {
    shape_.heads = static_cast<int>(o_.heads);
    shape_.head = static_cast<int>(o_.width / o_.heads);
    shape_.scale = 1.0f / std::sqrt(static_cast<float>(shape_.head));
    for (shape_.tile = 32; shape_.tile >= kMicro; shape_.tile /= 2)
      if (shape_.backward_scratch() <= device_.scratch_limit()) return;
    throw ConfigError(fmt::format(
        "attention heads of {} numbers are too wide for the shared memory of this GPU, {} bytes a block; try heads = {}",
        shape_.head, device_.scratch_limit() * 4, 2 * o_.heads));
  }
  AttentionShape shape() const {
    AttentionShape s = shape_;
    s.start = start_.data();
    s.stop = stop_.data();
    s.positions = positions();
    return s;
  }

  Matrices<T> rows_of(const T* x, Index n, Index cols) const { return {x, n, cols, cols, n * cols}; }
  Matrices<T> all(const T* x, Index cols) const { return rows_of(x, positions(), cols); }
  Matrices<T> weight(Index at, Index outs, Index ins) const { return {work_.operands + at, outs, ins, ins, layout_.size}; }
  Matrices<T> direction(Index at, Index outs, Index ins) const { return {work_.directions + at, outs, ins, ins, layout_.size}; }
  static Matrices<T> turned(Matrices<T> m) {
    m.transposed = true;
    return m;
  }

  // out [M, P, outs] = x [M, P, ins] weight^T, plus `addend`
  template <class Out>
  void linear(const T* x, Index at, Index outs, Index ins, Out* out, const Out* addend = nullptr) {
    device_.product(Product<T, Out>{all(x, ins), turned(weight(at, outs, ins)), out, outs, positions() * outs, members(), addend});
  }
  // Gradients of linear: dx = dout weight, dweight += dout^T x
  void linear_backward(const T* dout, const T* x, Index at, Index outs, Index ins, T* dx) {
    if (work_.gradient != nullptr) {
      float* dweight = work_.gradient + at;
      device_.product(Product<T, float>{turned(all(dout, outs)), all(x, ins), dweight, ins, layout_.size, members(), dweight});
    }
    device_.product(Product<T, T>{all(dout, outs), weight(at, outs, ins), dx, ins, positions() * ins, members()});
    by_product(all(dout, outs), all(x, ins), at, 0);
  }
  // Inner products of what rows [first, first + rows) add to the gradient of the matrix at `at`, where they are wanted.
  void by_product(const Matrices<T>& dout, const Matrices<T>& x, Index at, Index first) {
    if (work_.directions == nullptr) return;
    const Index outs = dout.cols, ins = x.cols, n = x.rows;
    const bool back = ins <= outs || dout.pitch != outs;  // the narrower way; rows of logits are padded
    const Index columns = back ? ins : outs;
    const Matrices<T> g = direction(at, outs, ins), other = back ? x : dout;
    device_.product(Product<T, T>{back ? dout : x, back ? g : turned(g), moved_.data(), columns, n * columns, members()});
    device_.launch(members() * n, RowDots<T>{moved_.data(), other.data, n * columns, other.stride, positions(), first, n,
                                             static_cast<int>(columns), position_dots_.data()});
  }

  void norm(const float* x, Index gain, T* out, float* inverse) {
    device_.launch(rows(),
                   RmsNorm<T>{x, work_.table, gain, positions(), width(), static_cast<float>(o_.norm_epsilon), out, inverse});
  }
  // dx is dstream_, with the rounded form that products take beside it.
  void norm_backward(const T* dout, const float* x, Index gain, const float* inverse, bool fresh) {
    const Index parts = blocks_of(positions(), kGainRows);
    if (work_.gradient != nullptr) {
      device_.launch(members() * parts, GainPartials<T>{dout, x, inverse, positions(), width(), partial_.data()});
      device_.launch(members(), GainSum{partial_.data(), parts, width(), work_.gradient + gain, layout_.size});
    }
    if (work_.directions != nullptr)
      device_.launch(rows(), GainDots<T>{dout, x, inverse, work_.table, gain, positions(), width(), position_dots_.data()});
    device_.launch(rows(), RmsNormBackward<T>{dout, x, inverse, work_.table, gain, positions(), width(), fresh, dstream_.data(),
                                              drounded_.data()});
  }

  // From the stream into a layer to all that its backward pass needs; the last product, back into the stream, is left out.
  void forward(const Layout::Block& at, Activations& a, const float* x) {
    norm(x, at.attention_norm, a.attention_in.data(), a.inverse1.data());
    linear(a.attention_in.data(), at.qkv, 3 * w_, w_, a.qkv.data());
    device_.launch(rows(), Rotate<T>{a.qkv.data(), start_.data(), cosine_.data(), sine_.data(), positions(), width(), shape_.head});
    const AttentionShape s = shape();
    device_.launch(members() * s.tiles() * s.heads, AttentionForward<T>{s, a.qkv.data(), a.mixed.data(), a.logsum.data()},
                   s.forward_scratch());
    linear<float>(a.mixed.data(), at.output, w_, w_, a.middle.data(), x);

    norm(a.middle.data(), at.feed_norm, a.feed_in.data(), a.inverse2.data());
    linear(a.feed_in.data(), at.gate_up, 2 * h_, w_, a.gate_up.data());
    device_.launch(rows(), SwiGlu<T>{a.gate_up.data(), hidden(), a.active.data()});
  }

  // Turns dstream_ and drounded_, the gradient of the layer's output, into that of its input.
  void backward(const Layout::Block& at, Activations& a, const float* x) {
    linear_backward(drounded_.data(), a.active.data(), at.down, w_, h_, dwide_.data());
    device_.launch(rows(), SwiGluBackward<T>{dwide_.data(), hidden(), a.gate_up.data()});
    linear_backward(a.gate_up.data(), a.feed_in.data(), at.gate_up, 2 * h_, w_, dnarrow_.data());
    norm_backward(dnarrow_.data(), a.middle.data(), at.feed_norm, a.inverse2.data(), false);

    linear_backward(drounded_.data(), a.mixed.data(), at.output, w_, w_, dnarrow_.data());
    const AttentionShape s = shape();
    const AttentionBackward b{s, a.logsum.data(), delta_.data(), cosine_.data(), sine_.data()};
    const Index blocks = members() * s.tiles() * s.heads;
    device_.launch(blocks, AttentionQueries<T>{b, a.qkv.data(), a.mixed.data(), dnarrow_.data(), dwide_.data()},
                   s.backward_scratch());
    device_.launch(blocks, AttentionKeys<T>{b, a.qkv.data(), dnarrow_.data(), dwide_.data()}, s.backward_scratch());
    linear_backward(dwide_.data(), a.attention_in.data(), at.qkv, 3 * w_, w_, dnarrow_.data());
    norm_backward(dnarrow_.data(), x, at.attention_norm, a.inverse1.data(), false);
  }

  // Final norm, output layer and loss, some rows of logits at a time; backward leaves the stream's gradient in dstream_.
  void output(const float* x) {
    norm(x, layout_.norm, normed_.data(), inverse_.data());
    for (Index first = 0; first < positions(); first += output_rows_) {
      const Index n = std::min(output_rows_, positions() - first);
      const Matrices<T> normed{normed_.data() + first * w_, n, w_, w_, positions() * w_};
      const Matrices<T> logits{logits_.data(), n, v_, pitch_, n * pitch_}, embedding = weight(layout_.embedding, v_, w_);
      device_.product(Product<T, T>{normed, turned(embedding), logits_.data(), pitch_, n * pitch_, members()});
      if (!work_.backward()) {
        cross_entropy<false>(first, n);
        continue;
      }
      cross_entropy<true>(first, n);
      float* gradient = work_.gradient == nullptr ? nullptr : work_.gradient + layout_.embedding;
      if (gradient != nullptr) device_.product(Product<T, float>{turned(logits), normed, gradient, w_, layout_.size, members(), gradient});
      device_.product(Product<T, T>{logits, embedding, dnarrow_.data() + first * w_, w_, positions() * w_, members()});
      by_product(logits, normed, layout_.embedding, first);
    }
    if (work_.backward()) norm_backward(dnarrow_.data(), x, layout_.norm, inverse_.data(), true);
  }
  template <bool kBackward>
  void cross_entropy(Index first, Index n) {
    const auto launch = [&]<int kLanes>(std::integral_constant<int, kLanes>) {
      device_.launch(members() * n,
                     CrossEntropy<T, kLanes, kBackward>{logits_.data(), target_.data(), weight_.data(), positions(), first, n,
                                                        static_cast<int>(v_), static_cast<int>(pitch_), nats_.data()});
    };
    if (v_ <= kSmallVocabulary) launch(std::integral_constant<int, kWarp>{});
    else launch(std::integral_constant<int, kWide>{});
  }

  Device& device_;
  const ModelOptions o_;
  const Layout& layout_;
  const Index w_, h_, v_, pitch_;  // pitch: of a row of logits, so that rows begin on 16 bytes
  const std::uint32_t* corpus_;
  const std::uint32_t begin_mark_;
  const bool recompute_;           // a layer's activations before its backward pass, rather than keeping those of all
  const Index output_rows_;        // of logits held at once of each member; the same whoever takes part
  AttentionShape shape_{};
  Work<T> work_{};
  std::vector<Array<Device, float>> streams_;  // [M, P, W] into each layer, when there is a backward pass
  std::vector<Activations> layers_;            // of each layer; or a single one's
  Array<Device, float> cosine_{device_}, sine_{device_};  // [context, head / 2]
  Array<Device, std::uint32_t> input_{device_}, target_{device_};
  Array<Device, std::int32_t> start_{device_}, stop_{device_};
  Array<Device, float> weight_{device_}, nats_{device_}, inverse_{device_}, stream_{device_}, dstream_{device_}, delta_{device_},
      partial_{device_};
  Array<Device, float> position_dots_{device_}, segment_dots_{device_};  // [M, P]
  Array<Device, T> drounded_{device_}, dnarrow_{device_}, dwide_{device_}, normed_{device_}, logits_{device_}, moved_{device_};
};

}  // namespace fader::cuda

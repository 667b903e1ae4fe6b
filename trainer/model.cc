// The form that trains: forward and backward written for the architecture, all working memory allocated once.
//
// A batch is taken apart into groups of whole segments, about a thousand positions each, so that what a layer leaves for the
// backward pass stays near the processor and memory does not grow with the batch. Groups are shared out to threads, each
// with working memory and gradient of its own; gradients are summed in the order of the threads.
// Status: checked against the autograd form, which is checked against plain loops and finite differences.
#include "trainer/model.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/error.h"
#include "trainer/buffer.h"
#include "trainer/kernels.h"
#include "trainer/product.h"
#include "trainer/product_avx512.h"
#include "trainer/team.h"

namespace fader {
namespace {

constexpr std::int64_t kGroup = 1024;       // positions worked on at once, unless a single segment is longer
constexpr std::int64_t kOutputRows = 128;   // rows of logits held at once

struct Group {
  std::size_t first, last;  // segments
};

// Probabilities of `positions` positions, however they are cut into segments, but for very short ones; of a few contexts.
std::int64_t kept_room(const ModelOptions& o, std::int64_t positions) {
  const kernels::Attention whole{o.context, o.heads, o.width / o.heads};
  return o.heads * whole.probabilities() / o.context * positions * 9 / 8;
}

// Positions of a group, unless a segment is longer: a group at least for every thread.
std::int64_t group_room(std::int64_t positions, std::int64_t threads) { return std::min(kGroup, (positions + threads - 1) / threads); }

// What one layer leaves for its backward pass. P positions, W width, H hidden.
template <class T>
struct Activations {
  using Real = Wide<T>;
  Buffer<T> attention_in;        // [P, W] normed
  Buffer<T> qkv;                 // [P, 3W] rotated
  Buffer<Real> probabilities;   // per segment and head
  Buffer<T> mixed;               // [P, W] attention's output
  Buffer<Real> middle;          // [P, W] stream between the two parts
  Buffer<T> feed_in;             // [P, W] normed
  Buffer<T> gate_up;             // [P, 2H]
  Buffer<T> active;              // [P, H]
  Buffer<Real> inverse1, inverse2;  // [P] of the two norms

  void reserve(std::int64_t p, std::int64_t w, std::int64_t h, std::int64_t kept) {
    at_least(middle, p * w);
    for (Buffer<T>* b : {&attention_in, &mixed, &feed_in}) at_least(*b, p * w);
    for (Buffer<Real>* b : {&inverse1, &inverse2}) at_least(*b, p);
    at_least(qkv, p * 3 * w);
    at_least(probabilities, kept);
    at_least(gate_up, p * 2 * h);
    at_least(active, p * h);
  }
};

// One thread's share: working memory, and the passes over one group. T is what is stored of activations, and what products are
// of; the residual stream, gains, gradients of parameters and all sums are float32.
template <class T>
class Worker {
  using Real = Wide<T>;
  static constexpr bool kRounded = !std::is_same_v<T, Real>;

 public:
  Worker(const ModelOptions& options, const Layout& layout, bool recompute, const Buffer<Real>& cosine, const Buffer<Real>& sine)
      : o_(options), layout_(layout), recompute_(recompute), cosine_(cosine), sine_(sine),
        w_(options.width), h_(options.hidden_width()), v_(options.vocabulary), by_product_(options, layout) {}

  /// Forward, and backward when `gradient` or anything of the segments is wanted. weight, nats, wish: of the whole batch, per segment
  /// and per position; `matrices`, `direction`: the parameters and the wish's direction as products take them.
  void run(const Real* parameters, const T* matrices, const Batch& batch, Group group, const Real* weight, Real* nats, Real* gradient,
           const SegmentWish<Real>& wish, const T* direction) {
    par_ = parameters;
    matrices_ = matrices;
    grad_ = gradient;
    wished_ = direction != nullptr;
    laps_.start();
    enter(batch, group);
    if (wished_)
      by_product_.begin(std::span(batch.begin).subspan(group.first, group.last - group.first + 1), wish.direction.data(), direction,
                        !wish.square.empty());
    const bool keep = backwards();
    const std::size_t layers = layout_.blocks.size();
    streams_.resize(keep ? layers + 1 : 1);
    layers_.resize(keep && !recompute_ ? layers : 1);
    for (Buffer<Real>& x : streams_) at_least(x, p_ * w_);
    for (Activations<T>& a : layers_) a.reserve(p_, w_, h_, kept_);
    const auto into = [&](std::size_t l) -> Activations<T>& { return layers_[layers_.size() == 1 ? 0 : l]; };
    const auto stream = [&](std::size_t l) { return streams_[keep ? l : 0].data(); };
    for (std::int64_t i = 0; i < p_; ++i) std::copy_n(par_ + layout_.embedding + input_[i] * w_, w_, stream(0) + i * w_);
    laps_.end(StepPart::embedding);
    for (std::size_t l = 0; l < layers; ++l) forward(layout_.blocks[l], into(l), stream(l), stream(l + 1));
    output(batch, group, stream(layers), weight, nats + first_);
    if (!keep) return;
    for (std::size_t l = layers; l-- > 0;) {
      if (recompute_) forward(layout_.blocks[l], into(l), stream(l), nullptr);
      backward(layout_.blocks[l], into(l), stream(l));
    }
    for (std::int64_t i = 0; grad_ != nullptr && i < p_; ++i)
      kernels::add(dstream_.data() + i * w_, w_, grad_ + layout_.embedding + input_[i] * w_);
    laps_.end(StepPart::embedding);
    if (!wished_) return;
    const T* rounded = by_product_.squares() ? as_operand(dstream_.data(), p_ * w_) : nullptr;
    by_product_.input(input_, dstream_.data(), rounded, normed_.data());
    by_product_.finish(wish.dot.data() + group.first, wish.square.empty() ? nullptr : wish.square.data() + group.first);
    laps_.end(StepPart::by_product);
  }

  Laps& laps() { return laps_; }
  const Laps& laps() const { return laps_; }

 private:
  struct Segment {
    std::int64_t begin, kept;  // first position within the group, first of its probabilities
    kernels::Attention attention;
  };

  bool backwards() const { return grad_ != nullptr || wished_; }

  void enter(const Batch& batch, Group group) {
    first_ = batch.begin[group.first];
    p_ = batch.begin[group.last] - first_;
    input_ = batch.input.data() + first_;
    segments_.clear();
    segments_.reserve(static_cast<std::size_t>(p_));
    kept_ = 0;
    std::int64_t scratch = 0;
    for (std::size_t s = group.first; s < group.last; ++s) {
      const kernels::Attention a{batch.length(s), o_.heads, w_ / o_.heads};
      segments_.push_back({batch.begin[s] - first_, kept_, a});
      kept_ += a.heads * a.probabilities();
      scratch = std::max(scratch, a.scratch());
    }
    at_least(scratch_, scratch);
    kept_ = std::max(kept_, kept_room(o_, p_));  // another batch cuts its rows elsewhere, and shall find room
  }

  void rotate(T* qkv, Real sign) {  // queries and keys
    const std::int64_t head = w_ / o_.heads;
    for (const Segment& s : segments_)
      kernels::rotate(qkv + s.begin * 3 * w_, s.attention.rows, 3 * w_, 2 * o_.heads, head, cosine_.data(), sine_.data(), sign);
    laps_.end(StepPart::rotation);
  }
  // out [P, outs] = x [P, ins] weight^T
  void linear(const T* x, std::int64_t weight, std::int64_t outs, std::int64_t ins, T* out) {
    product<T>({x, p_, ins}, {matrices_ + weight, outs, ins, true}, out);
    laps_.end(StepPart::products);
  }
  // The same, added to the stream.
  void linear_add(const T* x, std::int64_t weight, std::int64_t outs, std::int64_t ins, Real* stream) {
    product<T>({x, p_, ins}, {matrices_ + weight, outs, ins, true}, stream, true);
    laps_.end(StepPart::products);
  }
  // Gradient of the stream as products take it.
  const T* as_operand(const Real* dstream, std::int64_t n) {
    if constexpr (kRounded) {
      T* out = at_least(drounded_, n);
      kernels::round(dstream, n, out);
      laps_.end(StepPart::rounding);
      return out;
    } else {
      return dstream;
    }
  }
  // into += left^T right, both with `rows` rows
  void add_product(const T* left, std::int64_t outs, const T* right, std::int64_t ins, std::int64_t rows, Real* into) const {
    product<T>({left, rows, outs, true}, {right, rows, ins}, into, true);
  }
  // Gradients of linear: dx = dout weight, dweight += dout^T x
  void linear_backward(const T* dout, const T* x, std::int64_t weight, std::int64_t outs, std::int64_t ins, T* dx) {
    if (grad_ != nullptr) add_product(dout, outs, x, ins, p_, grad_ + weight);
    product<T>({dout, p_, outs}, {matrices_ + weight, outs, ins}, dx);
    laps_.end(StepPart::products);
    if (!wished_) return;
    by_product_.linear(dout, x, weight, outs, ins, 0, p_);
    laps_.end(StepPart::by_product);
  }
  // Adds to dstream_ and to the gain's gradient.
  void norm_backward(const T* dout, const Real* x, std::int64_t gain, const Real* inverse) {
    Real* dgain = grad_ != nullptr ? grad_ + gain : at_least(no_gain_, w_);
    kernels::rms_norm_backward(dout, x, par_ + gain, inverse, p_, w_, dstream_.data(), dgain);
    laps_.end(StepPart::norms);
    if (!wished_) return;
    by_product_.gain(dout, x, inverse, gain);
    laps_.end(StepPart::by_product);
  }

  // x may be `out` itself. Without `out`, only what the backward pass needs.
  void forward(const Layout::Block& at, Activations<T>& a, const Real* x, Real* out) {
    const auto epsilon = static_cast<Real>(o_.norm_epsilon);
    kernels::rms_norm(x, par_ + at.attention_norm, p_, w_, epsilon, a.attention_in.data(), a.inverse1.data());
    laps_.end(StepPart::norms);
    linear(a.attention_in.data(), at.qkv, 3 * w_, w_, a.qkv.data());
    rotate(a.qkv.data(), Real(1));
    for (const Segment& s : segments_)
      s.attention.forward(a.qkv.data() + s.begin * 3 * w_, a.mixed.data() + s.begin * w_, a.probabilities.data() + s.kept,
                          scratch_.data());
    laps_.end(StepPart::attention);
    std::copy_n(x, p_ * w_, a.middle.data());
    linear_add(a.mixed.data(), at.output, w_, w_, a.middle.data());

    kernels::rms_norm(a.middle.data(), par_ + at.feed_norm, p_, w_, epsilon, a.feed_in.data(), a.inverse2.data());
    laps_.end(StepPart::norms);
    linear(a.feed_in.data(), at.gate_up, 2 * h_, w_, a.gate_up.data());
    kernels::swiglu(a.gate_up.data(), p_, h_, a.active.data());
    laps_.end(StepPart::activation);
    if (out == nullptr) return;
    std::copy_n(a.middle.data(), p_ * w_, out);
    linear_add(a.active.data(), at.down, w_, h_, out);
  }

  // Turns dstream_, the gradient of the layer's output, into that of its input.
  void backward(const Layout::Block& at, Activations<T>& a, const Real* x) {
    Real* dx = dstream_.data();
    T* dwide = at_least(dwide_, p_ * std::max(3 * w_, h_));
    T* dnarrow = at_least(dnarrow_, p_ * w_);
    linear_backward(as_operand(dx, p_ * w_), a.active.data(), at.down, w_, h_, dwide);
    kernels::swiglu_backward(dwide, p_, h_, a.gate_up.data());
    laps_.end(StepPart::activation);
    linear_backward(a.gate_up.data(), a.feed_in.data(), at.gate_up, 2 * h_, w_, dnarrow);
    norm_backward(dnarrow, a.middle.data(), at.feed_norm, a.inverse2.data());

    linear_backward(as_operand(dx, p_ * w_), a.mixed.data(), at.output, w_, w_, dnarrow);
    for (const Segment& s : segments_)
      s.attention.backward(a.qkv.data() + s.begin * 3 * w_, a.probabilities.data() + s.kept, dnarrow + s.begin * w_,
                           dwide + s.begin * 3 * w_, scratch_.data());
    laps_.end(StepPart::attention);
    rotate(dwide, -Real(1));
    linear_backward(dwide, a.attention_in.data(), at.qkv, 3 * w_, w_, dnarrow);
    norm_backward(dnarrow, x, at.attention_norm, a.inverse1.data());
  }

  // Final norm, output layer and loss, a few rows of logits at a time; backward leaves the stream's gradient in dstream_.
  void output(const Batch& batch, Group group, const Real* x, const Real* weight, Real* nats) {
    T* normed = at_least(normed_, p_ * w_);
    Real* inverse = at_least(inverse_, p_);
    const bool whole = wished_ && grad_ == nullptr;  // chunks of whole segments, as squares take them
    T* logits = at_least(logits_, std::min(p_, whole ? std::max(kOutputRows, o_.context) : kOutputRows) * v_);
    T* dnarrow = at_least(dnarrow_, p_ * w_);
    const T* embedding = matrices_ + layout_.embedding;
    const std::uint32_t* target = batch.target.data() + first_;
    if (backwards()) spread(batch, group, weight);
    kernels::rms_norm(x, par_ + layout_.norm, p_, w_, static_cast<Real>(o_.norm_epsilon), normed, inverse);
    laps_.end(StepPart::norms);
    for (std::int64_t i = 0, n = 0; i < p_; i += n) {
      n = whole ? by_product_.end_of_segments(i, kOutputRows) - i : std::min(kOutputRows, p_ - i);
      product<T>({normed + i * w_, n, w_}, {embedding, v_, w_, true}, logits);
      laps_.end(StepPart::products);
      if (!backwards()) {
        kernels::cross_entropy(logits, target + i, n, v_, nats + i);
        laps_.end(StepPart::cross_entropy);
        continue;
      }
      kernels::cross_entropy_backward(logits, target + i, weight_.data() + i, n, v_, nats + i, at_least(row_, v_));
      laps_.end(StepPart::cross_entropy);
      if (grad_ != nullptr) add_product(logits, v_, normed + i * w_, w_, n, grad_ + layout_.embedding);
      product<T>({logits, n, v_}, {embedding, v_, w_}, dnarrow + i * w_);
      laps_.end(StepPart::products);
      if (!wished_) continue;
      by_product_.output(logits, normed, input_, i, n);
      laps_.end(StepPart::by_product);
    }
    if (!backwards()) return;
    std::fill_n(at_least(dstream_, p_ * w_), p_ * w_, Real(0));
    norm_backward(dnarrow, x, layout_.norm, inverse);
  }

  void spread(const Batch& batch, Group group, const Real* weight) {  // from segments to positions
    Real* out = at_least(weight_, p_);
    for (std::size_t s = group.first; s < group.last; ++s) out = std::fill_n(out, batch.length(s), weight[s]);
  }

  const ModelOptions& o_;
  const Layout& layout_;
  const bool recompute_;
  const Buffer<Real>&cosine_, &sine_;
  const std::int64_t w_, h_, v_;
  const Real* par_ = nullptr;
  const T* matrices_ = nullptr;
  Real* grad_ = nullptr;
  bool wished_ = false;  // something of the segments by themselves
  const std::uint32_t* input_ = nullptr;
  std::int64_t first_ = 0, p_ = 0, kept_ = 0;
  Laps laps_;
  std::vector<Segment> segments_;
  std::vector<Activations<T>> layers_;
  std::vector<Buffer<Real>> streams_;  // into each layer, and out of the last
  Buffer<Real> dstream_, inverse_, weight_, row_, scratch_, no_gain_;
  Buffer<T> dwide_, dnarrow_, normed_, logits_, drounded_;
  ByProduct<T> by_product_;
};

template <class T>
class DirectModel final : public Model<Wide<T>> {
  using Real = Wide<T>;

 public:
  DirectModel(const ModelOptions& options, std::shared_ptr<Team> team, bool recompute)
      : o_(options), layout_(options), team_(std::move(team)) {
    const std::int64_t half = o_.width / o_.heads / 2;
    for (std::int64_t i = 0; i < o_.context; ++i) {
      for (std::int64_t c = 0; c < half; ++c) {
        const double angle = static_cast<double>(i) * std::pow(o_.rope_base, -static_cast<double>(c) / static_cast<double>(half));
        cosine_.push_back(static_cast<Real>(std::cos(angle)));
        sine_.push_back(static_cast<Real>(std::sin(angle)));
      }
    }
    team_->run([](int) { keep_to_one_thread(); });
    for (int t = 0; t < team_->size(); ++t) workers_.emplace_back(o_, layout_, recompute, cosine_, sine_);
    gradients_.resize(workers_.size() - 1);
  }

  void losses(std::span<const Real> parameters, const Batch& batch, std::span<Real> nats) override {
    run(parameters, batch, {}, nats, {}, {});
  }
  void differentiate(std::span<const Real> parameters, const Batch& batch, std::span<const Real> weight, std::span<Real> nats,
                     std::span<Real> gradient, const SegmentWish<Real>& wish) override {
    const auto size = static_cast<std::size_t>(layout_.size);
    const bool wished = !wish.direction.empty();
    FADER_CHECK_EQ(weight.size(), batch.segments());
    FADER_CHECK(gradient.size() == size || (gradient.empty() && wished), "a gradient of {} numbers of {}", gradient.size(), size);
    FADER_CHECK(!wished || (wish.direction.size() == size && wish.dot.size() == weight.size()), "a direction of {} numbers, room for {} segments",
                wish.direction.size(), wish.dot.size());
    FADER_CHECK(wish.square.empty() || (wish.square.size() == wish.dot.size() && gradient.empty()), "squares beside a gradient");
    run(parameters, batch, weight, nats, gradient, wish);
  }
  void measure() override {
    for (Worker<T>& w : workers_) {
      w.laps().on = true;
      w.laps().seconds = {};
    }
  }
  PartSeconds seconds() const override {
    PartSeconds all{};
    for (const Worker<T>& w : workers_)
      for (std::size_t i = 0; i < all.size(); ++i) all[i] += w.laps().seconds[i];
    return all;
  }

 private:
  void run(std::span<const Real> parameters, const Batch& batch, std::span<const Real> weight, std::span<Real> nats,
           std::span<Real> gradient, const SegmentWish<Real>& wish) {
    FADER_CHECK_EQ(static_cast<std::int64_t>(parameters.size()), layout_.size);
    FADER_CHECK_EQ(static_cast<std::int64_t>(nats.size()), batch.positions());
    cut(batch, wish.apart);
    const T* matrices = as_operands(parameters, rounded_);
    const T* direction = wish.direction.empty() ? nullptr : as_operands(wish.direction, rounded_direction_);
    team_->run([&](int thread) {
      const auto t = static_cast<std::size_t>(thread);
      Real* into = gradient.empty() ? nullptr : gradient.data();
      if (into != nullptr && t > 0) {
        gradients_[t - 1].assign(gradient.size(), Real(0));
        into = gradients_[t - 1].data();
      }
      for (std::size_t g = t; g < groups_.size(); g += workers_.size())
        workers_[t].run(parameters.data(), matrices, batch, groups_[g], weight.data(), nats.data(), into, wish, direction);
    });
    if (gradient.empty() || gradients_.empty()) return;
    team_->share_out(layout_.size, [&](Share s) {
      for (const Buffer<Real>& other : gradients_) kernels::add(other.data() + s.first, s.last - s.first, gradient.data() + s.first);
    });
  }

  // Parameters, or what is laid out like them, as products take them.
  const T* as_operands(std::span<const Real> numbers, Buffer<T>& room) {
    if constexpr (std::is_same_v<T, Real>) {
      return numbers.data();
    } else {
      T* out = at_least(room, layout_.size);
      team_->share_out(layout_.size, [&](Share s) { kernels::round(numbers.data() + s.first, s.last - s.first, out + s.first); });
      return out;
    }
  }

  // Whole segments, as many as fit, or each apart where a product's rows bear on each other's bits; at least a group for each thread where there are segments enough.
  void cut(const Batch& batch, bool apart) {
    const auto threads = static_cast<std::int64_t>(workers_.size());
    const std::int64_t room = group_room(batch.positions(), threads);
    groups_.clear();
    for (std::size_t s = 0; s < batch.segments(); ++s) {
      FADER_CHECK(batch.length(s) <= o_.context, "a segment of {} tokens for a context of {}", batch.length(s), o_.context);
      const bool fits = !(apart && mixes()) && !groups_.empty() && batch.begin[s + 1] - batch.begin[groups_.back().first] <= room;
      if (fits) groups_.back().last = s + 1;
      else groups_.push_back({s, s + 1});
    }
  }

  // Our own product gives a row the same bits wherever it stands (product_avx512.h). Of libraries' products nobody knows.
  static bool mixes() { return !std::is_same_v<T, Half> || !avx512::here(); }

  const ModelOptions o_;
  const Layout layout_;
  const std::shared_ptr<Team> team_;
  Buffer<Real> cosine_, sine_;  // [context, head / 2]
  Buffer<T> rounded_, rounded_direction_;  // parameters and a wish's direction, unless they are taken as they are
  std::vector<Worker<T>> workers_;
  std::vector<Buffer<Real>> gradients_;  // of all threads but the first
  std::vector<Group> groups_;
};

}  // namespace

std::unique_ptr<Model<float>> make_model(const ModelOptions& options, std::shared_ptr<Team> team, Precision precision, bool recompute) {
  if (precision == Precision::bfloat16) return std::make_unique<DirectModel<Half>>(options, std::move(team), recompute);
  return std::make_unique<DirectModel<float>>(options, std::move(team), recompute);
}

std::unique_ptr<Model<double>> make_double_model(const ModelOptions& options, int threads, bool recompute) {
  return std::make_unique<DirectModel<double>>(options, std::make_shared<Team>(threads), recompute);
}

double working_bytes(const ModelOptions& o, Precision precision, int threads, bool recompute, std::int64_t positions) {
  const double stored = precision == Precision::bfloat16 ? 2 : 4;
  const auto w = static_cast<double>(o.width), h = static_cast<double>(o.hidden_width()), layers = static_cast<double>(o.layers);
  const kernels::Attention whole{o.context, o.heads, o.width / o.heads};
  const double layer = stored * (6 * w + 3 * h) + 4 * (w + 2) + 4 * static_cast<double>(kept_room(o, o.context)) / static_cast<double>(o.context);
  const double shared = 4 * w * (layers + 2) + stored * (std::max(3 * w, h) + 3 * w) + 4 * 2;          // streams, gradients
  const double logits = static_cast<double>(kOutputRows) * static_cast<double>(o.vocabulary) * stored;
  const auto p = static_cast<double>(std::max(o.context, group_room(positions, threads) / o.context * o.context));
  const double rows = by_product_bytes(o, stored, static_cast<std::int64_t>(p));
  return threads * (p * ((recompute ? 1 : layers) * layer + shared) + rows + logits + 4.0 * static_cast<double>(whole.scratch() + o.vocabulary));
}

}  // namespace fader

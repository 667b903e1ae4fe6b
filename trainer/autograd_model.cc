// The plain form of the model, recorded by LibTorch's autograd: what the equations in model.h say and no more. Each segment
// attends by itself, with an explicit mask. Slow; the oracle of the form that trains.
// Status: losses checked against plain loops, gradients against finite differences, in float64.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "core/error.h"
#include "trainer/model.h"

namespace fader {
namespace {

template <class Real>
class AutogradModel final : public Model<Real> {
 public:
  explicit AutogradModel(const ModelOptions& options) : o_(options), layout_(options) {}

  void losses(std::span<const Real> parameters, const Batch& batch, std::span<Real> nats) override {
    const c10::NoGradGuard no_grad;
    store(forward(leaf(parameters), batch), nats);
  }

  void differentiate(std::span<const Real> parameters, const Batch& batch, std::span<const Real> weight, std::span<Real> nats,
                     std::span<Real> gradient, const SegmentWish<Real>& wish) override {
    FADER_CHECK_EQ(weight.size(), batch.segments());
    const at::Tensor flat = leaf(parameters).requires_grad_(true);
    const at::Tensor each = forward(flat, batch);
    store(each.detach(), nats);
    const auto gradient_of = [&](std::size_t first, std::size_t last) {  // segments
      std::vector<Real> spread(nats.size(), Real(0));
      for (std::size_t s = first; s < last; ++s) std::fill_n(spread.begin() + batch.begin[s], batch.length(s), weight[s]);
      flat.mutable_grad() = at::Tensor();
      at::dot(each, borrow(spread.data(), spread.size())).backward({}, true);
      return flat.grad();
    };
    if (!gradient.empty()) borrow(gradient.data(), gradient.size()).add_(gradient_of(0, batch.segments()));
    for (std::size_t s = 0; s < wish.dot.size(); ++s) {
      const at::Tensor own = gradient_of(s, s + 1);
      wish.dot[s] = at::dot(own, borrow(wish.direction.data(), wish.direction.size())).template item<Real>();
      if (!wish.square.empty()) wish.square[s] = at::dot(own, own).template item<Real>();
    }
  }

  void measure() override {}
  PartSeconds seconds() const override { return {}; }

 private:
  static at::Tensor borrow(const Real* data, std::size_t n) {
    return at::from_blob(const_cast<Real*>(data), {static_cast<std::int64_t>(n)}, c10::CppTypeToScalarType<Real>::value);
  }
  static at::Tensor leaf(std::span<const Real> parameters) { return borrow(parameters.data(), parameters.size()).clone(); }
  static void store(const at::Tensor& from, std::span<Real> to) { borrow(to.data(), to.size()).copy_(from); }
  static at::Tensor indices(const std::vector<std::uint32_t>& tokens) {
    const std::vector<std::int64_t> wide(tokens.begin(), tokens.end());
    return at::tensor(wide, at::kLong);
  }

  at::Tensor part(const at::Tensor& flat, std::int64_t offset, std::int64_t rows, std::int64_t cols) const {
    return flat.narrow(0, offset, rows * cols).view({rows, cols});
  }
  at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& gain) const {
    return x * at::rsqrt(x.square().mean(-1, true) + o_.norm_epsilon) * gain;
  }
  // x: [n, heads, head], row i at position i
  at::Tensor rotate(const at::Tensor& x) const {
    const std::int64_t half = x.size(2) / 2;
    const auto wide = at::TensorOptions(at::kDouble);
    const at::Tensor frequency = at::pow(o_.rope_base, at::arange(half, wide) * (-1.0 / static_cast<double>(half)));
    const at::Tensor angle = at::outer(at::arange(x.size(0), wide), frequency).unsqueeze(1);
    const at::Tensor c = angle.cos().to(x.scalar_type()), s = angle.sin().to(x.scalar_type());
    const at::Tensor a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
    return at::cat({a * c - b * s, b * c + a * s}, 2);
  }
  // qkv: [n, 3 width] of one segment
  at::Tensor attention(const at::Tensor& qkv) const {
    const std::int64_t n = qkv.size(0), head = o_.width / o_.heads;
    const auto parts = qkv.view({n, 3, o_.heads, head}).unbind(1);
    const at::Tensor q = rotate(parts[0]).transpose(0, 1), k = rotate(parts[1]).transpose(0, 1), v = parts[2].transpose(0, 1);
    const at::Tensor later = at::ones({n, n}, at::kBool).triu(1);
    const at::Tensor scores = at::matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(head));
    const at::Tensor p = at::softmax(scores.masked_fill(later, -INFINITY), -1);
    return at::matmul(p, v).transpose(0, 1).reshape({n, o_.width});
  }

  at::Tensor forward(const at::Tensor& flat, const Batch& batch) const {
    const std::int64_t w = o_.width, h = o_.hidden_width();
    const at::Tensor embedding = part(flat, layout_.embedding, o_.vocabulary, w);
    at::Tensor x = embedding.index_select(0, indices(batch.input));
    for (const Layout::Block& at : layout_.blocks) {
      const at::Tensor qkv = at::matmul(rms_norm(x, part(flat, at.attention_norm, 1, w)), part(flat, at.qkv, 3 * w, w).t());
      std::vector<at::Tensor> mixed;
      for (std::size_t s = 0; s < batch.segments(); ++s) mixed.push_back(attention(qkv.narrow(0, batch.begin[s], batch.length(s))));
      x = x + at::matmul(at::cat(mixed), part(flat, at.output, w, w).t());
      const at::Tensor gate_up = at::matmul(rms_norm(x, part(flat, at.feed_norm, 1, w)), part(flat, at.gate_up, 2 * h, w).t());
      const at::Tensor active = at::silu(gate_up.narrow(1, 0, h)) * gate_up.narrow(1, h, h);
      x = x + at::matmul(active, part(flat, at.down, w, h).t());
    }
    const at::Tensor logits = at::matmul(rms_norm(x, part(flat, layout_.norm, 1, w)), embedding.t());
    return -at::log_softmax(logits, -1).gather(1, indices(batch.target).unsqueeze(1)).squeeze(1);
  }

  const ModelOptions o_;
  const Layout layout_;
};

}  // namespace

template <class Real>
std::unique_ptr<Model<Real>> make_autograd_model(const ModelOptions& options) {
  return std::make_unique<AutogradModel<Real>>(options);
}
template std::unique_ptr<Model<float>> make_autograd_model<float>(const ModelOptions&);
template std::unique_ptr<Model<double>> make_autograd_model<double>(const ModelOptions&);

}  // namespace fader

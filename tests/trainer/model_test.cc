// A chain of oracles: plain loops and finite differences check the autograd form, the autograd form checks the one that trains.
#include "trainer/model.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/trainer/model_cases.h"
#include "trainer/kernels.h"

using namespace fader;
using namespace fader::cases;

namespace {

using Vector = std::vector<double>;

// --- the model of one segment in plain loops, float64 ---

struct Plain {
  const ModelOptions& o;
  const Layout layout{o};
  const Vector& p;

  Vector linear(const Vector& x, std::int64_t weight, std::int64_t outs) const {
    Vector y(static_cast<std::size_t>(outs), 0.0);
    for (std::size_t i = 0; i < y.size(); ++i)
      for (std::size_t j = 0; j < x.size(); ++j) y[i] += p[static_cast<std::size_t>(weight) + i * x.size() + j] * x[j];
    return y;
  }
  Vector normed(const Vector& x, std::int64_t gain) const {
    double square = 0;
    for (const double v : x) square += v * v;
    Vector y(x);
    for (std::size_t j = 0; j < x.size(); ++j)
      y[j] = x[j] / std::sqrt(square / static_cast<double>(x.size()) + o.norm_epsilon) * p[static_cast<std::size_t>(gain) + j];
    return y;
  }
  void turn(Vector& qkv, std::size_t position) const {
    const auto w = static_cast<std::size_t>(o.width), head = w / static_cast<std::size_t>(o.heads), half = head / 2;
    for (std::size_t h = 0; h < 2 * w; h += head)
      for (std::size_t c = 0; c < half; ++c) {
        const double turns = static_cast<double>(c) / static_cast<double>(half);
        const double angle = static_cast<double>(position) / std::pow(o.rope_base, turns);
        const double a = qkv[h + c], b = qkv[h + c + half];
        qkv[h + c] = a * std::cos(angle) - b * std::sin(angle);
        qkv[h + c + half] = a * std::sin(angle) + b * std::cos(angle);
      }
  }
  // What position i of `qkv` (of all positions) takes from those up to itself.
  Vector attend(const std::vector<Vector>& qkv, std::size_t i) const {
    const auto w = static_cast<std::size_t>(o.width), head = w / static_cast<std::size_t>(o.heads);
    Vector out(w, 0.0);
    for (std::size_t h = 0; h < w; h += head) {
      Vector e(i + 1);
      double total = 0;
      for (std::size_t j = 0; j <= i; ++j) {
        double score = 0;
        for (std::size_t c = 0; c < head; ++c) score += qkv[i][h + c] * qkv[j][w + h + c];
        total += e[j] = std::exp(score / std::sqrt(static_cast<double>(head)));
      }
      for (std::size_t j = 0; j <= i; ++j)
        for (std::size_t c = 0; c < head; ++c) out[h + c] += e[j] / total * qkv[j][2 * w + h + c];
    }
    return out;
  }
  Vector nats(std::span<const std::uint32_t> input, std::span<const std::uint32_t> target) const {
    const auto w = static_cast<std::size_t>(o.width), hidden = static_cast<std::size_t>(o.hidden_width());
    std::vector<Vector> x;
    for (const std::uint32_t t : input) x.emplace_back(&p[t * w], &p[t * w] + w);
    const auto add = [](Vector& to, const Vector& y) {
      for (std::size_t j = 0; j < to.size(); ++j) to[j] += y[j];
    };
    for (const Layout::Block& at : layout.blocks) {
      std::vector<Vector> qkv;
      for (std::size_t i = 0; i < x.size(); ++i) {
        qkv.push_back(linear(normed(x[i], at.attention_norm), at.qkv, 3 * o.width));
        turn(qkv.back(), i);
      }
      for (std::size_t i = 0; i < x.size(); ++i) {
        add(x[i], linear(attend(qkv, i), at.output, o.width));
        const Vector gate_up = linear(normed(x[i], at.feed_norm), at.gate_up, 2 * o.hidden_width());
        Vector active(hidden);
        for (std::size_t j = 0; j < hidden; ++j) active[j] = gate_up[j] / (1 + std::exp(-gate_up[j])) * gate_up[hidden + j];
        add(x[i], linear(active, at.down, o.width));
      }
    }
    Vector out;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Vector logits = linear(normed(x[i], layout.norm), layout.embedding, o.vocabulary);
      double total = 0;
      for (const double l : logits) total += std::exp(l);
      out.push_back(std::log(total) - logits[target[i]]);
    }
    return out;
  }
};

// Both forms on one batch; every tensor's gradient within `tolerance`.
template <class Real>
void agree(const Case& c, Model<Real>& model, double tolerance) {
  CAPTURE(c.o.width, c.o.heads, c.positions, c.threads);
  const Buffer<float> stored = weights(c.o, 5);
  const Buffer<Real> p(stored.begin(), stored.end());
  const Batch batch = random_batch(c.o, 5, c.positions);
  const std::vector<float> some = some_weights(batch);
  const std::vector<Real> weight(some.begin(), some.end());
  const auto n = static_cast<std::size_t>(batch.positions());
  std::vector<Real> want_nats(n), nats(n), only_nats(n), want(p.size()), gradient(p.size());
  make_autograd_model<Real>(c.o)->gradient(p, batch, weight, want_nats, want);
  model.gradient(p, batch, weight, nats, gradient);
  model.losses(p, batch, only_nats);
  CHECK(relative_error(std::span<const Real>(nats), std::span<const Real>(want_nats)) < tolerance / 10);
  CHECK(relative_error(std::span<const Real>(only_nats), std::span<const Real>(want_nats)) < tolerance / 10);
  for (const Tensor& t : Layout(c.o).tensors) {
    CAPTURE(t.name);
    const auto at = static_cast<std::size_t>(t.offset), size = static_cast<std::size_t>(t.size());
    CHECK(relative_error(std::span<const Real>(gradient).subspan(at, size), std::span<const Real>(want).subspan(at, size)) < tolerance);
  }
}

}  // namespace

TEST_CASE("model: losses equal plain loops over each segment alone") {
  const ModelOptions o = shape(21, 12, 2, 2, 9, 10);
  const Buffer<float> p = weights(o, 3);
  const Vector wide(p.begin(), p.end());
  const Batch batch = random_batch(o, 3, 30);
  Vector nats(static_cast<std::size_t>(batch.positions()));
  make_autograd_model<double>(o)->losses(wide, batch, nats);
  std::vector<float> fast(nats.size());
  make_model(o, 1)->losses(p, batch, fast);
  const Plain plain{.o = o, .p = wide};
  for (std::size_t s = 0; s < batch.segments(); ++s) {
    const auto from = static_cast<std::size_t>(batch.begin[s]), n = static_cast<std::size_t>(batch.length(s));
    const Vector want = plain.nats(std::span(batch.input).subspan(from, n), std::span(batch.target).subspan(from, n));
    for (std::size_t i = 0; i < n; ++i) {
      REQUIRE(nats[from + i] == Approx(want[i]).epsilon(1e-12));
      REQUIRE(fast[from + i] == Approx(want[i]).epsilon(1e-5));
    }
  }
}

TEST_CASE("model: the autograd form's gradient equals finite differences in float64") {
  const ModelOptions o = shape(11, 8, 2, 2, 6, 6);
  const Buffer<float> start = weights(o, 4);
  Vector p(start.begin(), start.end());
  const Batch batch = random_batch(o, 4, 14);
  const Layout layout(o);
  Vector weight;
  for (const float w : some_weights(batch)) weight.push_back(w);
  Vector nats(static_cast<std::size_t>(batch.positions())), gradient(p.size(), 0.0);
  const auto model = make_autograd_model<double>(o);
  model->gradient(p, batch, weight, nats, gradient);
  const auto objective = [&] {
    model->losses(p, batch, nats);
    double total = 0;
    for (std::size_t s = 0; s < batch.segments(); ++s)
      for (std::int32_t i = batch.begin[s]; i < batch.begin[s + 1]; ++i) total += weight[s] * nats[static_cast<std::size_t>(i)];
    return total;
  };
  Rng rng(4, "test/coordinates");
  for (const Tensor& t : layout.tensors) {
    for (int k = 0; k < 6; ++k) {
      const auto i = static_cast<std::size_t>(t.offset) + rng.below(static_cast<std::uint64_t>(t.size()));
      const double before = p[i], h = 1e-5;
      p[i] = before + h;
      const double above = objective();
      p[i] = before - h;
      const double below = objective();
      p[i] = before;
      CAPTURE(t.name, i);
      REQUIRE(gradient[i] == Approx((above - below) / (2 * h)).epsilon(1e-6).margin(1e-9));
    }
  }
}

TEST_CASE("model: the form that trains agrees with autograd, whatever the shape and the number of threads") {
  const Case c = GENERATE(from_range(kCases));
  const auto model = make_model(c.o, c.threads);
  agree(c, *model, 1e-5);

  const Buffer<float> p = weights(c.o, 5);
  const Batch batch = random_batch(c.o, 5, c.positions);
  const std::vector<float> weight = some_weights(batch);
  std::vector<float> nats(static_cast<std::size_t>(batch.positions())), gradient(p.size());
  model->gradient(p, batch, weight, nats, gradient);
  std::vector<float> again(gradient);
  model->gradient(p, batch, weight, nats, again);  // adds
  for (std::size_t i = 0; i < again.size(); ++i) REQUIRE(again[i] == Approx(2 * gradient[i]).epsilon(1e-5).margin(1e-6));
  std::fill(again.begin(), again.end(), 0.0f);
  model->gradient(p, batch, weight, nats, again);
  CHECK(again == gradient);  // bit for bit
}

TEST_CASE("model: in float64 the form that trains agrees with autograd to ten digits") {
  const Case c = GENERATE(from_range(kCases));
  agree(c, *make_double_model(c.o, c.threads), 1e-10);
}

TEST_CASE("model: layers computed anew for the backward pass give the same bits") {
  const Case c = GENERATE(from_range(kCases));
  const Precision precision = GENERATE(Precision::float32, Precision::bfloat16);
  const Buffer<float> p = weights(c.o, 5);
  const Batch batch = random_batch(c.o, 5, c.positions);
  const std::vector<float> weight = some_weights(batch);
  std::vector<float> nats(static_cast<std::size_t>(batch.positions())), again(nats), kept(p.size()), anew(p.size());
  make_model(c.o, c.threads, precision, false)->gradient(p, batch, weight, nats, kept);
  make_model(c.o, c.threads, precision, true)->gradient(p, batch, weight, again, anew);
  CHECK(again == nats);
  CHECK(anew == kept);
}

TEST_CASE("model: stored as bfloat16, losses and gradients are those of float32 but for rounding") {
  const auto [o, positions, threads] = GENERATE(table<ModelOptions, std::int64_t, int>({
      {shape(64, 36, 6, 3, 33, 50), 300, 2},
      {shape(300, 64, 4, 2, 64, 0), 2500, 1},
      {shape(130, 80, 2, 2, 100, 0), 2500, 3},
  }));
  CAPTURE(o.width, o.heads, positions, threads);
  ModelOptions fresh = o;
  fresh.init_std = 0.02;  // as training starts
  const Buffer<float> p = weights(fresh, 5);
  const Batch batch = random_batch(o, 5, positions);
  const std::vector<float> weight = some_weights(batch);
  const auto n = static_cast<std::size_t>(batch.positions());
  std::vector<float> want_nats(n), nats(n), only_nats(n), want(p.size()), gradient(p.size()), again(p.size());
  make_model(fresh, threads)->gradient(p, batch, weight, want_nats, want);
  const auto model = make_model(fresh, threads, Precision::bfloat16);
  model->gradient(p, batch, weight, nats, gradient);
  model->losses(p, batch, only_nats);
  CHECK(relative_error<float>(nats, want_nats) < 2e-3);
  CHECK(only_nats == nats);
  CHECK(nats != want_nats);
  for (const Tensor& t : Layout(fresh).tensors) {
    CAPTURE(t.name);
    double both = 0, ours = 0, theirs = 0;
    for (auto i = static_cast<std::size_t>(t.offset); i < static_cast<std::size_t>(t.offset + t.size()); ++i) {
      both += static_cast<double>(gradient[i]) * static_cast<double>(want[i]);
      ours += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
      theirs += static_cast<double>(want[i]) * static_cast<double>(want[i]);
    }
    CHECK(both / std::sqrt(ours * theirs) > 0.9999);
    CHECK(ours / theirs == Approx(1).epsilon(0.01));
  }
  model->gradient(p, batch, weight, nats, again);
  CHECK(again == gradient);  // bit for bit
}

TEST_CASE("half: rounds to the nearest, ties to even, and keeps what is not a number") {
  const auto rounded = [](float x) { return wide(narrow<Half>(x)); };
  CHECK(rounded(1.0f) == 1.0f);
  CHECK(rounded(1.00390625f) == 1.0f);        // half-way between 1 and 1.0078125: to the even one
  CHECK(rounded(1.01171875f) == 1.015625f);   // half-way between 1.0078125 and 1.015625
  CHECK(rounded(1.004f) == 1.0078125f);
  CHECK(rounded(-0.0f) == 0.0f);
  CHECK(std::signbit(rounded(-0.0f)));
  CHECK(std::isinf(rounded(3.4e38f)));
  CHECK(std::isinf(rounded(std::numeric_limits<float>::infinity())));
  for (const std::uint32_t bits : {0x7fc00000u, 0x7f800001u, 0x7fffffffu, 0xffffffffu}) CHECK(std::isnan(rounded(std::bit_cast<float>(bits))));
  std::uint32_t wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const Half h{static_cast<std::uint16_t>(bits)};
    if (!std::isnan(wide(h)) && narrow<Half>(wide(h)).bits != h.bits) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("model: a passage's loss does not depend on its neighbours, nor on where it lies") {
  const ModelOptions o = shape(40, 16, 2, 2, 20, 0);
  const Buffer<float> p = weights(o, 6);
  const Batch batch = random_batch(o, 6, 150);
  const auto model = make_model(o, 1);
  std::vector<float> together(static_cast<std::size_t>(batch.positions()));
  model->losses(p, batch, together);
  for (std::size_t s = 0; s < batch.segments(); ++s) {
    const auto from = static_cast<std::size_t>(batch.begin[s]), n = static_cast<std::size_t>(batch.length(s));
    Batch alone;
    alone.add(std::span(batch.target).subspan(from, n), 0, 0);
    std::vector<float> nats(n);
    model->losses(p, alone, nats);
    for (std::size_t i = 0; i < n; ++i) REQUIRE(nats[i] == Approx(together[from + i]).epsilon(1e-5));
  }
}

TEST_CASE("model: initialisation is a function of the seed, tensor by tensor") {
  const ModelOptions o = shape(40, 16, 2, 2, 20, 0);
  const Layout layout(o);
  Buffer<float> a(static_cast<std::size_t>(layout.size)), b(a), c(a);
  initialise(layout, 1, a);
  initialise(layout, 1, b);
  initialise(layout, 2, c);
  CHECK(a == b);
  CHECK(a != c);
  const auto deviation = [&](std::int64_t offset, std::int64_t n) {
    double square = 0;
    for (std::int64_t i = offset; i < offset + n; ++i) square += std::pow(static_cast<double>(a[static_cast<std::size_t>(i)]), 2);
    return std::sqrt(square / static_cast<double>(n));
  };
  CHECK(deviation(layout.embedding, 40 * 16) == Approx(0.3).epsilon(0.1));
  CHECK(deviation(layout.blocks[1].qkv, 3 * 16 * 16) == Approx(0.3).epsilon(0.1));
  CHECK(deviation(layout.blocks[1].down, 16 * o.hidden_width()) == Approx(0.15).epsilon(0.1));
  CHECK(deviation(layout.blocks[0].output, 16 * 16) == Approx(0.15).epsilon(0.1));
  CHECK(a[static_cast<std::size_t>(layout.norm)] == 1.0f);
  for (const Tensor& t : layout.tensors) CHECK(t.offset % 16 == 0);
}

TEST_CASE("kernels: the exponential, seen through the loss, is exact to a few units in the last place") {
  for (const double gap : {0.0, 1e-4, 0.3, 1.0, 5.0, 20.0, 80.0, 100.0}) {
    const float logits[2] = {0.0f, static_cast<float>(-gap)};
    const std::uint32_t target = 1;
    float nats = 0;
    kernels::cross_entropy(logits, &target, 1, 2, &nats);
    CHECK(nats == Approx(static_cast<double>(static_cast<float>(gap)) + std::log1p(std::exp(-gap))).epsilon(1e-6));
  }
}

TEST_CASE("kernels: not-a-number is never repaired") {
  const ModelOptions o = shape(21, 12, 2, 1, 9, 10);
  Buffer<float> p = weights(o, 3);
  p[static_cast<std::size_t>(Layout(o).blocks[0].qkv)] = std::nanf("");
  const Batch batch = random_batch(o, 3, 20);
  std::vector<float> nats(static_cast<std::size_t>(batch.positions()));
  make_model(o, 1)->losses(p, batch, nats);
  for (const float x : nats) REQUIRE(std::isnan(x));
}

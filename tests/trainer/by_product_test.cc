// What the passes tell of segments one by one, against one autograd pass for each segment, which is checked by finite differences.
#include "trainer/by_product.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "tests/trainer/model_cases.h"

using namespace fader;
using namespace fader::cases;

namespace {

// The last: a vocabulary and a hidden layer narrower than the stream, so that products go the other way.
const std::vector<Case> kShapes = {kCases[0], kCases[1], kCases[2], {shape(300, 64, 4, 2, 64, 0), 300, 2}, {shape(130, 80, 2, 2, 150, 0), 500, 1},
                                   {shape(10, 16, 2, 2, 12, 5), 60, 1}};

template <class Real>
std::vector<Real> random_direction(const ModelOptions& o) {
  const Layout layout(o);
  std::vector<Real> d(static_cast<std::size_t>(layout.size));
  Rng rng(7, "test/direction");
  for (const Tensor& t : layout.tensors)
    for (std::int64_t i = 0; i < t.size(); ++i) d[static_cast<std::size_t>(t.offset + i)] = static_cast<Real>(rng.normal());
  return d;
}

template <class Real>
struct Told {
  std::vector<Real> nats, gradient, dot, square;
};

// What a model says of one batch. `gradient`, `square`: whether they are wanted.
template <class Real>
Told<Real> ask(Model<Real>& model, const ModelOptions& o, const Batch& batch, const std::vector<Real>& direction, bool gradient, bool square,
               bool apart = false, double std = 0.3) {
  ModelOptions start = o;
  start.init_std = std;
  const Buffer<float> stored = weights(start, 5);
  const Buffer<Real> p(stored.begin(), stored.end());
  const std::vector<float> some = some_weights(batch);
  const std::vector<Real> weight(some.begin(), some.end());
  Told<Real> t;
  t.nats.resize(static_cast<std::size_t>(batch.positions()));
  t.gradient.resize(gradient ? p.size() : 0);
  t.dot.resize(batch.segments());
  t.square.resize(square ? batch.segments() : 0);
  model.differentiate(p, batch, weight, t.nats, t.gradient, {.direction = direction, .dot = t.dot, .square = t.square, .apart = apart});
  return t;
}

template <class Real>
double norm_of(std::span<const Real> x) {
  double square = 0;
  for (const Real v : x) square += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(square);
}

// Inner products of equal vectors and a direction of this norm, `tolerance` apart relative to what they could be at most.
template <class Real>
void agree(const Told<Real>& got, const Told<Real>& want, double direction, double tolerance) {
  REQUIRE(got.dot.size() == want.dot.size());
  for (std::size_t s = 0; s < want.dot.size(); ++s) {
    CAPTURE(s);
    const double norm = std::sqrt(static_cast<double>(want.square[s]));
    CHECK(static_cast<double>(got.dot[s]) == Approx(static_cast<double>(want.dot[s])).margin(tolerance * norm * direction));
    if (!got.square.empty()) CHECK(static_cast<double>(got.square[s]) == Approx(static_cast<double>(want.square[s])).epsilon(tolerance));
  }
}

}  // namespace

TEST_CASE("by-product: in float64, inner products and squares of segments agree with autograd to ten digits") {
  const Case c = GENERATE(from_range(kShapes));
  const bool apart = GENERATE(false, true);
  CAPTURE(c.o.width, c.o.vocabulary, c.threads, apart);
  const Batch batch = random_batch(c.o, 5, c.positions);
  const auto direction = random_direction<double>(c.o);
  const auto want = ask(*make_autograd_model<double>(c.o), c.o, batch, direction, true, true);
  const auto model = make_double_model(c.o, c.threads);
  agree(ask(*model, c.o, batch, direction, false, true, apart), want, norm_of<double>(direction), 1e-10);
  const auto beside = ask(*model, c.o, batch, direction, true, false, apart);
  agree(beside, want, norm_of<double>(direction), 1e-10);
  double of_all = 0, of_each = 0;
  for (std::size_t i = 0; i < direction.size(); ++i) of_all += beside.gradient[i] * direction[i];
  for (const double d : beside.dot) of_each += d;
  CHECK(of_each == Approx(of_all).epsilon(1e-9));
}

TEST_CASE("by-product: every tensor's part of the inner product by itself, and of the square") {
  const ModelOptions o = shape(21, 12, 2, 2, 9, 10);
  const Batch batch = random_batch(o, 5, 60);
  const auto direction = random_direction<double>(o);
  const auto autograd = make_autograd_model<double>(o), model = make_double_model(o, 1);
  double squares = 0;
  for (const Tensor& t : Layout(o).tensors) {
    CAPTURE(t.name);
    std::vector<double> part(direction.size(), 0.0);
    const auto from = static_cast<std::ptrdiff_t>(t.offset), to = from + static_cast<std::ptrdiff_t>(t.size());
    std::copy(direction.begin() + from, direction.begin() + to, part.begin() + from);
    const auto want = ask(*autograd, o, batch, part, false, false), got = ask(*model, o, batch, part, false, false);
    for (std::size_t s = 0; s < want.dot.size(); ++s) {
      CHECK(std::abs(want.dot[s]) > 1e-6);  // else it shows nothing
      CHECK(got.dot[s] == Approx(want.dot[s]).epsilon(1e-10));
    }
    Batch one;  // the square of one segment is the sum over its tensors
    one.add(std::span(batch.target).first(static_cast<std::size_t>(batch.length(0))), 0, 0);
    std::vector<double> own = ask(*autograd, o, one, part, true, false).gradient;
    for (auto i = from; i < to; ++i) squares += own[static_cast<std::size_t>(i)] * own[static_cast<std::size_t>(i)];
  }
  CHECK(ask(*model, o, batch, direction, false, true).square[0] == Approx(squares).epsilon(1e-10));
}

TEST_CASE("by-product: in float32 and bfloat16 as close to float64 as their rounding allows") {
  const Case c = GENERATE(from_range(kShapes));
  const bool recompute = GENERATE(false, true);
  CAPTURE(c.o.width, c.o.vocabulary, c.threads, recompute);
  const Batch batch = random_batch(c.o, 5, c.positions);
  const auto direction = random_direction<float>(c.o);
  const std::vector<double> wide(direction.begin(), direction.end());
  const double norm = norm_of<double>(wide);
  const auto single = [&](double std) {
    const auto exact = ask(*make_double_model(c.o, 1), c.o, batch, wide, false, true, false, std);
    return Told<float>{{}, {}, {exact.dot.begin(), exact.dot.end()}, {exact.square.begin(), exact.square.end()}};
  };
  const auto model = make_model(c.o, c.threads, Precision::float32, recompute);
  agree(ask(*model, c.o, batch, direction, false, true), single(0.3), norm, 2e-5);
  agree(ask(*model, c.o, batch, direction, true, false), single(0.3), norm, 2e-5);
  const auto rounded = make_model(c.o, c.threads, Precision::bfloat16, recompute);
  agree(ask(*rounded, c.o, batch, direction, false, true, false, 0.02), single(0.02), norm, 0.02);
  agree(ask(*rounded, c.o, batch, direction, true, false, false, 0.02), single(0.02), norm, 0.02);
}

TEST_CASE("by-product: asking changes no bit of losses and gradient") {
  const Case c = GENERATE(from_range(kCases));
  const Precision precision = GENERATE(Precision::float32, Precision::bfloat16);
  const bool recompute = GENERATE(false, true);
  const Batch batch = random_batch(c.o, 5, c.positions);
  const Buffer<float> p = weights(c.o, 5);
  const auto model = make_model(c.o, c.threads, precision, recompute);
  std::vector<float> nats(static_cast<std::size_t>(batch.positions())), gradient(p.size());
  model->gradient(p, batch, some_weights(batch), nats, gradient);
  const auto told = ask(*model, c.o, batch, random_direction<float>(c.o), true, false);
  CHECK(told.nats == nats);
  CHECK(told.gradient == gradient);
  std::vector<float> after(p.size());
  model->gradient(p, batch, some_weights(batch), nats, after);
  CHECK(after == gradient);
}

TEST_CASE("by-product: what segments get apart depends on nothing else, bit for bit") {
  const Case c = GENERATE(from_range(kShapes));
  const Precision precision = GENERATE(Precision::float32, Precision::bfloat16);
  
  const Batch batch = random_batch(c.o, 5, c.positions);
  const auto direction = random_direction<float>(c.o);
  const auto one = ask(*make_model(c.o, 1, precision), c.o, batch, direction, false, true, true);
  const auto three = ask(*make_model(c.o, 3, precision), c.o, batch, direction, false, true, true);
  CHECK(three.dot == one.dot);
  CHECK(three.square == one.square);
  const auto dots = ask(*make_model(c.o, 1, precision), c.o, batch, direction, false, false, true);
  CHECK(ask(*make_model(c.o, 2, precision), c.o, batch, direction, false, false, true).dot == dots.dot);
  const auto model = make_model(c.o, 1, precision);
  const std::vector<float> weight = some_weights(batch);
  for (std::size_t s = 0; s < batch.segments(); s += 3) {
    Batch alone;
    alone.add(std::span(batch.target).subspan(static_cast<std::size_t>(batch.begin[s]), static_cast<std::size_t>(batch.length(s))), 0, 0);
    std::vector<float> nats(static_cast<std::size_t>(alone.positions())), dot(1), square(1);
    model->differentiate(weights(c.o, 5), alone, {&weight[s], 1}, nats, {}, {.direction = direction, .dot = dot, .square = square, .apart = true});
    CHECK(dot[0] == one.dot[s]);
    model->differentiate(weights(c.o, 5), alone, {&weight[s], 1}, nats, {}, {.direction = direction, .dot = dot, .apart = true});
    CHECK(dot[0] == dots.dot[s]);
    CHECK(square[0] == one.square[s]);
    CHECK(std::equal(nats.begin(), nats.end(), one.nats.begin() + batch.begin[s]));
  }
}

TEST_CASE("by-product: what is not a number is never repaired, and what cannot be is refused") {
  const ModelOptions o = shape(21, 12, 2, 1, 9, 10);
  const Batch batch = random_batch(o, 3, 30);
  auto direction = random_direction<float>(o);
  const auto model = make_model(o, 1);
  Buffer<float> p = weights(o, 3);
  p[static_cast<std::size_t>(Layout(o).blocks[0].qkv)] = std::nanf("");
  std::vector<float> nats(static_cast<std::size_t>(batch.positions())), dot(batch.segments()), square(dot);
  model->differentiate(p, batch, some_weights(batch), nats, {}, {.direction = direction, .dot = dot, .square = square});
  for (std::size_t s = 0; s < dot.size(); ++s) {
    CHECK(std::isnan(dot[s]));
    CHECK(std::isnan(square[s]));
  }
  std::vector<float> gradient(p.size()), few(1);
  CHECK_THROWS_AS(model->differentiate(p, batch, some_weights(batch), nats, gradient, {.direction = direction, .dot = dot, .square = square}), Defect);
  CHECK_THROWS_AS(model->differentiate(p, batch, some_weights(batch), nats, {}, {.direction = direction, .dot = few}), Defect);
  CHECK_THROWS_AS(model->differentiate(p, batch, some_weights(batch), nats, {}, {}), Defect);
}

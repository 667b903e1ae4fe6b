// Networks against an independent computation in double precision: outputs, and gradients by central differences.
#include "policies/network.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "policies/multiply.h"
#include "policies/optimiser.h"

using namespace fader;

namespace {

using V = std::vector<double>;

/// The definition, in plain loops over double: the outputs of every sequence, one step after another.
std::vector<V> reference(const NetworkShape& s, const V& theta, const std::vector<std::vector<V>>& sequences, const V& memory) {
  std::vector<V> out;
  for (std::size_t q = 0; q < sequences.size(); ++q) {
    V h(memory.begin() + static_cast<std::ptrdiff_t>(q * s.memory), memory.begin() + static_cast<std::ptrdiff_t>((q + 1) * s.memory));
    for (V x : sequences[q]) {
      auto p = theta.begin();
      const auto dense = [&p](const V& in, std::size_t width) {  // in W
        V y(width, 0);
        for (const double v : in)
          for (double& z : y) z += v * *p++;
        return y;
      };
      if (const std::size_t m = s.memory; m > 0) {
        V a = dense(x, 3 * m);
        for (double& v : a) v += *p++;
        const V b = dense(h, 3 * m);
        for (std::size_t j = 0; j < m; ++j) {
          const double r = 1 / (1 + std::exp(-a[j] - b[j])), z = 1 / (1 + std::exp(-a[m + j] - b[m + j]));
          h[j] = (1 - z) * std::tanh(a[2 * m + j] + r * b[2 * m + j]) + z * h[j];
        }
        x = h;
      }
      for (std::size_t l = 0; l <= s.hidden.size(); ++l) {
        const bool last = l == s.hidden.size();
        V y = dense(x, last ? s.outputs : static_cast<std::size_t>(s.hidden[l]));
        for (double& v : y) {
          v += *p++;
          if (!last) v = s.rectified ? std::max(v, 0.0) : std::tanh(v);
        }
        x = y;
      }
      REQUIRE(p == theta.end());
      out.push_back(x);
    }
  }
  return out;
}

/// Sequences of these lengths, longest first, in the order that the network wants.
struct Problem {
  NetworkShape shape;
  std::vector<std::size_t> lengths;
  std::vector<float> theta, x, memory, weight;  // weight: of every output in the loss
  std::vector<std::size_t> running;

  Problem(NetworkShape s, std::vector<std::size_t> l, std::uint64_t seed) : shape(std::move(s)), lengths(std::move(l)) {
    Rng rng(seed, "network");
    const auto fill = [&rng](std::vector<float>& v, std::size_t n, double scale) {
      v.resize(n);
      for (float& y : v) y = static_cast<float>(scale * rng.normal());
    };
    fill(theta, Network(shape).parameters(), 0.4);
    const std::size_t rows = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
    fill(x, rows * shape.inputs, 1);
    fill(memory, lengths.size() * shape.memory, 0.5);
    fill(weight, rows * shape.outputs, 1);
    for (std::size_t step = 0; step < lengths[0]; ++step)
      running.push_back(static_cast<std::size_t>(std::count_if(lengths.begin(), lengths.end(), [&](std::size_t n) { return n > step; })));
  }
  Table<const float> inputs() const { return {x.data(), weight.size() / std::max<std::size_t>(shape.outputs, 1), shape.inputs}; }
  std::size_t row(std::size_t sequence, std::size_t step) const {
    return std::accumulate(running.begin(), running.begin() + static_cast<std::ptrdiff_t>(step), std::size_t{0}) + sequence;
  }
  std::vector<V> outputs(const V& parameters, const V& seen) const {
    std::vector<std::vector<V>> sequences(lengths.size());
    for (std::size_t q = 0; q < lengths.size(); ++q)
      for (std::size_t t = 0; t < lengths[q]; ++t) {
        const auto at = seen.begin() + static_cast<std::ptrdiff_t>(row(q, t) * shape.inputs);
        sequences[q].emplace_back(at, at + static_cast<std::ptrdiff_t>(shape.inputs));
      }
    return reference(shape, parameters, sequences, V(memory.begin(), memory.end()));
  }
  double loss(const V& parameters, const V& seen) const {
    const auto out = outputs(parameters, seen);
    double total = 0;
    for (std::size_t q = 0, i = 0; q < lengths.size(); ++q)
      for (std::size_t t = 0; t < lengths[q]; ++t, ++i)
        for (std::size_t j = 0; j < shape.outputs; ++j) total += static_cast<double>(weight[row(q, t) * shape.outputs + j]) * out[i][j];
    return total;
  }
};

std::vector<Problem> problems() {
  const std::vector<std::size_t> rows(7, 1);
  return {{{3, 2, {}}, rows, 1},          {{3, 4, {5}}, rows, 2},         {{2, 3, {40, 7}}, rows, 3}, {{3, 2, {6, 5}, true}, rows, 4},
          {{0, 2, {3}}, rows, 5},         {{3, 1, {4}, false, 3}, {1}, 6}, {{2, 3, {4}, false, 5}, {6, 4, 4, 1}, 7},
          {{1, 2, {}, false, 2}, {9, 9}, 8}};
}

}  // namespace

TEST_CASE("a network computes what its definition says") {
  for (const Problem& p : problems()) {
    Network network(p.shape);
    std::vector<float> memory = p.memory;
    const auto out = network.forward(p.theta, p.inputs(), {memory.data(), p.lengths.size(), p.shape.memory}, p.running);
    const auto expected = p.outputs(V(p.theta.begin(), p.theta.end()), V(p.x.begin(), p.x.end()));
    for (std::size_t q = 0, i = 0; q < p.lengths.size(); ++q)
      for (std::size_t t = 0; t < p.lengths[q]; ++t, ++i)
        for (std::size_t j = 0; j < p.shape.outputs; ++j) REQUIRE(static_cast<double>(out[p.row(q, t)][j]) == Approx(expected[i][j]).margin(2e-5));
  }
}

TEST_CASE("gradients of a network agree with central differences") {
  for (const Problem& p : problems()) {
    CAPTURE(p.shape.inputs, p.shape.hidden, p.shape.memory);
    Network network(p.shape);
    std::vector<float> memory = p.memory, gradient(p.theta.size(), 0.5f), by_x(p.x.size());  // 0.5: it is added to
    network.forward(p.theta, p.inputs(), {memory.data(), p.lengths.size(), p.shape.memory}, p.running);
    const Table<const float> weight = {p.weight.data(), p.inputs().rows, p.shape.outputs};
    network.backward(p.theta, p.inputs(), weight, gradient, {by_x.data(), p.inputs().rows, p.shape.inputs});
    const V theta(p.theta.begin(), p.theta.end()), x(p.x.begin(), p.x.end());
    const auto difference = [](const auto& loss, V at, std::size_t i) {
      constexpr double kStep = 1e-5;
      at[i] += kStep;
      const double up = loss(at);
      at[i] -= 2 * kStep;
      return (up - loss(at)) / (2 * kStep);
    };
    for (std::size_t i = 0; i < theta.size(); ++i)
      REQUIRE(static_cast<double>(gradient[i]) - 0.5 == Approx(difference([&](const V& t) { return p.loss(t, x); }, theta, i)).margin(1e-4).epsilon(1e-4));
    for (std::size_t i = 0; i < x.size(); ++i)
      REQUIRE(static_cast<double>(by_x[i]) == Approx(difference([&](const V& s) { return p.loss(theta, s); }, x, i)).margin(1e-4).epsilon(1e-4));
  }
}

TEST_CASE("a row of a batch gets bitwise what it gets alone") {
  const std::size_t memory = GENERATE(0, 5);
  const Problem p({6, 5, {64, 33}, false, memory}, std::vector<std::size_t>(11, 1), 3);
  Network network(p.shape);
  std::vector<float> remembered = p.memory;
  const auto out = network.forward(p.theta, p.inputs(), {remembered.data(), 11, memory});
  const std::vector<float> together(out.data, out.data + 11 * 5);
  for (std::size_t i = 0; i < 11; ++i) {
    std::vector<float> own(p.memory.begin() + static_cast<std::ptrdiff_t>(i * memory), p.memory.begin() + static_cast<std::ptrdiff_t>((i + 1) * memory));
    const auto alone = network.forward(p.theta, {p.x.data() + i * 6, 1, 6}, {own.data(), 1, memory});
    REQUIRE(std::memcmp(alone.data, together.data() + i * 5, 5 * sizeof(float)) == 0);
    REQUIRE(std::equal(own.begin(), own.end(), remembered.begin() + static_cast<std::ptrdiff_t>(i * memory)));
  }
}

TEST_CASE("products agree with their definition at every size") {
  Rng rng(4, "products");
  for (const std::size_t m : {0u, 1u, 3u, 4u, 9u})
    for (const std::size_t k : {0u, 1u, 7u, 40u})
      for (const std::size_t n : {0u, 1u, 15u, 16u, 31u, 33u, 64u, 85u}) {
        std::vector<float> a(m * k), b(k * n), at(k * m), bt(n * k), c(m * n, 2);
        for (float& v : a) v = static_cast<float>(rng.normal());
        for (float& v : b) v = static_cast<float>(rng.normal());
        for (std::size_t i = 0; i < m; ++i)
          for (std::size_t p = 0; p < k; ++p) at[p * m + i] = a[i * k + p];
        for (std::size_t p = 0; p < k; ++p)
          for (std::size_t j = 0; j < n; ++j) bt[j * k + p] = b[p * n + j];
        const auto check = [&](double before) {
          for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < n; ++j) {
              double sum = before;
              for (std::size_t p = 0; p < k; ++p) sum += static_cast<double>(a[i * k + p]) * static_cast<double>(b[p * n + j]);
              REQUIRE(static_cast<double>(c[i * n + j]) == Approx(sum).margin(1e-4));
            }
        };
        const Table<float> out = {c.data(), m, n};
        multiply({a.data(), m, k}, {b.data(), k, n}, out, Into::add);
        check(2);
        multiply_tn({at.data(), k, m}, {b.data(), k, n}, out, Into::replace);
        check(0);
        multiply_nt({a.data(), m, k}, {bt.data(), n, k}, out, Into::add);
        for (float& v : c) v /= 2;
        check(0);
      }
}

TEST_CASE("the hyperbolic tangent is one") {
  std::vector<float> x, y;
  for (float v = -12; v < 12; v += 1e-3f) x.push_back(v);
  for (const float v : {0.0f, -0.0f, 1e-30f, 1e30f, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) x.push_back(v);
  y = x;
  hyperbolic_tangent(y);
  for (std::size_t i = 0; i < x.size(); ++i)
    REQUIRE(static_cast<double>(y[i]) == Approx(std::tanh(static_cast<double>(x[i]))).margin(2e-7).epsilon(0));
}

TEST_CASE("networks begin with orthogonal matrices and no biases") {
  const NetworkShape shape = {5, 3, {8, 4}};
  const Network network(shape);
  std::vector<float> theta(network.parameters(), 7);
  network.init(theta, 0.01, Rng(1, "init"));
  std::size_t at = 0;
  const auto layer = [&](std::size_t in, std::size_t out, double gain) {
    const std::size_t few = std::min(in, out), many = std::max(in, out);
    for (std::size_t u = 0; u < few; ++u)
      for (std::size_t v = 0; v < few; ++v) {
        double dot = 0;
        for (std::size_t i = 0; i < many; ++i) {
          const auto entry = [&](std::size_t w) { return static_cast<double>(theta[at + (in > out ? i * out + w : w * out + i)]); };
          dot += entry(u) * entry(v);
        }
        REQUIRE(dot == Approx(u == v ? gain * gain : 0).margin(1e-6 * gain));
      }
    for (std::size_t j = 0; j < out; ++j) REQUIRE(theta[at + in * out + j] == 0);
    at += in * out + out;
  };
  layer(5, 8, std::sqrt(2.0));
  layer(8, 4, std::sqrt(2.0));
  layer(4, 3, 0.01);
  REQUIRE(at == theta.size());
}

TEST_CASE("optimisers step as published") {
  const std::string kind = GENERATE("adam", "rmsprop", "sgd");
  const double b2 = GENERATE(0.999, 0.9);
  Optimiser optimiser({kind, 0.1, 1e-3, b2}, 2);
  std::vector<float> theta = {1, -2};
  V expected = {1, -2}, m = {0, 0}, v = {0, 0};
  Rng rng(3, "gradients");
  for (int t = 1; t <= 20; ++t) {
    std::vector<float> g = {static_cast<float>(rng.normal()), static_cast<float>(10 * rng.normal())};
    for (std::size_t i = 0; i < 2; ++i) {
      const auto x = static_cast<double>(g[i]);
      const double keep = kind == "adam" ? b2 : 0.99;
      m[i] = 0.9 * m[i] + 0.1 * x;
      v[i] = keep * v[i] + (1 - keep) * x * x;
      if (kind == "adam") expected[i] -= 0.1 * m[i] / (1 - std::pow(0.9, t)) / (std::sqrt(v[i] / (1 - std::pow(b2, t))) + 1e-3);
      else expected[i] -= 0.1 * x / (kind == "sgd" ? 1 : std::sqrt(v[i]) + 1e-3);
    }
    const double norm = std::hypot(static_cast<double>(g[0]), static_cast<double>(g[1]));
    REQUIRE(optimiser.step(theta, g) == Approx(norm));
    for (std::size_t i = 0; i < 2; ++i) REQUIRE(static_cast<double>(theta[i]) == Approx(expected[i]).epsilon(1e-4));
  }
}

TEST_CASE("long gradients are shortened, and what diverges is an error") {
  Optimiser optimiser({"sgd", 1, 1e-8, 0.999, 0.5}, 2);
  std::vector<float> theta = {0, 0}, g = {3, 4};
  REQUIRE(optimiser.step(theta, g) == Approx(5));
  REQUIRE(theta[0] == Approx(-0.3));
  REQUIRE(theta[1] == Approx(-0.4));
  g = {std::numeric_limits<float>::quiet_NaN(), 0};
  REQUIRE_THROWS_AS(optimiser.step(theta, g), RunError);
  Optimiser unbounded({"sgd", 1}, 2);
  g = {2 * kGreatestParameter, 0};
  REQUIRE_THROWS_AS(unbounded.step(theta, g), RunError);
  REQUIRE(theta[0] == Approx(-0.3));
}

#include "policies/network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "policies/multiply.h"

namespace fader {
namespace {

/// `out` [rows, cols] becomes orthogonal (as far as its shape allows) times `gain`: Gram-Schmidt on normal vectors, twice.
void orthogonal(std::span<float> out, std::size_t rows, std::size_t cols, double gain, Rng& rng) {
  const bool tall = rows >= cols;
  const std::size_t count = tall ? cols : rows, length = tall ? rows : cols;
  std::vector<std::vector<double>> basis(count, std::vector<double>(length));
  for (std::size_t v = 0; v < count; ++v) {
    for (double& x : basis[v]) x = rng.normal();
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t u = 0; u < v; ++u) {
        const double along = std::inner_product(basis[v].begin(), basis[v].end(), basis[u].begin(), 0.0);
        for (std::size_t i = 0; i < length; ++i) basis[v][i] -= along * basis[u][i];
      }
    const double norm = std::sqrt(std::inner_product(basis[v].begin(), basis[v].end(), basis[v].begin(), 0.0));
    for (double& x : basis[v]) x /= norm;
  }
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) out[i * cols + j] = static_cast<float>(gain * (tall ? basis[j][i] : basis[i][j]));
}

void spread(std::span<const float> row, Table<float> out) {
  for (std::size_t i = 0; i < out.rows; ++i) std::ranges::copy(row, out[i].begin());
}

Table<float> table(std::vector<float>& data, std::size_t rows, std::size_t cols) {
  data.resize(rows * cols);
  return {data.data(), rows, cols};
}

/// Rows begin ... begin + count - 1.
template <class T>
Table<T> part(Table<T> t, std::size_t begin, std::size_t count) {
  return {t.data + begin * t.cols, count, t.cols};
}

}  // namespace

Network::Network(NetworkShape shape) : shape_(std::move(shape)) {
  const auto take = [this](std::size_t n) { return std::exchange(parameters_, parameters_ + n); };
  std::size_t in = shape_.inputs;
  if (shape_.memory > 0) {
    gates_ = take(in * 3 * shape_.memory);
    gate_biases_ = take(3 * shape_.memory);
    recurrent_ = take(shape_.memory * 3 * shape_.memory);
    in = shape_.memory;
  }
  const auto add = [&](std::size_t out) {
    const std::size_t weights = take(in * out);
    layers_.push_back({in, out, weights, take(out)});
    in = out;
  };
  for (const std::int64_t units : shape_.hidden) add(static_cast<std::size_t>(units));
  add(shape_.outputs);
  active_.resize(layers_.size());
}

void Network::init(std::span<float> theta, double gain, Rng rng) const {
  FADER_CHECK_EQ(theta.size(), parameters_);
  std::ranges::fill(theta, 0.0f);
  const std::size_t m = shape_.memory;
  for (std::size_t gate = 0; gate < 3 * (m > 0); ++gate) {
    std::vector<float> w(shape_.inputs * m), u(m * m);
    orthogonal(w, shape_.inputs, m, 1, rng);
    orthogonal(u, m, m, 1, rng);
    for (std::size_t j = 0; j < m; ++j) {
      for (std::size_t i = 0; i < shape_.inputs; ++i) theta[gates_ + i * 3 * m + gate * m + j] = w[i * m + j];
      for (std::size_t i = 0; i < m; ++i) theta[recurrent_ + i * 3 * m + gate * m + j] = u[i * m + j];
    }
  }
  for (const Layer& layer : layers_)
    orthogonal(theta.subspan(layer.weights, layer.in * layer.out), layer.in, layer.out,
               &layer == &layers_.back() ? gain : std::sqrt(2.0), rng);
}

void Network::detach(std::span<float> theta, std::size_t first) const {
  const Layer& last = layers_.back();
  for (std::size_t i = 0; i < last.in; ++i) std::ranges::fill(theta.subspan(last.weights + i * last.out, last.out).subspan(first), 0.0f);
}

Table<const float> Network::forward(std::span<const float> theta, Table<const float> x, Table<float> memory,
                                    std::span<const std::size_t> running) {
  FADER_CHECK(theta.size() == parameters_ && x.cols == shape_.inputs, "{} parameters, {} inputs", theta.size(), x.cols);
  Table<const float> in = x;
  if (shape_.memory > 0) {
    running_.assign(running.begin(), running.end());
    if (running_.empty()) running_ = {x.rows};
    FADER_CHECK_EQ(std::accumulate(running_.begin(), running_.end(), std::size_t{0}), x.rows);
    remember(theta, x, memory);
    in = {remembered_.data(), x.rows, shape_.memory};
  }
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    const Table<float> out = table(active_[l], x.rows, layer.out);
    spread(theta.subspan(layer.biases, layer.out), out);
    multiply(in, {theta.data() + layer.weights, layer.in, layer.out}, out, Into::add);
    if (l + 1 == layers_.size()) break;
    if (!shape_.rectified) hyperbolic_tangent(out.flat());
    else
      for (float& y : out.flat()) y = y > 0 ? y : 0;
    in = out;
  }
  return {active_.back().data(), x.rows, shape_.outputs};
}

void Network::backward(std::span<const float> theta, Table<const float> x, Table<const float> output, std::span<float> gradient,
                       Table<float> input) {
  FADER_CHECK(output.rows == x.rows && output.cols == shape_.outputs, "{} x {} gradients", output.rows, output.cols);
  slope_.assign(output.data, output.data + output.rows * output.cols);
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const Layer& layer = layers_[l];
    const Table<float> slope = {slope_.data(), x.rows, layer.out};
    if (l + 1 < layers_.size()) {
      const std::vector<float>& y = active_[l];
      if (shape_.rectified)
        for (std::size_t i = 0; i < slope_.size(); ++i) slope_[i] = y[i] > 0 ? slope_[i] : 0;
      else
        for (std::size_t i = 0; i < slope_.size(); ++i) slope_[i] *= 1 - y[i] * y[i];
    }
    const bool first = l == 0, remembers = shape_.memory > 0;
    const Table<const float> in = !first      ? Table<const float>{active_[l - 1].data(), x.rows, layer.in}
                                  : remembers ? Table<const float>{remembered_.data(), x.rows, layer.in}
                                              : x;
    if (!gradient.empty()) {
      multiply_tn(in, slope, {gradient.data() + layer.weights, layer.in, layer.out}, Into::add);
      add_columns(slope, gradient.subspan(layer.biases, layer.out));
    }
    if (first && !remembers && !input.data) return;
    const Table<float> next = first && !remembers ? input : table(next_slope_, x.rows, layer.in);
    multiply_nt(slope, {theta.data() + layer.weights, layer.in, layer.out}, next, Into::replace);
    if (next.data == next_slope_.data()) slope_.swap(next_slope_);
  }
  if (shape_.memory > 0) recall(theta, x, gradient, input);
}

/// The recurrent unit, forward: fills before_, recurred_, gated_, remembered_.
void Network::remember(std::span<const float> theta, Table<const float> x, Table<float> memory) {
  const std::size_t m = shape_.memory;
  FADER_CHECK(memory.rows == running_[0] && memory.cols == m, "{} x {} remembered", memory.rows, memory.cols);
  const Table<float> before = table(before_, x.rows, m), recurred = table(recurred_, x.rows, 3 * m);
  const Table<float> gated = table(gated_, x.rows, 3 * m), after = table(remembered_, x.rows, m);
  spread(theta.subspan(gate_biases_, 3 * m), gated);
  multiply(x, {theta.data() + gates_, shape_.inputs, 3 * m}, gated, Into::add);
  std::size_t row = 0;
  for (const std::size_t n : running_) {
    const Table<float> now = part(gated, row, n);
    std::copy_n(memory.data, n * m, before.data + row * m);
    multiply(part(before, row, n), {theta.data() + recurrent_, m, 3 * m}, part(recurred, row, n), Into::replace);
    for (std::size_t i = 0; i < n; ++i) {  // sigmoid(x) = (1 + tanh(x / 2)) / 2
      for (std::size_t j = 0; j < 2 * m; ++j) now[i][j] = (now[i][j] + recurred[row + i][j]) / 2;
      hyperbolic_tangent(now[i].first(2 * m));
      for (std::size_t j = 0; j < 2 * m; ++j) now[i][j] = (1 + now[i][j]) / 2;
      for (std::size_t j = 0; j < m; ++j) now[i][2 * m + j] += now[i][j] * recurred[row + i][2 * m + j];
      hyperbolic_tangent(now[i].last(m));
      for (std::size_t j = 0; j < m; ++j) {
        const float z = now[i][m + j];
        memory[i][j] = after[row + i][j] = (1 - z) * now[i][2 * m + j] + z * memory[i][j];
      }
    }
    row += n;
  }
}

/// The same backward, through time: slope_ holds the gradient by what each row remembers.
void Network::recall(std::span<const float> theta, Table<const float> x, std::span<float> gradient, Table<float> input) {
  const std::size_t m = shape_.memory;
  const Table<float> slope = {slope_.data(), x.rows, m}, by_gates = table(by_gates_, x.rows, 3 * m);
  const Table<float> by_recurred = table(by_recurred_, x.rows, 3 * m), carried = table(next_slope_, running_[0], m);
  std::ranges::fill(carried.flat(), 0.0f);
  std::size_t row = x.rows;
  for (auto n = running_.rbegin(); n != running_.rend(); ++n) {
    row -= *n;
    for (std::size_t i = 0; i < *n; ++i) {
      const std::span<const float> gate = std::span(gated_).subspan((row + i) * 3 * m, 3 * m);
      for (std::size_t j = 0; j < m; ++j) {
        const float r = gate[j], z = gate[m + j], fresh = gate[2 * m + j];
        const float by_h = slope[row + i][j] + carried[i][j], by_fresh = by_h * (1 - z) * (1 - fresh * fresh);
        by_gates[row + i][j] = by_recurred[row + i][j] = by_fresh * recurred_[(row + i) * 3 * m + 2 * m + j] * r * (1 - r);
        by_gates[row + i][m + j] = by_recurred[row + i][m + j] = by_h * (before_[(row + i) * m + j] - fresh) * z * (1 - z);
        by_gates[row + i][2 * m + j] = by_fresh;
        by_recurred[row + i][2 * m + j] = by_fresh * r;
        carried[i][j] = by_h * z;
      }
    }
    multiply_nt(part(by_recurred, row, *n), {theta.data() + recurrent_, m, 3 * m}, part(carried, 0, *n), Into::add);
  }
  if (!gradient.empty()) {
    multiply_tn(x, by_gates, {gradient.data() + gates_, shape_.inputs, 3 * m}, Into::add);
    add_columns(by_gates, gradient.subspan(gate_biases_, 3 * m));
    multiply_tn({before_.data(), x.rows, m}, by_recurred, {gradient.data() + recurrent_, m, 3 * m}, Into::add);
  }
  if (input.data) multiply_nt(by_gates, {theta.data() + gates_, shape_.inputs, 3 * m}, input, Into::replace);
}

}  // namespace fader

#include "agents/ngram_ridge.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/rng.h"

namespace fader {
namespace {

constexpr int kMostRounds = 100;        // of conjugate gradients
constexpr double kResidual = 1e-8;      // of the right side, where they stop

double dot(std::span<const double> a, std::span<const double> b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

}  // namespace

void NgramRidgeOptions::fields(Fields& f) {
  f("ngrams", ngrams, "longest n-gram of tokens that is a feature", 1, 5);
  f("features", features, "hash buckets of n-grams", 16, 1 << 20);
  f("ridge", ridge, "pull of the regression towards zero, in examples", 1e-6, 1e6);
}

NgramRidge::NgramRidge(const NgramRidgeOptions& options) : options_(options) { fit({}, {}, {}); }

NgramRidge::Sparse NgramRidge::features(Tokens text) const {
  std::vector<std::uint32_t> buckets;
  for (std::size_t first = 0; first < text.size(); ++first) {
    std::uint64_t gram = 0;
    for (std::size_t n = 0; n < static_cast<std::size_t>(options_.ngrams) && first + n < text.size(); ++n) {
      gram = random_bits(gram + n, text[first + n]);
      buckets.push_back(static_cast<std::uint32_t>(gram % static_cast<std::uint64_t>(options_.features)));
    }
  }
  std::sort(buckets.begin(), buckets.end());
  Sparse out;
  for (const std::uint32_t b : buckets) {
    if (out.empty() || out.back().first != b) out.emplace_back(b, 0.0);
    out.back().second += 1;
  }
  for (auto& [b, x] : out) x = std::sqrt(x / static_cast<double>(buckets.size()));
  return out;
}

double NgramRidge::predict(Tokens text) const {
  if (w_.empty()) return 0;
  double sum = constant_;
  for (const auto& [b, x] : features(text)) sum += w_[b] * x;
  return sum;
}

void NgramRidge::fit(std::span<const Tokens> texts, std::span<const double> labels, std::span<const double> weights) {
  FADER_CHECK(labels.size() == texts.size() && weights.size() == texts.size(), "{} texts, {} labels, {} weights", texts.size(), labels.size(),
              weights.size());
  w_.clear();
  mean_.clear();
  constant_ = fit_flops_ = 0;
  if (texts.empty()) return;
  const auto d = static_cast<std::size_t>(options_.features);
  std::vector<Sparse> examples;
  mean_.assign(d, 0.0);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double numbers = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    examples.push_back(features(texts[i]));
    for (const auto& [b, x] : examples.back()) mean_[b] += weights[i] / total * x;
    numbers += static_cast<double>(examples.back().size());
  }
  std::vector<double> residual(d, 0.0);  // the right side: sum_i weight_i label_i phi_i
  double pull = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (const auto& [b, x] : examples[i]) residual[b] += weights[i] * labels[i] * x;
    pull += weights[i] * labels[i];
  }
  for (std::size_t b = 0; b < d; ++b) residual[b] -= pull * mean_[b];
  w_.assign(d, 0.0);
  std::vector<double> direction = residual;
  double left = dot(residual, residual);
  const double enough = left * kResidual * kResidual;
  for (int round = 0; round < kMostRounds && left > enough; ++round) {
    const std::vector<double> image = product(examples, weights, direction);
    const double step = left / dot(direction, image), before = left;
    for (std::size_t b = 0; b < d; ++b) {
      w_[b] += step * direction[b];
      residual[b] -= step * image[b];
    }
    left = dot(residual, residual);
    for (std::size_t b = 0; b < d; ++b) direction[b] = residual[b] + left / before * direction[b];
    fit_flops_ += 4 * numbers + 14 * static_cast<double>(d);
  }
  constant_ = -dot(w_, mean_);
}

// (sum_i weight_i phi_i phi_i^T + ridge) v
std::vector<double> NgramRidge::product(std::span<const Sparse> examples, std::span<const double> weights, std::span<const double> v) const {
  std::vector<double> out(v.size());
  for (std::size_t b = 0; b < v.size(); ++b) out[b] = options_.ridge * v[b];
  const double shift = dot(v, mean_);
  double sum = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    double along = -shift;
    for (const auto& [b, x] : examples[i]) along += x * v[b];
    along *= weights[i];
    for (const auto& [b, x] : examples[i]) out[b] += along * x;
    sum += along;
  }
  for (std::size_t b = 0; b < v.size(); ++b) out[b] -= sum * mean_[b];
  return out;
}

}  // namespace fader

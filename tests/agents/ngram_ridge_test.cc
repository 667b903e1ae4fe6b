// The regression against its normal equations in the examples' space, solved by elimination.
#include <catch2/catch.hpp>

#include <cmath>
#include <map>

#include "agents/ngram_ridge.h"
#include "core/rng.h"

using namespace fader;

namespace {

using Text = std::vector<std::uint32_t>;

/// Inner product of two texts' roots of n-gram shares, n = 1 and 2, by counting.
double kernel(const Text& a, const Text& b) {
  const auto shares = [](const Text& t) {
    std::map<Text, double> out;
    for (std::size_t i = 0; i < t.size(); ++i) {
      out[{t[i]}] += 1;
      if (i + 1 < t.size()) out[{t[i], t[i + 1]}] += 1;
    }
    for (auto& [gram, x] : out) x = std::sqrt(x / static_cast<double>(2 * t.size() - 1));
    return out;
  };
  const auto p = shares(a), q = shares(b);
  double sum = 0;
  for (const auto& [gram, x] : p)
    if (q.count(gram)) sum += x * q.at(gram);
  return sum;
}

/// Solves a x = b by elimination with pivots.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t best = k;
    for (std::size_t i = k; i < n; ++i)
      if (std::abs(a[i][k]) > std::abs(a[best][k])) best = i;
    std::swap(a[k], a[best]);
    std::swap(b[k], b[best]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double f = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) a[i][j] -= f * a[k][j];
      b[i] -= f * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

Text random_text(Rng& rng) {
  Text out(10 + rng.below(10));
  for (auto& t : out) t = static_cast<std::uint32_t>(2 + rng.below(12));
  return out;
}

}  // namespace

TEST_CASE("the n-gram ridge is kernel ridge regression with weights") {
  Rng rng(1, "test/ngram_ridge");
  std::vector<Text> texts;
  std::vector<double> labels, weights;
  for (int i = 0; i < 25; ++i) {
    texts.push_back(random_text(rng));
    labels.push_back(rng.normal());
    weights.push_back(i < 10 ? 0.3 : 1.0);
  }
  NgramRidgeOptions options;
  options.features = 1 << 18;  // no two n-grams share a bucket
  options.ridge = 0.7;
  NgramRidge fit(options);
  CHECK(fit.predict(texts[0]) == 0);
  fit.fit(std::vector<NgramRidge::Tokens>(texts.begin(), texts.end()), labels, weights);

  // centred kernel c(x, y) = (x - m).(y - m); alpha = (C + ridge / W)^-1 labels; prediction sum_i alpha_i c(x_i, x)
  double total = 0;
  for (const double w : weights) total += w;
  const auto to_mean = [&](const Text& x) {
    double sum = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) sum += weights[i] / total * kernel(texts[i], x);
    return sum;
  };
  double mean_mean = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) mean_mean += weights[i] / total * to_mean(texts[i]);
  const auto centred = [&](const Text& x, const Text& y) { return kernel(x, y) - to_mean(x) - to_mean(y) + mean_mean; };
  std::vector<std::vector<double>> c(texts.size(), std::vector<double>(texts.size()));
  for (std::size_t i = 0; i < texts.size(); ++i)
    for (std::size_t j = 0; j < texts.size(); ++j) c[i][j] = centred(texts[i], texts[j]) + (i == j ? options.ridge / weights[i] : 0);
  const std::vector<double> alpha = solve(c, labels);
  for (int i = 0; i < 10; ++i) {
    const Text x = random_text(rng);
    double expected = 0;
    for (std::size_t k = 0; k < texts.size(); ++k) expected += alpha[k] * centred(texts[k], x);
    CHECK(fit.predict(x) == Approx(expected).epsilon(1e-6));
  }
  CHECK(fit.fit_flops() > 0);
}

#include "policies/argmax.h"

#include <boost/math/quadrature/gauss.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>

#include <cmath>
#include <limits>
#include <numbers>

#include "policies/simplex.h"

namespace fader {
namespace {

// Without it the library computes in long double, ten times slower for digits that are not needed.
constexpr boost::math::policies::policy<boost::math::policies::promote_double<false>> kPlain;

constexpr double kPerStretch = 1e-12;  // by how much a stretch may miss what it must sum to
constexpr int kHalvings = 60;

/// A score as the integral sees it: F and f at a point between low and high; beyond them F is 0 or 1 to 1e-15.
struct NormalCurve {
  double mean, deviation, low, high;

  NormalCurve(double m, double d) : mean(m), deviation(d), low(m - 8 * d), high(m + 8 * d) {}
  double below(double s) const { return 0.5 * std::erfc((mean - s) / deviation * 0.70710678118654752); }
  double density(double s) const {
    const double z = (s - mean) / deviation;
    return 0.39894228040143268 / deviation * std::exp(-0.5 * z * z);
  }
};

/// Of the log-odds of a Beta, which is smooth for all a and b, with tails like exp(a s) and exp(-b s).
struct BetaCurve {
  double a, b, low, high;

  explicit BetaCurve(const Beta& score) : a(score.a), b(score.b) {
    const double mean = boost::math::digamma(a, kPlain) - boost::math::digamma(b, kPlain);
    const double width = 9 * std::sqrt(boost::math::trigamma(a, kPlain) + boost::math::trigamma(b, kPlain));
    low = mean - width - 40 / a;
    high = mean + width + 40 / b;
  }
  double below(double s) const {  // from the nearer end, where digits are
    const double x = 1 / (1 + std::exp(std::abs(s)));
    return s < 0 ? boost::math::ibeta(a, b, x, kPlain) : boost::math::ibetac(b, a, x, kPlain);
  }
  double density(double s) const {
    const double x = 1 / (1 + std::exp(std::abs(s)));
    return (s < 0 ? boost::math::ibeta_derivative(a, b, x, kPlain) : boost::math::ibeta_derivative(b, a, x, kPlain)) * x * (1 - x);
  }
};

template <class Curve>
class Integral {
 public:
  Integral(std::span<const Curve> curves, std::span<double> out)
      : curves_(curves), out_(out), stretch_(curves.size()), ratio_(curves.size()) {}

  void run() {
    double low = curves_[0].low, high = curves_[0].high;
    for (const Curve& c : curves_) low = std::max(low, c.low), high = std::max(high, c.high);
    std::ranges::fill(out_, 0.0);
    add(low, all_below(low), high, all_below(high), kHalvings);
  }

 private:
  using Rule = boost::math::quadrature::gauss<double, 15>;

  double all_below(double s) const {
    double product = 1;
    for (const Curve& c : curves_)
      if (s < c.high) product *= c.below(s);
    return product;
  }

  /// What lies between u and v, where all are below with probability at_u and at_v.
  void add(double u, double at_u, double v, double at_v, int halvings) {
    if (at_v - at_u <= 1e-16) return;
    std::ranges::fill(stretch_, 0.0);
    const double middle = 0.5 * (u + v), half = 0.5 * (v - u);
    const auto& places = Rule::abscissa();
    const auto& weights = Rule::weights();
    for (std::size_t i = 0; i < places.size(); ++i) {
      point(middle + half * places[i], half * weights[i]);
      if (places[i] != 0) point(middle - half * places[i], half * weights[i]);
    }
    double sum = 0;
    for (const double p : stretch_) sum += p;
    if (std::abs(sum - (at_v - at_u)) <= kPerStretch || halvings == 0) {
      for (std::size_t a = 0; a < out_.size(); ++a) out_[a] += stretch_[a];
      return;
    }
    const double at_middle = all_below(middle);
    add(u, at_u, middle, at_middle, halvings - 1);
    add(middle, at_middle, v, at_v, halvings - 1);
  }

  /// The integrands at s are H times f / F.
  void point(double s, double weight) {
    double product = weight;
    for (std::size_t a = 0; a < curves_.size(); ++a) {
      ratio_[a] = 0;
      if (s >= curves_[a].high) continue;
      const double below = curves_[a].below(s);
      product *= below;
      if (below > 0) ratio_[a] = curves_[a].density(s) / below;
    }
    for (std::size_t a = 0; a < curves_.size(); ++a) stretch_[a] += product * ratio_[a];
  }

  std::span<const Curve> curves_;
  std::span<double> out_;
  std::vector<double> stretch_, ratio_;
};

template <class Curve>
double integrate(const std::vector<Curve>& curves, std::span<double> out) {
  if (curves.size() == 1) return out[0] = 1;
  Integral<Curve>(curves, out).run();
  double sum = 0;
  for (const double p : out) sum += p;
  simplex::normalise(out);
  return sum;
}

// Cheng (1978), Communications of the ACM 21, algorithm BB, where both are above one; inversion where one is one.
double draw(const Beta& score, Rng& rng) {
  if (score.b == 1) return std::pow(rng.uniform(), 1 / score.a);
  if (score.a == 1) return 1 - std::pow(rng.uniform(), 1 / score.b);
  const double a = std::min(score.a, score.b), b = std::max(score.a, score.b), sum = a + b;
  if (a < 1) {
    const double x = rng.gamma(score.a), y = rng.gamma(score.b);
    return x + y > 0 ? x / (x + y) : 0.5;
  }
  const double beta = std::sqrt((sum - 2) / (2 * a * b - sum)), gamma = a + 1 / beta;
  for (;;) {
    const double u = rng.uniform(), z = u * u * rng.uniform();
    if (z == 0) continue;
    const double v = beta * std::log(u / (1 - u)), w = a * std::exp(v), r = gamma * v - std::log(4.0);
    const double bound = std::log(z);
    if (a + r - w < bound && r + sum * std::log(sum / (b + w)) < bound) continue;
    return (score.a == a ? w : b) / (b + w);
  }
}

}  // namespace

// Two at a time: Box and Muller (1958), Annals of Mathematical Statistics 29.
std::size_t draw_argmax(std::span<const Normal> scores, Rng& rng) {
  std::size_t best = 0;
  double top = -std::numeric_limits<double>::infinity();
  const auto consider = [&](std::size_t a, double z) {
    if (const double s = scores[a].mean + scores[a].deviation * z; s > top) best = a, top = s;
  };
  for (std::size_t a = 0; a < scores.size(); a += 2) {
    const double radius = std::sqrt(2 * rng.exponential()), angle = 2 * std::numbers::pi * rng.uniform();
    consider(a, radius * std::cos(angle));
    if (a + 1 < scores.size()) consider(a + 1, radius * std::sin(angle));
  }
  return best;
}

std::size_t draw_argmax(std::span<const Beta> scores, Rng& rng) {
  std::size_t best = 0;
  double top = -1;
  for (std::size_t a = 0; a < scores.size(); ++a)
    if (const double s = draw(scores[a], rng); s > top) best = a, top = s;
  return best;
}

double argmax_probabilities(std::span<const Normal> scores, std::span<double> out) {
  double origin = scores[0].mean, low = scores[0].mean, high = low;
  for (const Normal& s : scores) {
    origin = std::max(origin, s.mean);
    low = std::max(low, s.mean - 8 * s.deviation);
    high = std::max(high, s.mean + 8 * s.deviation);
  }
  std::vector<NormalCurve> curves;  // from the greatest mean, so that no digits are lost to a common shift
  for (const Normal& s : scores) curves.emplace_back(s.mean - origin, std::max(s.deviation, 1e-9 * (high - low)));
  return integrate(curves, out);
}

double argmax_probabilities(std::span<const Beta> scores, std::span<double> out) {
  std::vector<BetaCurve> curves;
  for (const Beta& s : scores) curves.emplace_back(s);
  return integrate(curves, out);
}

}  // namespace fader

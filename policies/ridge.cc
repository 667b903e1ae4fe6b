#include "policies/ridge.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "policies/linear_algebra.h"

namespace fader {
namespace {

constexpr double kMost = 1e50;     // of a loaded number: products of such are finite
constexpr double kLongest = 1e12;  // of a loaded factor's inverse

bool within(std::span<const double> values, double most) {
  return std::ranges::all_of(values, [most](double v) { return std::abs(v) <= most; });
}

}  // namespace

Ridge::Ridge(std::size_t size, double lambda)
    : factor_(packed::size(size), 0.0), earned_(size, 0.0), theta_(size, 0.0), work_(size, 0.0) {
  for (std::size_t i = 0; i < size; ++i) factor_[packed::size(i) + i] = std::sqrt(lambda);
}

double Ridge::mean(std::span<const double> x) const { return std::inner_product(x.begin(), x.end(), theta_.begin(), 0.0); }

double Ridge::variance(std::span<const double> x) {
  std::ranges::copy(x, work_.begin());
  packed::solve_lower(factor_, work_);
  return std::inner_product(work_.begin(), work_.end(), work_.begin(), 0.0);
}

void Ridge::learn(std::span<const double> x, double reward) {
  std::ranges::copy(x, work_.begin());
  packed::update(factor_, work_);
  for (std::size_t i = 0; i < x.size(); ++i) earned_[i] += reward * x[i];
  pulls_ += 1;
  solve();
}

void Ridge::solve() {
  theta_ = earned_;
  packed::solve_lower(factor_, theta_);
  packed::solve_upper(factor_, theta_);
}

void Ridge::state(Archive& archive) {
  archive.field("factor", std::span(factor_));
  archive.field("earned", std::span(earned_));
  archive.field("pulls", pulls_);
  if (!archive.loading()) return;
  archive.expect(pulls_ >= 0 && pulls_ <= kLongest && std::floor(pulls_) == pulls_ && sound(), "a regression");
  solve();
}

/// Whether the factor is one, with an inverse that is not out of all proportion.
bool Ridge::sound() {
  bool right = within(factor_, kMost) && within(earned_, kMost);
  for (std::size_t k = 0; right && k < work_.size(); ++k) {
    std::ranges::fill(work_, 0.0);
    work_[k] = 1;
    right = factor_[packed::size(k) + k] > 0;
    if (!right) break;
    packed::solve_lower(factor_, work_);
    right = within(work_, kLongest);
  }
  return right;
}

}  // namespace fader

// The reward model of the direct method and the doubly robust ones: ridge regression, cross-fitted (Chernozhukov et al. 2018,
// "Double/debiased machine learning", section 3: no round is predicted by a model that saw it).
//
//   minimise sum (r - mean - alpha_a - beta . z)^2 + ridge (|alpha|^2 + |beta|^2),   z what was seen, standardised
//
// Mean, deviations and coefficients are those of the rounds outside the fold. An arm that these never played is predicted by beta alone.
#include <algorithm>
#include <cmath>

#include "analysis/ope.h"
#include "core/error.h"

namespace fader::ope {
namespace {

/// x of a x = b, a symmetric and positive definite: elimination without pivots, b becomes x.
void solve(Grid<double>& a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      if (factor == 0) continue;
      for (std::size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
}

class Ridge {
 public:
  /// Of the rounds that are not in `fold`.
  Ridge(const Rounds& rounds, const std::vector<std::size_t>& fold, std::size_t without, double ridge)
      : rounds_(rounds), arms_(rounds.arms()), seen_(rounds.seen.cols()), centre_(seen_, 0.0), scale_(seen_, 0.0) {
    for (std::size_t i = 0; i < rounds.size(); ++i)
      if (fold[i] != without) taken_.push_back(i);
    FADER_CHECK(!taken_.empty(), "no rounds outside fold {}", without);
    for (const std::size_t i : taken_) mean_ += rounds.reward[i] / static_cast<double>(taken_.size());
    standardise();
    fit(ridge);
  }

  /// What round i earns beyond what its arm adds.
  double level(std::size_t i) const {
    double out = mean_;
    for (std::size_t j = 0; j < seen_; ++j) out += coefficient_[arms_ + j] * z(i, j);
    return out;
  }
  double arm(std::size_t a) const { return coefficient_[a]; }

 private:
  void standardise() {
    for (std::size_t j = 0; j < seen_; ++j) {
      double n = 0, total = 0, square = 0;
      for (const std::size_t i : taken_)
        if (const double x = rounds_.seen[i][j]; std::isfinite(x)) n += 1, total += x;
      centre_[j] = n > 0 ? total / n : 0;
      for (const std::size_t i : taken_)
        if (const double x = rounds_.seen[i][j]; std::isfinite(x)) square += (x - centre_[j]) * (x - centre_[j]);
      const double deviation = n > 0 ? std::sqrt(square / n) : 0;
      scale_[j] = deviation > 1e-12 * std::abs(centre_[j]) ? 1 / deviation : 0;  // 0: it never changes, and says nothing
    }
  }
  double z(std::size_t i, std::size_t j) const {
    const double x = rounds_.seen[i][j];
    return std::isfinite(x) ? (x - centre_[j]) * scale_[j] : 0;
  }
  void fit(double ridge) {
    const std::size_t d = arms_ + seen_;
    Grid<double> a(d, d);
    coefficient_.assign(d, 0.0);
    for (std::size_t j = 0; j < d; ++j) a[j][j] = ridge;
    std::vector<double> row(seen_);
    for (const std::size_t i : taken_) {
      const std::size_t arm = rounds_.arm[i];
      const double y = rounds_.reward[i] - mean_;
      a[arm][arm] += 1;
      coefficient_[arm] += y;
      for (std::size_t j = 0; j < seen_; ++j) row[j] = z(i, j);
      for (std::size_t j = 0; j < seen_; ++j) {
        a[arm][arms_ + j] += row[j];
        a[arms_ + j][arm] += row[j];
        coefficient_[arms_ + j] += row[j] * y;
        for (std::size_t k = 0; k < seen_; ++k) a[arms_ + j][arms_ + k] += row[j] * row[k];
      }
    }
    solve(a, coefficient_);
  }

  const Rounds& rounds_;
  const std::size_t arms_, seen_;
  std::vector<std::size_t> taken_;
  double mean_ = 0;
  std::vector<double> centre_, scale_, coefficient_;
};

}  // namespace

RewardModel fit_rewards(const Rounds& rounds, double ridge) {
  FADER_CHECK(ridge > 0 && rounds.size() > 1, "ridge {} of {} rounds", ridge, rounds.size());
  const std::vector<std::size_t> fold = clusters_of(rounds);
  const std::size_t n = rounds.size(), arms = rounds.arms(), folds = fold.back() + 1;
  RewardModel out{Grid<double>(n, arms), Grid<double>(folds, n), Grid<double>(folds, arms)};
  for (std::size_t f = 0; f < folds; ++f) {
    const Ridge model(rounds, fold, f, ridge);
    for (std::size_t a = 0; a < arms; ++a) out.arm[f][a] = model.arm(a);
    for (std::size_t i = 0; i < n; ++i) out.level[f][i] = model.level(i);
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t a = 0; a < arms; ++a) out.predicted[i][a] = out.level[fold[i]][i] + out.arm[fold[i]][a];
  return out;
}

}  // namespace fader::ope

#include "policies/cma.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "policies/linear_algebra.h"

namespace fader {
namespace {

// Nothing within ever comes near these; they keep a search that finds no slope, and saved numbers, from leaving what can be
// computed.
constexpr double kLeastSigma = 1e-12, kGreatestSigma = 1e6, kGreatest = 1e9, kLeastAxis = 1e-14;

double norm(std::span<const double> x) { return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)); }

std::vector<double> product(const Grid<double>& a, std::span<const double> x) {
  std::vector<double> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::inner_product(x.begin(), x.end(), a[i].begin(), 0.0);
  return out;
}

}  // namespace

std::size_t Cma::default_population(std::size_t n) {
  return 4 + static_cast<std::size_t>(3 * std::log(static_cast<double>(n)));
}

Cma::Cma(std::size_t n, std::size_t population, double sigma)
    : n_(n), population_(population), mean_(n, 0.0), path_sigma_(n, 0.0), path_c_(n, 0.0), covariance_(n, n, 0.0), sigma_(sigma) {
  FADER_CHECK(n > 0 && population > 1, "{} numbers, population {}", n, population);
  const double lambda = static_cast<double>(population), dim = static_cast<double>(n);
  for (std::size_t i = 0; i < population / 2; ++i)
    weights_.push_back(std::log((lambda + 1) / 2) - std::log(static_cast<double>(i + 1)));
  const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (double& w : weights_) w /= total;
  for (const double w : weights_) mu_eff_ += w * w;
  mu_eff_ = 1 / mu_eff_;
  c_sigma_ = (mu_eff_ + 2) / (dim + mu_eff_ + 5);
  d_sigma_ = 1 + 2 * std::max(0.0, std::sqrt((mu_eff_ - 1) / (dim + 1)) - 1) + c_sigma_;
  c_c_ = (4 + mu_eff_ / dim) / (dim + 4 + 2 * mu_eff_ / dim);
  c_1_ = 2 / ((dim + 1.3) * (dim + 1.3) + mu_eff_);
  c_mu_ = std::min(1 - c_1_, 2 * (mu_eff_ - 2 + 1 / mu_eff_) / ((dim + 2) * (dim + 2) + mu_eff_));
  expected_norm_ = std::sqrt(dim) * (1 - 1 / (4 * dim) + 1 / (21 * dim * dim));
  for (std::size_t i = 0; i < n; ++i) covariance_[i][i] = 1;
  decompose();
}

void Cma::candidate(std::span<const double> z, std::span<double> out) const {
  const auto y = product(root_, z);
  for (std::size_t i = 0; i < n_; ++i) out[i] = mean_[i] + sigma_ * y[i];
}

void Cma::update(Table<const double> candidates, std::span<const double> value) {
  FADER_CHECK(candidates.rows == population_ && candidates.cols == n_ && value.size() == population_);
  std::vector<std::size_t> order(population_);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return value[a] > value[b]; });
  Grid<double> y(weights_.size(), n_, 0.0);
  std::vector<double> step(n_, 0.0);
  for (std::size_t i = 0; i < weights_.size(); ++i)
    for (std::size_t k = 0; k < n_; ++k) {
      y[i][k] = (candidates[order[i]][k] - mean_[k]) / sigma_;
      step[k] += weights_[i] * y[i][k];
    }
  ++generation_;
  move_mean(step);
  adapt(std::as_const(y).view(), step);
  decompose();
}

void Cma::move_mean(std::span<const double> step) {
  for (std::size_t k = 0; k < n_; ++k) mean_[k] = std::clamp(mean_[k] + sigma_ * step[k], -kGreatest, kGreatest);
}

/// Step size and covariance, from the better half's steps y [mu, n] and their mean.
void Cma::adapt(Table<const double> y, std::span<const double> step) {
  const auto white = product(inverse_root_, step);
  for (std::size_t k = 0; k < n_; ++k)
    path_sigma_[k] = (1 - c_sigma_) * path_sigma_[k] + std::sqrt(c_sigma_ * (2 - c_sigma_) * mu_eff_) * white[k];
  const double length = norm(path_sigma_);
  sigma_ = std::clamp(sigma_ * std::exp(c_sigma_ / d_sigma_ * (length / expected_norm_ - 1)), kLeastSigma, kGreatestSigma);
  // A path that is long for its age says that sigma lags: the covariance shall not make up for it.
  const double age = std::sqrt(1 - std::pow(1 - c_sigma_, 2 * static_cast<double>(generation_)));
  const double h = length / age < (1.4 + 2 / (static_cast<double>(n_) + 1)) * expected_norm_ ? 1 : 0;
  for (std::size_t k = 0; k < n_; ++k)
    path_c_[k] = (1 - c_c_) * path_c_[k] + h * std::sqrt(c_c_ * (2 - c_c_) * mu_eff_) * step[k];
  const double keep = 1 - c_1_ - c_mu_ + (1 - h) * c_1_ * c_c_ * (2 - c_c_);
  for (std::size_t a = 0; a < n_; ++a)
    for (std::size_t b = 0; b <= a; ++b) {
      double rank_mu = 0;
      for (std::size_t i = 0; i < weights_.size(); ++i) rank_mu += weights_[i] * y[i][a] * y[i][b];
      covariance_[a][b] = covariance_[b][a] = keep * covariance_[a][b] + c_1_ * path_c_[a] * path_c_[b] + c_mu_ * rank_mu;
    }
}

void Cma::decompose() {
  const Eigen eigen = symmetric_eigen(covariance_);
  const double greatest = *std::max_element(eigen.values.begin(), eigen.values.end());
  root_.resize(n_, n_, 0);
  inverse_root_.resize(n_, n_, 0);
  double least = greatest;
  for (std::size_t j = 0; j < n_; ++j) {
    const double length = std::sqrt(std::max(eigen.values[j], kLeastAxis * greatest));  // rounding may leave less than nothing
    least = std::min(least, length * length);
    for (std::size_t a = 0; a < n_; ++a)
      for (std::size_t b = 0; b < n_; ++b) {
        const double part = eigen.vectors[a][j] * eigen.vectors[b][j];
        root_[a][b] += length * part;
        inverse_root_[a][b] += part / length;
      }
  }
  axis_ratio_ = std::sqrt(greatest / least);
}

void Cma::state(Archive& archive) {
  archive.field("mean", std::span(mean_));
  archive.field("path_sigma", std::span(path_sigma_));
  archive.field("path_c", std::span(path_c_));
  archive.field("covariance", covariance_.view().flat());
  archive.field("sigma", sigma_);
  archive.field("generation", generation_);
  const auto moderate = [](double x) { return std::abs(x) <= kGreatest; };
  for (const auto& list : {mean_, path_sigma_, path_c_}) archive.expect(std::ranges::all_of(list, moderate), "a point of CMA-ES");
  archive.expect(std::ranges::all_of(covariance_.view().flat(), moderate), "a covariance");
  for (std::size_t a = 0; a < n_; ++a) {
    archive.expect(covariance_[a][a] >= 1e-100, "a covariance");
    for (std::size_t b = 0; b < a; ++b) archive.expect(covariance_[a][b] == covariance_[b][a], "a covariance");
  }
  archive.expect(sigma_ >= kLeastSigma && sigma_ <= kGreatestSigma, "a step size");
  archive.expect(generation_ >= 0 && generation_ < (std::int64_t{1} << 62), "a generation");
  if (archive.loading()) decompose();
}

}  // namespace fader

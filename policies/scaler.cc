// Running transformations of rewards; minmax_window, logistic and moving z-scores as bandit consoles use them.
// Status: checked against direct computation (tests/policies/scaler_test.cc).
#include "policies/scaler.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace fader {
namespace {

class None final : public Scaler {
 public:
  Scaled scale(double reward, double se) override { return {reward, se}; }
  void state(Archive&) override {}
};

class MinmaxWindow final : public Scaler {
 public:
  Scaled scale(double reward, double se) override {
    if (!std::isfinite(reward)) return {reward, se};
    if (recent_.size() == kWindow) recent_.erase(recent_.begin());
    recent_.push_back(reward);
    const auto [low, high] = std::minmax_element(recent_.begin(), recent_.end());
    if (*low == *high) return {0.5, std::nan("")};
    return {(reward - *low) / (*high - *low), se / (*high - *low)};
  }
  void state(Archive& archive) override {
    archive.field("recent", recent_);
    archive.expect(recent_.size() <= kWindow && std::all_of(recent_.begin(), recent_.end(), [](double r) { return std::isfinite(r); }),
                   "a window of rewards");
  }

 private:
  static constexpr std::size_t kWindow = 20;
  std::vector<double> recent_;  // oldest first
};

class LogisticZscore final : public Scaler {
 public:
  Scaled scale(double reward, double se) override {
    if (!std::isfinite(reward)) return {reward, se};
    ++count_;  // Welford's recursion
    const double before = reward - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (reward - mean_);
    if (!(squares_ > 0)) return {0.5, std::nan("")};
    const double deviation = std::sqrt(squares_ / static_cast<double>(count_ - 1));
    const double place = 1 / (1 + std::exp(-(reward - mean_) / deviation));
    return {place, se * place * (1 - place) / deviation};
  }
  void state(Archive& archive) override {
    archive.field("count", count_);
    archive.field("mean", mean_);
    archive.field("squares", squares_);
    archive.expect(count_ >= 0 && count_ < kMostRewards && std::isfinite(mean_) && std::isfinite(squares_) && squares_ >= 0,
                   "the mean and deviation of rewards");
  }

 private:
  static constexpr std::int64_t kMostRewards = std::int64_t{1} << 53;
  std::int64_t count_ = 0;
  double mean_ = 0, squares_ = 0;  // squares: sum of squared deviations
};

class EmaZscore final : public Scaler {
 public:
  Scaled scale(double reward, double se) override {
    if (!std::isfinite(reward)) return {reward, se};
    mean_ = begun_ ? (1 - kRate) * mean_ + kRate * reward : reward;
    variance_ = (1 - kRate) * variance_ + kRate * (reward - mean_) * (reward - mean_);
    begun_ = true;
    if (!(variance_ > 0)) return {0, std::nan("")};
    const double deviation = std::sqrt(variance_);
    return {(reward - mean_) / deviation, se / deviation};
  }
  void state(Archive& archive) override {
    archive.field("begun", begun_);
    archive.field("mean", mean_);
    archive.field("variance", variance_);
    archive.expect(std::isfinite(mean_) && std::isfinite(variance_) && variance_ >= 0, "the mean and variance of rewards");
  }

 private:
  static constexpr double kRate = 0.1;
  bool begun_ = false;
  double mean_ = 0, variance_ = 0;
};

}  // namespace

const std::vector<std::string>& scaler_names() {
  static const std::vector<std::string> names = {"none", "minmax_window", "logistic_zscore", "ema_zscore"};
  return names;
}

std::unique_ptr<Scaler> make_scaler(const std::string& name) {
  if (name == "none") return std::make_unique<None>();
  if (name == "minmax_window") return std::make_unique<MinmaxWindow>();
  if (name == "logistic_zscore") return std::make_unique<LogisticZscore>();
  if (name == "ema_zscore") return std::make_unique<EmaZscore>();
  throw ConfigError(fmt::format("no scaler '{}'{}", name, suggestion(name, scaler_names())));
}

}  // namespace fader

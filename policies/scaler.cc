// Running transformations of rewards and credit; minmax_window, logistic and moving z-scores as bandit consoles use them.
// Status: checked against direct computation (tests/policies/scaler_test.cc).
#include "policies/scaler.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

class Quantile final : public Scaler {
 public:
  Scaled scale(double reward, double se) override {
    if (!std::isfinite(reward)) return {reward, se};
    if (recent_.size() == kWindow) recent_.erase(recent_.begin());
    recent_.push_back(reward);
    std::vector<double> sorted = recent_;
    std::sort(sorted.begin(), sorted.end());
    const double low = at(sorted, 0.2), high = at(sorted, 0.8);
    if (!(high > low)) return {0, std::nan("")};
    return {std::clamp(2 * (reward - low) / (high - low) - 1, -1.0, 1.0), 2 * se / (high - low)};
  }
  void state(Archive& archive) override {
    archive.field("recent", recent_);
    archive.expect(recent_.size() <= kWindow && std::all_of(recent_.begin(), recent_.end(), [](double r) { return std::isfinite(r); }),
                   "a window of rewards");
  }

 private:
  static constexpr std::size_t kWindow = 100;
  /// Linear between order statistics.
  static double at(const std::vector<double>& sorted, double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double rest = place - static_cast<double>(below);
    return rest == 0 ? sorted[below] : (1 - rest) * sorted[below] + rest * sorted[below + 1];
  }
  std::vector<double> recent_;  // oldest first
};

/// Scales what is finite among `credit` to its place between two numbers.
void place(std::span<double> credit, std::span<double> se, double low, double high) {
  for (std::size_t k = 0; k < credit.size(); ++k) {
    if (!std::isfinite(credit[k])) continue;
    credit[k] = high > low ? (credit[k] - low) / (high - low) : 0.5;
    se[k] = high > low ? se[k] / (high - low) : std::nan("");
  }
}

class NoCreditScaler final : public CreditScaler {
 public:
  void scale(std::span<double>, std::span<double>) override {}
  void state(Archive&) override {}
};

class CreditWindow final : public CreditScaler {
 public:
  void scale(std::span<double> credit, std::span<double> se) override {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const double c : credit)
      if (std::isfinite(c)) low = std::min(low, c), high = std::max(high, c);
    if (low > high) return;
    if (low_.size() == kWindow) low_.erase(low_.begin()), high_.erase(high_.begin());
    low_.push_back(low);
    high_.push_back(high);
    place(credit, se, *std::min_element(low_.begin(), low_.end()), *std::max_element(high_.begin(), high_.end()));
  }
  void state(Archive& archive) override {
    archive.field("low", low_);
    archive.field("high", high_);
    bool right = low_.size() == high_.size() && low_.size() <= kWindow;
    for (std::size_t i = 0; right && i < low_.size(); ++i) right = std::isfinite(low_[i]) && std::isfinite(high_[i]) && low_[i] <= high_[i];
    archive.expect(right, "a window of credit");
  }

 private:
  static constexpr std::size_t kWindow = 20;
  std::vector<double> low_, high_;  // of each decision, oldest first
};

class AgentsMinmax final : public CreditScaler {
 public:
  void scale(std::span<double> credit, std::span<double> se) override {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const double c : credit)
      if (std::isfinite(c)) low = std::min(low, c), high = std::max(high, c);
    place(credit, se, low, high);
  }
  void state(Archive&) override {}
};

class AgentsZscore final : public CreditScaler {
 public:
  void scale(std::span<double> credit, std::span<double> se) override {
    double n = 0, mean = 0, squares = 0;
    for (const double c : credit)
      if (std::isfinite(c)) ++n, mean += c;
    mean /= n;
    for (const double c : credit)
      if (std::isfinite(c)) squares += (c - mean) * (c - mean);
    const double deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
    for (std::size_t k = 0; k < credit.size(); ++k) {
      if (!std::isfinite(credit[k])) continue;
      credit[k] = deviation > 0 ? (credit[k] - mean) / deviation : 0;
      se[k] = deviation > 0 ? se[k] / deviation : std::nan("");
    }
  }
  void state(Archive&) override {}
};

}  // namespace

const std::vector<std::string>& scaler_names() {
  static const std::vector<std::string> names = {"none", "minmax_window", "logistic_zscore", "ema_zscore", "quantile"};
  return names;
}

std::unique_ptr<Scaler> make_scaler(const std::string& name) {
  if (name == "none") return std::make_unique<None>();
  if (name == "minmax_window") return std::make_unique<MinmaxWindow>();
  if (name == "logistic_zscore") return std::make_unique<LogisticZscore>();
  if (name == "ema_zscore") return std::make_unique<EmaZscore>();
  if (name == "quantile") return std::make_unique<Quantile>();
  throw ConfigError(fmt::format("no scaler '{}'{}", name, suggestion(name, scaler_names())));
}

const std::vector<std::string>& credit_scaler_names() {
  static const std::vector<std::string> names = {"none", "minmax_window", "agents_minmax", "agents_zscore"};
  return names;
}

std::unique_ptr<CreditScaler> make_credit_scaler(const std::string& name) {
  if (name == "none") return std::make_unique<NoCreditScaler>();
  if (name == "minmax_window") return std::make_unique<CreditWindow>();
  if (name == "agents_minmax") return std::make_unique<AgentsMinmax>();
  if (name == "agents_zscore") return std::make_unique<AgentsZscore>();
  throw ConfigError(fmt::format("no scaler of credit '{}'{}", name, suggestion(name, credit_scaler_names())));
}

}  // namespace fader

#include "policies/scaler.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "core/rng.h"

using namespace fader;

namespace {

std::vector<double> series(int n) {
  Rng rng(3, "rewards");
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(5 / (1.0 + i) + 0.1 * rng.normal());
  return out;
}

}  // namespace

TEST_CASE("an unknown scaler is named with the nearest") {
  REQUIRE_THROWS_AS(make_scaler("minmax_windo"), ConfigError);
  REQUIRE_THROWS_WITH(make_scaler("minmax_windo"), Catch::Contains("did you mean 'minmax_window'?"));
}

TEST_CASE("none leaves rewards alone") {
  const auto s = make_scaler("none");
  const auto [reward, se] = s->scale(-3.25, 0.5);
  REQUIRE(reward == -3.25);
  REQUIRE(se == 0.5);
}

TEST_CASE("minmax_window is the place between the extremes of the last 20") {
  const auto s = make_scaler("minmax_window");
  const auto x = series(100);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto [reward, se] = s->scale(x[i], 0.1);
    const auto from = x.begin() + static_cast<std::ptrdiff_t>(i < 20 ? 0 : i - 19);
    const double low = *std::min_element(from, x.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    const double high = *std::max_element(from, x.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    if (i == 0) {
      REQUIRE(reward == 0.5);
      REQUIRE(std::isnan(se));
      continue;
    }
    REQUIRE(reward == (x[i] - low) / (high - low));
    REQUIRE(se == 0.1 / (high - low));
  }
}

TEST_CASE("logistic_zscore by mean and deviation of all so far") {
  const auto s = make_scaler("logistic_zscore");
  const auto x = series(60);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto [reward, se] = s->scale(x[i], 1e-6);
    if (i == 0) {
      REQUIRE(reward == 0.5);
      continue;
    }
    double mean = 0, squares = 0;
    for (std::size_t j = 0; j <= i; ++j) mean += x[j] / static_cast<double>(i + 1);
    for (std::size_t j = 0; j <= i; ++j) squares += (x[j] - mean) * (x[j] - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(i));
    const auto place = [&](double v) { return 1 / (1 + std::exp(-(v - mean) / deviation)); };
    REQUIRE(reward == Approx(place(x[i])).epsilon(1e-10));
    REQUIRE(se == Approx(place(x[i] + 5e-7) - place(x[i] - 5e-7)).epsilon(1e-5));
  }
}

TEST_CASE("ema_zscore by moving mean and variance") {
  const auto s = make_scaler("ema_zscore");
  const auto x = series(60);
  double mean = x[0], variance = 0;
  REQUIRE(s->scale(x[0], 0.1).reward == 0);
  for (std::size_t i = 1; i < x.size(); ++i) {
    mean = 0.9 * mean + 0.1 * x[i];
    variance = 0.9 * variance + 0.1 * std::pow(x[i] - mean, 2);
    const auto [reward, se] = s->scale(x[i], 0.1);
    REQUIRE(reward == Approx((x[i] - mean) / std::sqrt(variance)).epsilon(1e-12));
    REQUIRE(se == Approx(0.1 / std::sqrt(variance)).epsilon(1e-12));
  }
}

TEST_CASE("constant rewards, non-finite rewards, bounds and saved state of every scaler") {
  const auto name = GENERATE(from_range(scaler_names()));
  CAPTURE(name);
  const auto s = make_scaler(name);
  for (int i = 0; i < 30; ++i) REQUIRE(std::isfinite(s->scale(0.7, 0.1).reward));
  if (name == "minmax_window" || name == "logistic_zscore") {
    REQUIRE(s->scale(0.7, 0.1).reward == 0.5);
    for (const double x : series(50)) {
      const double scaled = s->scale(x, 0.1).reward;
      REQUIRE((scaled >= 0 && scaled <= 1));
    }
  } else {
    for (const double x : series(50)) s->scale(x, 0.1);
  }

  Archive before;
  s->state(before);
  REQUIRE(std::isnan(s->scale(std::nan(""), 0.1).reward));
  REQUIRE(s->scale(-std::numeric_limits<double>::infinity(), 0.1).reward == -std::numeric_limits<double>::infinity());
  Archive after;
  s->state(after);
  REQUIRE(before.bytes() == after.bytes());

  const auto copy = make_scaler(name);
  Archive loading(before.bytes());
  copy->state(loading);
  loading.finish();
  for (const double x : series(50)) REQUIRE(copy->scale(x, 0.1).reward == s->scale(x, 0.1).reward);
}

TEST_CASE("a scaler takes no state that it cannot have been in") {
  const auto refused = [](const std::string& name, const std::string& field, double value) {
    const auto s = make_scaler(name);
    for (const double x : series(5)) s->scale(x, 0.1);
    Archive saved;
    s->state(saved);
    std::string bytes = saved.bytes();
    const auto at = bytes.find(field) + field.size() + sizeof(std::uint64_t);  // behind the number of elements
    std::memcpy(bytes.data() + at, &value, sizeof value);
    Archive loading(bytes);
    CHECK_THROWS_AS(make_scaler(name)->state(loading), DataError);
  };
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    refused("minmax_window", "recent", bad);
    for (const auto* name : {"logistic_zscore", "ema_zscore"}) refused(name, "mean", bad);
  }
  refused("logistic_zscore", "squares", -1);
  refused("logistic_zscore", "count", -1);  // as a whole number: a negative one
  refused("ema_zscore", "variance", -1);
}

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

TEST_CASE("quantile is the place between the 20th and 80th percentile of the last 100, cut") {
  const auto s = make_scaler("quantile");
  const auto x = series(250);
  // The percentile that lies between order statistics, by counting: the line through (i / (n - 1), i-th least).
  const auto percentile = [](std::vector<double> seen, double share) {
    std::sort(seen.begin(), seen.end());
    const auto last = static_cast<double>(seen.size() - 1);
    for (std::size_t i = 0; i + 1 < seen.size(); ++i) {
      const double from = static_cast<double>(i) / last, to = static_cast<double>(i + 1) / last;
      if (share <= to) return seen[i] + (share - from) / (to - from) * (seen[i + 1] - seen[i]);
    }
    return seen.back();
  };
  int cut = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto [reward, se] = s->scale(x[i], 0.1);
    if (i == 0) {
      REQUIRE(reward == 0);
      REQUIRE(std::isnan(se));
      continue;
    }
    const auto end = x.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    const std::vector<double> seen(i < 100 ? x.begin() : end - 100, end);
    const double low = percentile(seen, 0.2), high = percentile(seen, 0.8);
    const double place = (x[i] - low) / (high - low);
    REQUIRE(reward == Approx(place < 0 ? -1 : place > 1 ? 1 : 2 * place - 1).margin(1e-9));
    REQUIRE(se == Approx(2 * 0.1 / (high - low)).epsilon(1e-9));
    cut += std::abs(reward) == 1;
  }
  REQUIRE(cut > 60);  // two in five, once the series is level
  REQUIRE(cut < 200);
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
    for (const double x : series(50)) {
      const double scaled = s->scale(x, 0.1).reward;
      if (name == "quantile") REQUIRE(std::abs(scaled) <= 1);
    }
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
    for (const auto* name : {"minmax_window", "quantile"}) refused(name, "recent", bad);
    for (const auto* name : {"logistic_zscore", "ema_zscore"}) refused(name, "mean", bad);
  }
  refused("logistic_zscore", "squares", -1);
  refused("logistic_zscore", "count", -1);  // as a whole number: a negative one
  refused("ema_zscore", "variance", -1);
}

namespace {

using Row = std::vector<double>;

struct ScaledCredit {
  Row credit, se;
};
ScaledCredit scaled(CreditScaler& s, Row credit) {
  Row se(credit.size(), 0.1);
  s.scale(credit, se);
  return {credit, se};
}

// Credit of four agents, whose level and spread drift; one in five is not measured.
std::vector<Row> credit_series(int n) {
  Rng rng(5, "credit");
  std::vector<Row> out;
  for (int t = 0; t < n; ++t) {
    Row row;
    for (int k = 0; k < 4; ++k) row.push_back(rng.uniform() < 0.2 ? std::nan("") : 3 / (1.0 + t) + 0.2 * k + 0.3 * rng.normal());
    out.push_back(row);
  }
  return out;
}

void require_same(const Row& a, const Row& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (std::isnan(b[k])) REQUIRE(std::isnan(a[k]));
    else REQUIRE(a[k] == Approx(b[k]).margin(1e-12));
  }
}

}  // namespace

TEST_CASE("an unknown scaler of credit is named with the nearest") {
  REQUIRE_THROWS_AS(make_credit_scaler("agents_zscor"), ConfigError);
  REQUIRE_THROWS_WITH(make_credit_scaler("agents_zscor"),
                      Catch::Contains("no scaler of credit 'agents_zscor'; did you mean 'agents_zscore'?"));
}

TEST_CASE("scalers of credit agree with what they say, decision by decision") {
  const auto name = GENERATE(from_range(credit_scaler_names()));
  CAPTURE(name);
  const auto s = make_credit_scaler(name);
  const auto rows = credit_series(60);
  for (std::size_t t = 0; t < rows.size(); ++t) {
    Row seen;  // what counts for the scale
    for (std::size_t u = name == "minmax_window" ? (t < 20 ? 0 : t - 19) : t; u <= t; ++u)
      for (const double c : rows[u])
        if (!std::isnan(c)) seen.push_back(c);
    const auto n = static_cast<double>(seen.size());
    double shift = 0, scale = 1, equal = 0.5;
    if (name == "agents_zscore") {
      double squares = 0;
      for (const double c : seen) shift += c / n;
      for (const double c : seen) squares += (c - shift) * (c - shift);
      scale = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
      equal = 0;
    } else if (name != "none" && !seen.empty()) {
      shift = *std::min_element(seen.begin(), seen.end());
      scale = *std::max_element(seen.begin(), seen.end()) - shift;
    }
    Row expected = rows[t], expected_se(4, 0.1);
    for (std::size_t k = 0; k < 4; ++k) {
      if (std::isnan(rows[t][k])) continue;  // stays as it is
      expected[k] = scale > 0 ? (rows[t][k] - shift) / scale : equal;
      expected_se[k] = scale > 0 ? 0.1 / scale : std::nan("");
    }
    const auto [credit, se] = scaled(*s, rows[t]);
    require_same(credit, expected);
    require_same(se, expected_se);
  }
}

TEST_CASE("equal credit, credit that is not finite, and none at all") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (const auto& name : credit_scaler_names()) {
    CAPTURE(name);
    const double equal = name == "none" ? 0.7 : name == "agents_zscore" ? 0 : 0.5;
    const auto s = make_credit_scaler(name);
    for (int i = 0; i < 30; ++i) {
      const auto [credit, se] = scaled(*s, {0.7, nan, 0.7});
      require_same(credit, {equal, nan, equal});
      REQUIRE(std::isnan(se[0]) == (name != "none"));
    }
    require_same(scaled(*s, {nan, nan}).credit, {nan, nan});
    require_same(scaled(*s, {0.7}).credit, {equal});
    const auto [odd, se] = scaled(*s, {infinity, 0.7, -infinity});  // left for the policy to refuse
    REQUIRE(odd[0] == infinity);
    REQUIRE(odd[1] == equal);
    REQUIRE(odd[2] == -infinity);
  }
}

TEST_CASE("scalers of credit go on from a saved state, and refuse one they cannot have been in") {
  for (const auto& name : credit_scaler_names()) {
    CAPTURE(name);
    const auto s = make_credit_scaler(name), copy = make_credit_scaler(name);
    for (const Row& row : credit_series(30)) scaled(*s, row);
    Archive before;
    s->state(before);
    scaled(*s, {std::nan(""), std::numeric_limits<double>::infinity()});
    Archive after;
    s->state(after);
    REQUIRE(before.bytes() == after.bytes());
    Archive loading(before.bytes());
    copy->state(loading);
    loading.finish();
    for (const Row& row : credit_series(50)) {
      const auto a = scaled(*s, row), b = scaled(*copy, row);
      require_same(a.credit, b.credit);
      require_same(a.se, b.se);
    }
  }
  const auto s = make_credit_scaler("minmax_window");
  scaled(*s, {0, 1});
  Archive saved;
  s->state(saved);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 2.0}) {  // a least above the greatest
    std::string bytes = saved.bytes();
    const std::string field = "low";
    std::memcpy(bytes.data() + bytes.find(field) + field.size() + sizeof(std::uint64_t), &bad, sizeof bad);
    Archive loading(bytes);
    REQUIRE_THROWS_AS(make_credit_scaler("minmax_window")->state(loading), DataError);
  }
}

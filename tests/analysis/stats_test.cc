// Against numbers of SciPy 1.17.1 (scipy.stats.t.ppf, ttest_rel and ttest_ind(equal_var=False) with confidence_interval,
// pearsonr, trim_mean(., 0.25)) on the same inputs.
#include "analysis/stats.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"

using namespace fader;

namespace {
const std::vector<double> kX = {3.548, 3.455, 3.61, 3.502, 3.577, 3.49};
const std::vector<double> kY = {3.465, 3.369, 3.55, 3.41, 3.52, 3.395};
Approx close_to(double x) { return Approx(x).epsilon(1e-9); }
}  // namespace

TEST_CASE("mean, deviation, median and interquartile mean") {
  CHECK(stats::mean(kX) == close_to(3.5303333333333335));
  CHECK(stats::sd(kX) == close_to(0.058208819492123864));
  CHECK(stats::median(kX) == close_to((3.502 + 3.548) / 2));
  CHECK(stats::median(std::vector<double>{5, 1, 2}) == 2);
  CHECK(stats::interquartile_mean(kX) == close_to(3.52925));
  CHECK(stats::interquartile_mean(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 100}) == 4.5);
}

TEST_CASE("quantiles of Student's t") {
  CHECK(stats::t_quantile(0.95, 5) == close_to(2.5705818356363146));
  CHECK(stats::t_quantile(0.95, 4) == close_to(2.7764451051977934));
  CHECK(stats::t_quantile(0.90, 3.7) == close_to(2.1824938039146007));
  CHECK(stats::t_quantile(0.99, 1) == close_to(63.656741162871526));
}

TEST_CASE("a paired comparison has SciPy's interval and says what pairing bought") {
  const stats::Paired p = stats::paired(kX, kY, 0.95);
  CHECK(p.n == 6);
  CHECK(p.difference == close_to(0.07883333333333331));
  CHECK(p.sd == close_to(0.016339114623095893));
  CHECK(p.interval.low == close_to(0.06168648412351084));
  CHECK(p.interval.high == close_to(0.09598018254315578));
  CHECK(p.correlation == close_to(0.9926461436423997));
  CHECK(p.unpaired.low == close_to(-0.006296531999180774));
  CHECK(p.unpaired.high == close_to(0.1639631986658483));
  CHECK(p.gain == close_to((0.1639631986658483 + 0.006296531999180774) / (0.09598018254315578 - 0.06168648412351084)));
  CHECK(p.lower == 0);
  CHECK(p.higher == 6);
}

TEST_CASE("Welch's interval with unequal numbers and variances") {
  const stats::Interval i = stats::welch_interval(kX, std::vector<double>{3.3, 3.9, 3.1, 3.6}, 0.9);
  CHECK(i.low == close_to(-0.35430741808508165));
  CHECK(i.high == close_to(0.46497408475174923));
}

TEST_CASE("what few numbers cannot tell is NaN, never zero") {
  const std::vector<double> one = {2.5}, none;
  CHECK(std::isnan(stats::mean(none)));
  CHECK(stats::mean(one) == 2.5);
  CHECK(std::isnan(stats::sd(one)));
  CHECK_FALSE(stats::t_interval(one, 0.95).known());
  const stats::Paired p = stats::paired(one, std::vector<double>{2.0}, 0.95);
  CHECK(p.difference == 0.5);
  CHECK_FALSE(p.interval.known());
  CHECK(std::isnan(p.gain));
}

TEST_CASE("equal differences are exact: no spread out of rounding") {
  const std::vector<double> x = {0.1, 0.1, 0.1};
  CHECK(stats::mean(x) == 0.1);
  CHECK(stats::sd(x) == 0);
  const stats::Interval i = stats::t_interval(x, 0.95);
  CHECK(i.low == 0.1);
  CHECK(i.high == 0.1);
  CHECK(std::isnan(stats::correlation(x, std::vector<double>{1, 2, 3})));
}

TEST_CASE("the paired interval covers the truth as often as it says") {
  // Differences of two runs that share their seed's noise: the true mean is 0.3.
  Rng rng(7, "test/coverage");
  int covered = 0;
  for (int experiment = 0; experiment < 4000; ++experiment) {
    std::vector<double> x, y;
    for (int seed = 0; seed < 5; ++seed) {
      const double shared = rng.normal();
      x.push_back(shared + 0.3 + 0.1 * rng.normal());
      y.push_back(shared + 0.1 * rng.normal());
    }
    covered += stats::paired(x, y, 0.95).interval.holds(0.3);
  }
  CHECK(covered > 3750);  // 95% of 4,000 is 3,800; four standard errors are 55
  CHECK(covered < 3856);
}

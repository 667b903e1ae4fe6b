#include "analysis/resample.h"

#include <cmath>

#include "tests/analysis/comparisons_fixture.h"

using namespace fader;
using namespace fader::testing;

namespace {

const stats::Bootstrap kDraws = {0.95, 20'000};  // what the bands of the cases were made for
Rng stream() { return Rng(1, "test/bootstrap"); }

/// In the bands of four standard errors of an empirical quantile around the reference's (comparisons.py).
void check_band(const Case& c, const std::string& key, const stats::Interval& ours) {
  CAPTURE(c.name, key);
  CHECK(c.interval(key + "_low").holds(ours.low));
  CHECK(c.interval(key + "_high").holds(ours.high));
}

double mean_of(std::span<const double> x) { return stats::mean(x); }
double median_of(std::span<const double> x) { return stats::median(x); }
double iqm_of(const stats::Scores& x) { return stats::interquartile_mean(x); }

/// All n^n draws of n numbers: the bootstrap without Monte-Carlo error.
template <class Visit>
void each_draw(const std::vector<double>& x, const Visit& visit) {
  const std::size_t n = x.size();
  std::vector<std::size_t> which(n, 0);
  std::vector<double> drawn(n);
  for (;;) {
    for (std::size_t i = 0; i < n; ++i) drawn[i] = x[which[i]];
    visit(drawn);
    std::size_t i = 0;
    while (i < n && ++which[i] == n) which[i++] = 0;
    if (i == n) return;
  }
}

}  // namespace

TEST_CASE("percentile intervals are SciPy's, studentised ones arch's, within Monte-Carlo error") {
  for (const Case& c : cases("bootstrap/")) {
    check_band(c, "mean", stats::percentile_bootstrap(c.list("x"), mean_of, kDraws, stream()));
    check_band(c, "median", stats::percentile_bootstrap(c.list("x"), median_of, kDraws, stream()));
    check_band(c, "studentised", stats::studentised_bootstrap(c.list("x"), kDraws, stream()));
  }
}

TEST_CASE("stratified intervals are rliable's within Monte-Carlo error") {
  for (const Case& c : cases("stratified/")) {
    check_band(c, "iqm", stats::stratified_bootstrap(c.lists("x"), iqm_of, kDraws, stream()));
    check_band(c, "improvement",
               stats::stratified_bootstrap(c.lists("x"), c.lists("y"), stats::probability_of_improvement, kDraws, stream()));
  }
}

TEST_CASE("the studentised interval of five is that of all their 3,125 draws") {
  const std::vector<double> x = {0.3, -0.1, 0.9, 0.45, 1.7};
  const double m = stats::mean(x), s = stats::sd(x);
  std::vector<double> t;
  each_draw(x, [&](const std::vector<double>& d) { t.push_back((stats::mean(d) - m) * std::sqrt(5.0) / stats::sd(d)); });
  std::sort(t.begin(), t.end());
  const stats::Interval ours = stats::studentised_bootstrap(x, {0.95, 100'000}, stream());
  const auto bound = [&](double share) { return m - t[static_cast<std::size_t>(share * 3125)] * s / std::sqrt(5.0); };
  // Four standard errors of a quantile of 100,000 draws are 0.002 of the draws.
  CHECK((ours.low >= bound(0.977) && ours.low <= bound(0.973)));
  CHECK((ours.high >= bound(0.027) && ours.high <= bound(0.023)));
  CHECK(m - ours.low < ours.high - m);  // its long tail is on the right
}

TEST_CASE("draws without spread are not left out: too many of them, and the interval is not known") {
  // Four equal of five: a third of all draws is without spread, all below the mean.
  CHECK_FALSE(stats::studentised_bootstrap(std::vector<double>{1, 1, 1, 1, 2}, kDraws, stream()).known());
  CHECK_FALSE(stats::studentised_bootstrap(std::vector<double>{1, 2, 3}, kDraws, stream()).known());
  CHECK(stats::studentised_bootstrap(std::vector<double>{1, 1, 2, 3, 2.5}, kDraws, stream()).known());
  // Two of eight: the share of draws without spread is 2^-16, no bound is among them.
  CHECK(stats::studentised_bootstrap(std::vector<double>{1, 1, 2, 3, 4, 5, 6, 7}, kDraws, stream()).known());
}

TEST_CASE("equal streams give equal intervals to the bit, and a caller's stream is not moved") {
  const std::vector<double> x = {0.3, -0.1, 0.9, 0.45, 1.7, 0.2};
  Rng rng(5, "test/same");
  const auto first = stats::studentised_bootstrap(x, {}, rng), again = stats::studentised_bootstrap(x, {}, rng);
  const auto other = stats::studentised_bootstrap(x, {}, rng.child("other"));
  CHECK(first.low == again.low);
  CHECK(first.high == again.high);
  CHECK(first.low != other.low);
  CHECK(rng.bits() == Rng(5, "test/same").bits());
}

TEST_CASE("an interval does not depend on where zero is, nor on the unit") {
  const std::vector<double> x = {0.3, -0.1, 0.9, 0.45, 1.7, 0.2};
  std::vector<double> y;
  for (const double v : x) y.push_back(1000 - 8 * v);
  for (const auto of : {+[](const std::vector<double>& v) { return stats::studentised_bootstrap(v, kDraws, stream()); },
                        +[](const std::vector<double>& v) { return stats::percentile_bootstrap(v, mean_of, kDraws, stream()); }}) {
    const stats::Interval a = of(x), b = of(y);
    CHECK(b.low == Approx(1000 - 8 * a.high));
    CHECK(b.high == Approx(1000 - 8 * a.low));
  }
}

TEST_CASE("a run stays in its task when it is drawn again") {
  const stats::Scores x = {{1, 2, 3}, {10, 20}, {}};
  stats::stratified_bootstrap(x, [&](const stats::Scores& drawn) {
    REQUIRE(drawn.size() == 3);
    for (std::size_t task = 0; task < 3; ++task) {
      REQUIRE(drawn[task].size() == x[task].size());
      for (const double v : drawn[task]) REQUIRE(std::count(x[task].begin(), x[task].end(), v) == 1);
    }
    return 0.0;
  }, {0.95, 200}, stream());
}

TEST_CASE("bootstraps of too few numbers are not known, of equal numbers a point") {
  const std::vector<double> none, one = {2.5}, equal(5, 0.1);
  CHECK_FALSE(stats::percentile_bootstrap(none, mean_of, {}, stream()).known());
  CHECK_FALSE(stats::studentised_bootstrap(one, {}, stream()).known());
  CHECK_FALSE(stats::stratified_bootstrap({}, iqm_of, {}, stream()).known());
  CHECK_FALSE(stats::stratified_bootstrap({{1}}, {{}}, stats::probability_of_improvement, {}, stream()).known());
  for (const auto& i : {stats::percentile_bootstrap(equal, mean_of, {}, stream()), stats::studentised_bootstrap(equal, {}, stream())}) {
    CHECK(i.low == 0.1);
    CHECK(i.high == 0.1);
  }
}

TEST_CASE("the middle of values is between NumPy's quantiles") {
  std::vector<double> values = {5, 1, 4, 2, 3};
  const stats::Interval half = stats::middle(values, 0.5), most = stats::middle(values, 0.9);
  CHECK(half.low == 2);
  CHECK(half.high == 4);
  CHECK(most.low == Approx(1.2));
  CHECK(most.high == Approx(4.8));
  const double infinite = std::numeric_limits<double>::infinity();
  std::vector<double> far = {-infinite, 1, 2, 3, 4, 5, 6, 7, infinite}, unknown = {1, 2, stats::kNaN, 3};
  CHECK(stats::middle(far, 0.5).low == 2);
  CHECK_FALSE(stats::middle(far, 0.95).known());
  CHECK_FALSE(stats::middle(unknown, 0.5).known());
}

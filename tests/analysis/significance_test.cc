#include "analysis/significance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/rng.h"
#include "tests/analysis/comparisons_fixture.h"

using namespace fader;
using namespace fader::testing;

namespace {

/// Share of all 2^n ways to put signs whose smaller rank sum is at most that of x: the definition.
double enumerated_p(const std::vector<double>& x) {
  std::vector<double> rank(x.size(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i)
    for (const double other : x)
      rank[i] += std::abs(other) < std::abs(x[i]) ? 1 : std::abs(other) == std::abs(x[i]) ? 0.5 : 0;
  for (double& r : rank) r += 0.5;
  const auto smaller = [&](const auto& negative) {
    double plus = 0, minus = 0;
    for (std::size_t i = 0; i < x.size(); ++i) (negative(i) ? minus : plus) += rank[i];
    return std::min(plus, minus);
  };
  const double mine = smaller([&](std::size_t i) { return x[i] < 0; });
  double as_extreme = 0;
  for (unsigned signs = 0; signs < 1u << x.size(); ++signs)
    as_extreme += smaller([&](std::size_t i) { return (signs >> i & 1) != 0; }) <= mine;
  return as_extreme / std::pow(2.0, static_cast<double>(x.size()));
}

}  // namespace

TEST_CASE("means, intervals and tests of differences are SciPy's") {
  for (const Case& c : cases("differences/")) {
    CAPTURE(c.name);
    const auto &x = c.list("x"), &y = c.list("y");
    const double scale = std::abs(c.number("mean"));
    CHECK(stats::mean(x) == close_to(c.number("mean"), c.number("sd")));
    CHECK(stats::sd(x) == close_to(c.number("sd")));
    CHECK(stats::interquartile_mean(x) == close_to(c.number("trim_mean"), c.number("sd")));
    for (const char* level : {"90", "95", "99"}) {
      CAPTURE(level);
      check_close(stats::t_interval(x, std::stod(level) / 100), c.interval("t" + std::string(level)), scale);
      check_close(stats::welch_interval(x, y, std::stod(level) / 100), c.interval("welch" + std::string(level)), scale);
    }
    CHECK(stats::paired_t_p(x) == Approx(c.number("paired_p")).epsilon(1e-9));
    const stats::Wilcoxon w = stats::wilcoxon(x);
    CHECK(w.statistic == c.list("wilcoxon")[0]);
    CHECK(w.p == close_to(c.list("wilcoxon")[1]));
    CHECK(w.used == x.size());
    CHECK(w.exact);
  }
}

TEST_CASE("signed ranks of ties and zeros are an enumeration of all signs") {
  Rng rng(3, "test/wilcoxon");
  for (std::size_t n = 1; n <= 12; ++n)
    for (int repeat = 0; repeat < 10; ++repeat) {
      std::vector<double> x, nonzero;
      for (std::size_t i = 0; i < n; ++i) x.push_back(0.1 * (static_cast<double>(rng.below(7)) - 3));
      std::copy_if(x.begin(), x.end(), std::back_inserter(nonzero), [](double d) { return d != 0; });
      const stats::Wilcoxon w = stats::wilcoxon(x);
      CAPTURE(x);
      CHECK(w.p == close_to(enumerated_p(nonzero)));
      CHECK(w.used == nonzero.size());
    }
}

TEST_CASE("five pairs cannot have a p below a sixteenth, six can") {
  CHECK(stats::wilcoxon(std::vector<double>{1, 2, 3, 4, 5}).p == 0.0625);
  CHECK(stats::wilcoxon(std::vector<double>{-1, -2, -3, -4, -5, -6}).p == 0.03125);
}

TEST_CASE("signed ranks of many pairs are SciPy's normal approximation") {
  for (const Case& c : cases("many/")) {
    const stats::Wilcoxon w = stats::wilcoxon(c.list("x"));
    CHECK_FALSE(w.exact);
    CHECK(w.statistic == c.list("wilcoxon")[0]);
    CHECK(w.p == close_to(c.list("wilcoxon")[1]));
    const std::vector<double> fewer(c.list("x").begin(), c.list("x").begin() + stats::kExactWilcoxon);
    CHECK(stats::wilcoxon(fewer).exact);
  }
}

TEST_CASE("the exact and the approximate share of signed ranks meet") {
  std::vector<double> x(stats::kExactWilcoxon);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i + 1) * (i % 5 < 2 ? -1 : 1);
  const stats::Wilcoxon exact = stats::wilcoxon(x);
  REQUIRE(exact.exact);
  const double n = static_cast<double>(x.size());
  const double z = (exact.statistic - n * (n + 1) / 4) / std::sqrt(n * (n + 1) * (2 * n + 1) / 24);
  CHECK(exact.p == Approx(std::erfc(-z / std::sqrt(2.0))).epsilon(0.02));
}

TEST_CASE("tests of what does not vary") {
  const std::vector<double> none, one = {0.4}, zeros(5, 0.0), ones(5, 1.0);
  CHECK(std::isnan(stats::paired_t_p(one)));
  CHECK(stats::paired_t_p(zeros) == 1);
  CHECK(stats::paired_t_p(ones) == 0);
  CHECK(std::isnan(stats::wilcoxon(none).p));
  CHECK(stats::wilcoxon(zeros).p == 1);
  CHECK(stats::wilcoxon(zeros).used == 0);
  CHECK(stats::wilcoxon(one).p == 1);
}

TEST_CASE("Holm's adjusted p are statsmodels', and NaN does not count as asked") {
  for (const Case& c : cases("holm/")) {
    CAPTURE(c.name);
    const std::vector<double> ours = stats::holm(c.list("p")), &theirs = c.list("adjusted");
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) CHECK(ours[i] == close_to(theirs[i]));

    std::vector<double> with_holes = {stats::kNaN};
    for (const double p : c.list("p")) with_holes.insert(with_holes.end(), {p, stats::kNaN});
    const std::vector<double> holed = stats::holm(with_holes);
    for (std::size_t i = 0; i < ours.size(); ++i) {
      CHECK(holed[2 * i + 1] == ours[i]);
      CHECK(std::isnan(holed[2 * i]));
    }
  }
  CHECK(stats::holm({}).empty());
}

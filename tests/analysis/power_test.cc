#include "analysis/power.h"

#include <cmath>

#include "analysis/significance.h"
#include "core/rng.h"
#include "tests/analysis/comparisons_fixture.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("power of the paired t test is statsmodels'") {
  for (const Case& c : cases("power/")) {
    CAPTURE(c.name);
    const auto n = static_cast<std::size_t>(c.list("given")[0]);
    const double effect = c.list("given")[1], confidence[] = {0.9, 0.95, 0.99};
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(stats::power_paired(n, 1, effect, confidence[i]) == close_to(c.list("power")[i]));
      CHECK(stats::power_paired(n, 0.01, -0.01 * effect, confidence[i]) == close_to(c.list("power")[i]));
    }
  }
}

TEST_CASE("the least effect and the fewest seeds are those whose power statsmodels finds sufficient") {
  for (const Case& c : cases("smallest/")) {
    CAPTURE(c.name);
    const auto n = static_cast<std::size_t>(c.number("given"));
    for (const int share : {50, 80, 95})
      CHECK(stats::smallest_effect(n, 3, 0.95, 0.01 * share) == Approx(3 * c.number("effect" + std::to_string(share))).epsilon(1e-8));
  }
  for (const Case& c : cases("seeds/"))
    CHECK(stats::seeds_needed(0.2, 0.2 * c.number("given"), 0.95) == static_cast<std::size_t>(c.number("needed")));
}

TEST_CASE("power is what a simulation of the test finds") {
  Rng rng(4, "test/power");
  int found = 0;
  for (int i = 0; i < 4000; ++i) {
    std::vector<double> x(6);
    for (double& d : x) d = 1.2 + rng.normal();
    found += stats::paired_t_p(x) < 0.05;
  }
  const double power = stats::power_paired(6, 1, 1.2, 0.95);
  CHECK(std::abs(found / 4000.0 - power) < 4 * std::sqrt(power * (1 - power) / 4000));
}

TEST_CASE("power far out and at the edges") {
  for (const std::size_t n : {2u, 3u, 7u, 50u, 10'000u}) {
    double before = 0;
    for (double effect = 1e-9; effect < 1e9; effect *= 1.2) {
      CAPTURE(n, effect);
      const double power = stats::power_paired(n, 1, effect, 0.95);
      CHECK((power >= before - 1e-12 && power <= 1 + 1e-12));
      before = power;
    }
    CHECK(before == 1);
  }
  CHECK(std::isnan(stats::power_paired(1, 1, 1, 0.95)));
  CHECK(std::isnan(stats::power_paired(5, stats::kNaN, 1, 0.95)));
  CHECK(std::isnan(stats::power_paired(5, 0, 0, 0.95)));
  CHECK(stats::power_paired(5, 0, 1, 0.95) == 1);
  CHECK(stats::seeds_needed(1, 0, 0.95) == 0);
  CHECK(stats::seeds_needed(1, 0.02, 0.95) == 0);  // about 19,600
  CHECK(stats::seeds_needed(0, 1, 0.95) == 2);
  CHECK(stats::seeds_needed(stats::kNaN, 1, 0.95) == 0);
  CHECK(stats::smallest_effect(5, 0, 0.95) == 0);
  CHECK(stats::smallest_effect(5, 1, 0.95, 0.04) == 0);
  CHECK(std::isnan(stats::smallest_effect(1, 1, 0.95)));
}

// A small form of the coverage study (tests/long/coverage_test.cc, which gives the tables of analysis/README.md): whether intervals hold
// the truth as often as they say. 500 replications: four standard errors of a share of 95% are 3.9%.
#include <cmath>

#include "tests/oracle/duels.h"

using namespace fader;
using namespace fader::testing;

TEST_CASE("primary intervals of eight seeds hold the difference of two policies, a percentile interval too seldom") {
  for (const std::size_t which : {1, 2}) {
    const Duel& duel = duels().at(which);
    CAPTURE(duel.name);
    const std::vector<double> all = differences(duel, 1, 4000);
    const Coverage c = coverage(all, stats::mean(all), 8, 500, 500);
    CHECK(std::abs(c.t - 0.95) < 0.039);
    CHECK(std::abs(c.studentised - 0.95) < 0.039);
    CHECK(c.percentile < 0.92);
    CHECK(c.wilcoxon > 0.45);  // the differences are large
  }
}

TEST_CASE("a policy against itself differs in one experiment of twenty") {
  const std::vector<double> all = differences(even_duels().at(1), 1, 4000);
  const Coverage c = coverage(all, 0, 8, 500, 500);
  CHECK(std::abs(c.t - 0.95) < 0.039);
  CHECK(std::abs(c.studentised - 0.95) < 0.039);
  CHECK(std::abs(c.wilcoxon - 10.0 / 256) < 0.035);  // the share that eight signs can have: 10 of 256 have p <= 0.05
}

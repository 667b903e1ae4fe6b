#include "core/rank_correlation.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace fader;

TEST_CASE("spearman's correlation gives equal numbers the mean of their ranks") {
  const std::vector<double> a = {1, 2, 3, 4, 5}, turned = {5, 4, 3, 2, 1}, grown = {1, 10, 11, 1000, 1e9}, equal = {2, 2, 2, 2, 2};
  CHECK(mean_ranks(std::vector<double>{7, 9, 7, 8}) == std::vector<double>{0.5, 3, 0.5, 2});
  CHECK(spearman(a, a) == Approx(1));
  CHECK(spearman(a, grown) == Approx(1));
  CHECK(spearman(a, turned) == Approx(-1));
  CHECK(std::isnan(spearman(a, equal)));
  // ranks 0.5 0.5 2 3.5 3.5 against 0 1 2 3 4: 9 / sqrt(9 * 10)
  CHECK(spearman(std::vector<double>{7, 7, 8, 9, 9}, a) == Approx(9 / std::sqrt(90.0)));
  CHECK(spearman(std::vector<double>{1, 3, 2, 5, 4}, a) == Approx(1 - 6.0 * 4 / (5 * 24)));
}

// Draws of the dirichlet policy against moments and marginals that are known; its density against closed forms and its integral.
#include <boost/math/special_functions/beta.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "policies/simplex.h"
#include "tests/policies/console.h"

using namespace fader;
using namespace fader::testing;

namespace {

constexpr int kDraws = 40'000;

struct Draws {
  std::vector<std::vector<double>> weights;
  std::vector<double> log_density;
};

Draws draw(const std::vector<double>& concentration, std::size_t agents, int n, std::int64_t hold = 1) {
  const auto context = context_of(agents);
  Console console(make_policy("dirichlet", context,
                              [&](Options& o) {
                                set_option(o, "concentration", concentration);
                                set_option(o, "hold", hold);
                              }),
                  context, 3);
  Draws out;
  for (int i = 0; i < n; ++i) {
    const auto& d = console.decide();
    out.weights.emplace_back(d.weights[0].begin(), d.weights[0].end());
    out.log_density.push_back(d.log_density[0]);
  }
  return out;
}

}  // namespace

TEST_CASE("draws of dirichlet have the moments and marginals of their distribution", "[oracle]") {
  const std::vector<double> c =
      GENERATE(std::vector<double>{2, 3, 5}, std::vector<double>{1, 1, 1}, std::vector<double>{0.3, 0.6, 2});
  const double total = std::accumulate(c.begin(), c.end(), 0.0);
  const auto draws = draw(c, 3, kDraws);
  for (std::size_t k = 0; k < 3; ++k) {
    const double expected = c[k] / total, variance = expected * (1 - expected) / (total + 1);
    double mean = 0, square = 0;
    std::vector<double> sorted;
    for (const auto& w : draws.weights) {
      mean += w[k] / kDraws;
      square += (w[k] - expected) * (w[k] - expected) / kDraws;
      sorted.push_back(w[k]);
    }
    REQUIRE(std::abs(mean - expected) < 4 * std::sqrt(variance / kDraws));
    REQUIRE(square == Approx(variance).epsilon(0.04));
    std::sort(sorted.begin(), sorted.end());
    double distance = 0;  // Kolmogorov and Smirnov: one in 10,000 is above 2.23 / sqrt(n)
    for (std::size_t i = 0; i < sorted.size(); ++i)
      distance = std::max(distance,
                          std::abs(boost::math::ibeta(c[k], total - c[k], sorted[i]) - (static_cast<double>(i) + 0.5) / kDraws));
    REQUIRE(distance < 2.23 / std::sqrt(kDraws));
  }
}

TEST_CASE("the density that dirichlet logs is the density", "[oracle]") {
  for (const double x : draw({1}, 3, 100).log_density) REQUIRE(x == Approx(std::log(2.0)));  // uniform on a triangle of area 1/2
  const auto beta = draw({2, 3}, 2, 100);
  for (std::size_t i = 0; i < 100; ++i) {
    const double a = beta.weights[i][0];
    REQUIRE(beta.log_density[i] == Approx(std::log(12 * a * (1 - a) * (1 - a))));
  }
  // It integrates to one: the mean of 1 / density over draws is the area of what is drawn from.
  double area = 0;
  for (const double x : draw({1.2, 1.5, 1.3}, 3, kDraws).log_density) area += std::exp(-x) / kDraws;
  REQUIRE(area == Approx(0.5).epsilon(0.02));
}

TEST_CASE("dirichlet near the corners stays on the simplex with a finite density", "[oracle]") {
  const auto draws = draw({0.01}, 8, 2000);
  for (std::size_t i = 0; i < draws.weights.size(); ++i) {
    REQUIRE(simplex::is_on(draws.weights[i]));
    REQUIRE(std::isfinite(draws.log_density[i]));
  }
}

TEST_CASE("dirichlet holds a draw as long as it is told", "[oracle]") {
  const auto held = draw({1}, 3, 12, 3), always = draw({1}, 3, 12, 0);
  for (std::size_t t = 1; t < 12; ++t) {
    REQUIRE((held.weights[t] == held.weights[t - 1]) == (t % 3 != 0));
    REQUIRE((held.log_density[t] == 0) == (t % 3 != 0));
    REQUIRE(always.weights[t] == always.weights[0]);
    REQUIRE(always.log_density[t] == 0);
  }
  const auto context = context_of(3);
  Console console(make_policy("dirichlet", context, [](Options& o) { set_option<std::int64_t>(o, "hold", 0); }), context, 5);
  const double first = console.decide().weights[0][0];
  console.begin();
  REQUIRE(console.decide().weights[0][0] != first);
}

TEST_CASE("dirichlet refuses concentrations that do not fit the agents", "[oracle]") {
  REQUIRE_THROWS_WITH(make_policy("dirichlet", context_of(3),
                                  [](Options& o) {
                                    set_option<std::vector<double>>(o, "concentration", {1, 2});
                                  }),
                      Catch::Contains("concentration: 2 numbers for 3 agents"));
}

// Factors and regressions against direct elimination, and over many updates.
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/rng.h"
#include "policies/linear_algebra.h"
#include "policies/ridge.h"
#include "tests/policies/elimination.h"

using namespace fader;
using namespace fader::testing;

namespace {

std::vector<double> random_vector(std::size_t d, Rng& rng, double scale = 1) {
  std::vector<double> x(d);
  for (double& v : x) v = scale * rng.normal();
  return x;
}

}  // namespace

TEST_CASE("a factor solves what elimination solves, made whole or by updates", "[policies]") {
  Rng rng(1, "cholesky");
  for (const std::size_t d : {1, 2, 7, 20}) {
    const double ridge = 0.3;
    Matrix a = diagonal(d, ridge);
    std::vector<double> packed(packed::size(d), 0.0), whole(packed), updated(packed);
    for (std::size_t i = 0; i < d; ++i) updated[packed::size(i) + i] = std::sqrt(ridge);
    for (int n = 0; n < 30; ++n) {
      const auto x = random_vector(d, rng);
      add_outer(a, 1, x);
      packed::add_outer(packed, 1, x);
      auto used_up = x;
      packed::update(updated, used_up);
    }
    REQUIRE(packed::factor(packed, ridge, whole, d));
    const auto b = random_vector(d, rng), expected = eliminate(a, b);
    for (const auto& l : {whole, updated}) {
      auto x = b;
      packed::solve_lower(l, x);
      packed::solve_upper(l, x);
      for (std::size_t i = 0; i < d; ++i) REQUIRE(x[i] == Approx(expected[i]).epsilon(1e-10).margin(1e-12));
    }
    REQUIRE(packed::quadratic(packed, b) == Approx(dot(times(a, b), b) - ridge * dot(b, b)));
  }
}

TEST_CASE("outer products fade", "[policies]") {
  std::vector<double> a = {1, 2, 3};
  packed::add_outer(a, 0.5, std::vector<double>{2, 3});
  REQUIRE(a == std::vector<double>{0.5 + 4, 1 + 6, 1.5 + 9});
}

TEST_CASE("what is not definite is said to be so, and lifted", "[policies]") {
  std::vector<double> l(3);
  REQUIRE_FALSE(packed::factor(std::vector<double>{1, 2, 1}, 0.1, l, 2));
  REQUIRE(l[2] > 0);
  REQUIRE_FALSE(packed::factor(std::vector<double>{std::nan(""), 0, 1}, 0.1, l, 2));
  REQUIRE(packed::factor(std::vector<double>{0, 0, 0}, 0.1, l, 2));
}

TEST_CASE("a regression is the direct one, step by step", "[policies]") {
  constexpr std::size_t kSize = 4;
  Ridge ridge(kSize, 0.5);
  Matrix a = diagonal(kSize, 0.5);
  std::vector<double> b(kSize, 0.0);
  Rng rng(2, "ridge");
  for (int n = 0; n < 100; ++n) {
    const auto x = random_vector(kSize, rng);
    REQUIRE(ridge.mean(x) == Approx(dot(x, eliminate(a, b))).margin(1e-12));
    REQUIRE(ridge.variance(x) == Approx(dot(x, eliminate(a, x))));
    const double reward = rng.normal();
    ridge.learn(x, reward);
    add_outer(a, 1, x);
    for (std::size_t i = 0; i < kSize; ++i) b[i] += reward * x[i];
  }
  REQUIRE(ridge.pulls() == 100);
}

// Numbers of very different size, nearly along one line: an inverse that is updated itself goes astray here.
TEST_CASE("a regression stays definite over 100,000 updates", "[policies]") {
  constexpr std::size_t kSize = 8;
  Ridge ridge(kSize, 1e-3);
  Rng rng(3, "ridge");
  const auto line = random_vector(kSize, rng, 1e6);
  for (int n = 0; n < 100000; ++n) {
    auto x = random_vector(kSize, rng, 1e-2);
    for (std::size_t i = 0; i < kSize; ++i) x[i] += line[i];
    ridge.learn(x, rng.uniform());
  }
  for (int n = 0; n < 1000; ++n) {
    const auto x = random_vector(kSize, rng);
    REQUIRE((ridge.variance(x) > 0 && ridge.variance(x) < dot(x, x) / 1e-3));
    REQUIRE(std::isfinite(ridge.mean(x)));
  }
  // Across the line 100,000 times 1e-4 was seen; along it one is as good as certain.
  REQUIRE(ridge.variance(line) == Approx(1e-5).epsilon(0.05));
}

TEST_CASE("a state that is no regression is refused", "[policies]") {
  Ridge ridge(3, 1);
  ridge.learn(std::vector<double>{1, 2, 3}, 1);
  Archive archive;
  ridge.state(archive);
  const auto with = [&](double odd, std::size_t at) {
    std::string bytes = archive.bytes();
    const auto first = bytes.find("factor") + 6 + 8;
    std::copy_n(reinterpret_cast<const char*>(&odd), sizeof odd, bytes.begin() + static_cast<std::ptrdiff_t>(first + at * sizeof odd));
    Archive loading(bytes);
    Ridge other(3, 1);
    other.state(loading);
  };
  REQUIRE_NOTHROW(with(1.5, 0));
  for (const double odd : {0.0, -1.0, 1e-20, std::nan(""), std::numeric_limits<double>::max()}) REQUIRE_THROWS_AS(with(odd, 0), DataError);
  REQUIRE_THROWS_AS(with(1e40, 1), DataError);
}

// The seed consoles against their equations, worked out here from the whole history, and against what is known of them.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "env/credit.h"
#include "policies/scaler.h"
#include "policies/simplex.h"
#include "tests/policies/console.h"

using namespace fader;
using namespace fader::testing;

namespace {

using Credit = std::vector<double>;

Console console(const std::string& name, std::size_t agents, const std::function<void(Options&)>& set = {}) {
  const auto context = context_of(agents, 1, 400);
  return Console(make_policy(name, context, set), context, 1);
}

void hear(Console& c, const Credit& credit) {
  c.decide();
  Grid<double> grid(1, credit.size());
  std::copy(credit.begin(), credit.end(), grid[0].begin());
  c.learn({0.0}, grid);
}

std::vector<double> theta(Console& c) {
  const auto row = c.decide().diagnostics[0];
  return {row.begin(), row.end() - 1};
}
double cut(Console& c) { return c.decide().diagnostics[0].back(); }
std::vector<double> weights(Console& c) {
  const auto row = c.decide().weights[0];
  return {row.begin(), row.end()};
}

std::vector<Credit> history(std::size_t agents, int decisions, double scale, std::uint64_t seed) {
  Rng rng(seed, "test/seed");
  std::vector<Credit> out;
  for (int t = 0; t < decisions; ++t) {
    out.emplace_back();
    for (std::size_t k = 0; k < agents; ++k) out.back().push_back(scale * rng.normal());
  }
  return out;
}

}  // namespace

TEST_CASE("seed_paper is equation 8: theta is 1/K plus eta times all that each agent earned above the mean") {
  const double eta = 0.3;
  auto c = console("seed_paper", 4, [&](Options& o) { set_option(o, "eta", eta), set_option(o, "floor_passages", 0.0); });
  CHECK(weights(c) == std::vector<double>(4, 0.25));
  const auto all = history(4, 60, 0.2, 5);
  bool outside = false;
  for (std::size_t t = 0; t < all.size(); ++t) {
    hear(c, all[t]);
    std::vector<double> sum(4, 0.0);
    double everything = 0;
    for (std::size_t s = 0; s <= t; ++s)
      for (std::size_t k = 0; k < 4; ++k) sum[k] += all[s][k], everything += all[s][k];
    const auto now = theta(c);
    double positive = 0, negative = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      REQUIRE(now[k] == Approx(0.25 + eta * (sum[k] - everything / 4)).margin(1e-12));
      positive += std::max(now[k], 0.0);
      negative += std::max(-now[k], 0.0);
    }
    REQUIRE(std::accumulate(now.begin(), now.end(), 0.0) == Approx(1));  // the rule keeps the sum, and nothing else
    REQUIRE(cut(c) == Approx(negative).margin(1e-12));
    for (std::size_t k = 0; k < 4; ++k) REQUIRE(weights(c)[k] == Approx(std::max(now[k], 0.0) / positive).margin(1e-12));
    outside |= negative > 0;
  }
  CHECK(outside);
}

TEST_CASE("an agent without credit counts as the mean, and no credit at all changes nothing") {
  auto c = console("seed_paper", 3), f = console("seed_fixed", 3);
  const double none = std::nan("");
  hear(c, {0.1, none, 0.3});
  CHECK(theta(c)[0] == Approx(1.0 / 3 - 0.1));
  CHECK(theta(c)[1] == Approx(1.0 / 3));
  CHECK(theta(c)[2] == Approx(1.0 / 3 + 0.1));
  const auto before = theta(c);
  hear(c, {none, none, none});
  CHECK(theta(c) == before);
  hear(f, {none, none, none});
  for (const double t : theta(f)) CHECK(t == Approx(1.0 / 3));
}

TEST_CASE("the floor is on what is executed, not on theta") {
  auto c = console("seed_paper", 3, [](Options& o) { set_option(o, "eta", 1.0); });
  hear(c, {0, 0, 3});
  CHECK(theta(c)[2] == Approx(1.0 / 3 + 2));
  CHECK(theta(c)[0] == Approx(1.0 / 3 - 1));
  CHECK(cut(c) == Approx(4.0 / 3));
  CHECK(weights(c)[0] == Approx(8.0 / 400));
  CHECK(weights(c)[2] == Approx(1 - 16.0 / 400));
  hear(c, {3, 3, 0});
  for (const double t : theta(c)) CHECK(t == Approx(1.0 / 3));  // what was cut was not lost
}

TEST_CASE("seed_fixed projects on the simplex, agent by agent as it is nearest") {
  auto c = console("seed_fixed", 3, [](Options& o) { set_option(o, "eta", 0.5), set_option(o, "floor_passages", 0.0); });
  // theta + eta (R - mean): (1/3 + 1/3, 1/3, 1/3 - 1/3), on the simplex
  hear(c, {2.0 / 3, 0, -2.0 / 3});
  CHECK(theta(c)[0] == Approx(2.0 / 3));
  CHECK(theta(c)[1] == Approx(1.0 / 3));
  CHECK(theta(c)[2] == Approx(0).margin(1e-12));
  // (2/3 + 0.4, 1/3, -0.4): nearest is (2/3 + 0.4 - s, 1/3 - s, 0) with s = 0.2
  hear(c, {0.8, 0, -0.8});
  CHECK(theta(c)[0] == Approx(2.0 / 3 + 0.2));
  CHECK(theta(c)[1] == Approx(1.0 / 3 - 0.2));
  CHECK(theta(c)[2] == 0);
  CHECK(cut(c) == 0);
}

TEST_CASE("seed_fixed exponentiated is the softmax of all that was earned") {
  const double eta = 0.2;
  auto c = console("seed_fixed", 4, [&](Options& o) { set_option(o, "form", std::string("exponentiated")), set_option(o, "eta", eta); });
  std::vector<double> sum(4, 0.0);
  for (const Credit& credit : history(4, 40, 1.0, 8)) {
    hear(c, credit);
    double total = 0;
    for (std::size_t k = 0; k < 4; ++k) sum[k] += credit[k];
    for (const double s : sum) total += std::exp(eta * s);
    for (std::size_t k = 0; k < 4; ++k) REQUIRE(theta(c)[k] == Approx(std::exp(eta * sum[k]) / total).epsilon(1e-9));
  }
}

TEST_CASE("seed_fixed comes to the best agent, in either form, and leaves it when another becomes best") {
  for (const std::string form : {"projection", "exponentiated"})
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      auto c = console("seed_fixed", 5, [&](Options& o) { set_option(o, "form", form); });
      const auto scaler = make_credit_scaler("agents_zscore");
      Rng rng(seed, "test/best");
      const auto play = [&](std::size_t best, int decisions) {
        for (int t = 0; t < decisions; ++t) {
          Credit credit, se(5, 0.1);
          for (std::size_t k = 0; k < 5; ++k) credit.push_back((k == best ? 1.0 : 0.2) + 0.3 * rng.normal());
          scaler->scale(credit, se);
          hear(c, credit);
        }
      };
      INFO(form << ", seed " << seed);
      play(3, 80);
      CHECK(weights(c)[3] > 0.8);
      for (const double w : weights(c)) CHECK(w >= 8.0 / 400 - 1e-15);
      play(1, 400);
      CHECK(weights(c)[1] > 0.8);
    }
}

TEST_CASE("seed_code moves theta by signed powers and divides by the sum, whatever comes of it") {
  auto c = console("seed_code", 3, [](Options& o) { set_option(o, "beta", 2.0); });
  hear(c, {0.5, -0.3, std::nan("")});
  const double sum = 1 + 0.25 - 0.09;
  CHECK(theta(c)[0] == Approx((1.0 / 3 + 0.25) / sum));
  CHECK(theta(c)[1] == Approx((1.0 / 3 - 0.09) / sum));
  CHECK(theta(c)[2] == Approx(1.0 / 3 / sum));
  // a sum below zero turns all signs: the defect is reproduced
  auto turned = console("seed_code", 2);
  hear(turned, {-3.0, 0.5});  // (-2.5, 1) / -1.5
  CHECK(theta(turned)[0] == Approx(2.5 / 1.5));
  CHECK(theta(turned)[1] == Approx(-1 / 1.5));
  CHECK(weights(turned)[0] == Approx(1 - 8.0 / 400));
}

TEST_CASE("a theta without bound is refused with advice, and left as it was") {
  auto c = console("seed_paper", 2, [](Options& o) { set_option(o, "eta", 1e9); });
  hear(c, {1.0, 0.0});
  const auto before = theta(c);
  c.decide();
  Grid<double> huge(1, 2);
  huge[0][0] = 1e300;
  huge[0][1] = -1e300;
  CHECK_THROWS_WITH(c.learn({0.0}, huge), Catch::Contains("agents_zscore"));
  CHECK(theta(c) == before);
}

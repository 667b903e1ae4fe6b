// The distributions of networks' numbers: gradients against differences, densities of what is executed.
#include "policies/head.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "policies/simplex.h"
#include "tests/policies/console.h"

using namespace fader;
using namespace fader::testing;

namespace {

std::unique_ptr<Head> head_of(const std::string& distribution, std::size_t agents, std::int64_t picks = 0) {
  HeadOptions options;
  options.distribution = distribution;
  return make_head(options, context_of(agents, 1, picks));
}

std::vector<float> random_numbers(std::size_t n, Rng& rng) {
  std::vector<float> f(n);
  for (float& x : f) x = static_cast<float>(rng.normal());
  return f;
}

}  // namespace

TEST_CASE("a head's gradient agrees with differences") {
  const std::string distribution = GENERATE("categorical", "logistic_normal", "dirichlet");
  const std::size_t agents = GENERATE(2, 4);
  CAPTURE(distribution, agents);
  const auto head = head_of(distribution, agents, 1000);
  Rng rng(3, distribution);
  for (int round = 0; round < 20; ++round) {
    const auto f = random_numbers(head->parameters(), rng);
    std::vector<double> action(head->size());
    head->draw(f, rng, action);
    REQUIRE(head->possible(action));
    const double a = rng.normal(), b = rng.normal();
    std::vector<float> slope(f.size());
    head->slope(f, action, a, b, slope);
    for (std::size_t i = 0; i < f.size(); ++i) {
      auto up = f, down = f;
      up[i] += 0.01f;
      down[i] -= 0.01f;
      const auto value = [&](const std::vector<float>& at) { return a * head->log_density(at, action) + b * head->entropy(at); };
      const double step = static_cast<double>(up[i]) - static_cast<double>(down[i]);
      REQUIRE(static_cast<double>(slope[i]) == Approx((value(up) - value(down)) / step).margin(3e-3).epsilon(3e-3));
    }
  }
}

TEST_CASE("a head diverges from itself by nothing, from others by the mean logarithm of the ratio") {
  const std::string distribution = GENERATE("categorical", "logistic_normal", "dirichlet");
  CAPTURE(distribution);
  const auto head = head_of(distribution, 3);
  Rng rng(4, distribution);
  const auto f = random_numbers(head->parameters(), rng), g = random_numbers(head->parameters(), rng);
  CHECK(head->divergence(f, f) == Approx(0).margin(1e-9));
  std::vector<double> action(head->size());
  double mean = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    head->draw(f, rng, action);
    mean += (head->log_density(f, action) - head->log_density(g, action)) / kDraws;
  }
  CHECK(head->divergence(f, g) == Approx(mean).epsilon(0.05).margin(0.01));
}

TEST_CASE("a density is that of the weights that are executed") {
  // The chance of weights within a small box, counted and by the logged density.
  const std::string distribution = GENERATE("logistic_normal", "dirichlet");
  CAPTURE(distribution);
  const auto head = head_of(distribution, 3, 100);  // least weight 0.08
  Rng rng(5, distribution);
  const auto f = random_numbers(head->parameters(), rng);
  std::vector<double> action(head->size()), w(3);
  double inside = 0, expected = 0;
  constexpr int kDraws = 400'000;
  for (int i = 0; i < kDraws; ++i) {
    head->draw(f, rng, action);
    head->weights(action, w);
    REQUIRE((simplex::is_on(w) && w[0] >= 0.08 && w[1] >= 0.08 && w[2] >= 0.08));
    if (std::abs(w[0] - 0.3) > 0.05 || std::abs(w[1] - 0.35) > 0.05) continue;
    ++inside;
    expected += std::exp(-head->log_density(f, action));  // the area, estimated from within
  }
  CHECK(expected / kDraws == Approx(0.01).epsilon(0.03));
  CHECK(inside > 1000);
}

TEST_CASE("options of heads that do not fit each other are refused") {
  HeadOptions options;
  options.presets_list = {{0.5, 0.5}, {1, 0}};
  options.presets = "lattice";
  REQUIRE_THROWS_AS(options.validate(), ConfigError);
  options.presets = "vertices";
  REQUIRE_NOTHROW(options.validate());
  options.distribution = "dirichlet";
  REQUIRE_THROWS_AS(options.validate(), ConfigError);
}

// ADO against laws that are known, an independent computation of its rule, and a learning curve whose best mix is known.
#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

#include "policies/power_law.h"
#include "tests/oracle/learning_curves.h"

using namespace fader;
using namespace fader::testing;

namespace {

std::optional<PowerLaw> fitted(const PowerLaw& law, int moments, double noise, std::uint64_t seed) {
  Rng rng(seed, "noise");
  std::vector<double> n, loss;
  for (int i = 1; i <= moments; ++i) {
    n.push_back(i);
    loss.push_back(law.at(i) * std::exp(noise * rng.normal()));
  }
  return fit_power_law(n, loss);
}

}  // namespace

TEST_CASE("the fit finds a law from losses without noise", "[oracle]") {
  const auto law = GENERATE(PowerLaw{2, 5, 0.3}, PowerLaw{1.2, 0.8, 0.7}, PowerLaw{0.5, 9, 0.15}, PowerLaw{3, 3, 0.5});
  const int moments = GENERATE(12, 60);
  const auto found = fitted(law, moments, 0, 1);
  REQUIRE(found);
  CAPTURE(found->e, found->b, found->a);
  REQUIRE(found->a == Approx(law.a).epsilon(0.02));
  REQUIRE(found->b == Approx(law.b).epsilon(0.02));
  REQUIRE(found->e == Approx(law.e).epsilon(0.05));
  REQUIRE(found->speed(moments) == Approx(law.a * law.b * std::pow(moments, -law.a - 1)).epsilon(0.01));
}

TEST_CASE("the fit stands noise and outliers", "[oracle]") {
  const PowerLaw law{2, 5, 0.4};
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto found = fitted(law, 80, 0.005, seed);
    CAPTURE(seed, found->e, found->b, found->a);
    REQUIRE(found->a == Approx(law.a).margin(0.1));
    REQUIRE(found->at(80) == Approx(law.at(80)).epsilon(0.005));
    REQUIRE(found->speed(80) == Approx(law.speed(80)).epsilon(0.15));
  }
  std::vector<double> n, loss;
  for (int i = 1; i <= 40; ++i) {
    n.push_back(i);
    loss.push_back(law.at(i) * (i % 10 == 0 ? 3 : 1));
  }
  REQUIRE(fit_power_law(n, loss)->a == Approx(law.a).epsilon(0.05));  // squares in place of Huber's loss would not
}

TEST_CASE("a law needs four losses, and a flat curve has none to speak of", "[oracle]") {
  const std::vector<double> n = {1, 2, 3, 4, 5, 6}, flat(6, 2.5), rising = {1, 1.1, 1.2, 1.3, 1.4, 1.5};
  REQUIRE_FALSE(fit_power_law(std::span(n).first(3), std::span(flat).first(3)));
  for (const auto& loss : {flat, rising}) {
    const auto law = fit_power_law(n, loss);
    REQUIRE(law);
    REQUIRE((law->a > 0 && law->b > 0 && law->e > 0));
    REQUIRE(law->speed(6) < 0.01);
  }
}

// The rule once more, from the whole history and the laws alone.
TEST_CASE("ado agrees with its definition, step by step", "[oracle]") {
  const auto context = context_of(3, 1, 200);
  const std::vector<double> prior = {0.5, 0.3, 0.2};
  Episodes episodes("ado", context, 1, [&](Options& o) { set_option(o, "prior", prior); });
  const std::vector<PowerLaw> laws = {{2, 3, 0.2}, {1, 6, 0.5}, {2.5, 1, 0.7}};
  std::vector<std::vector<double>> played, losses(3), preferences;
  const auto world = [&](const Moment& m) {
    played.emplace_back(m.weights.begin(), m.weights.end());
    for (std::size_t k = 0; k < 3; ++k)
      m.credit[k] = laws[k].at(m.t + 1) * (1 + 0.002 * std::sin(7 * m.t + static_cast<double>(k)));
    if (m.t == 3) m.credit[1] = std::nan("");
    for (std::size_t k = 0; k < 3; ++k) losses[k].push_back(m.credit[k]);
    return 0.0;
  };
  episodes.round(30, world);
  const double least = 8.0 / 200;
  for (std::size_t t = 0; t < played.size(); ++t) {
    std::vector<double> p = prior;
    if (t >= 5) {
      std::vector<double> rho(3), v(3, std::nan(""));
      for (std::size_t k = 0; k < 3; ++k) {
        std::vector<double> n, loss;
        for (std::size_t i = 1; i < t; ++i)
          if (!std::isnan(losses[k][i])) {
            n.push_back(static_cast<double>(i + 1));
            loss.push_back(losses[k][i]);
          }
        if (const auto law = fit_power_law(n, loss))
          v[k] = std::max(law->a, 0.05) * (law->at(static_cast<double>(t)) - law->e) / static_cast<double>(t);
      }
      if (std::isnan(v[1])) v[1] = (v[0] + v[2]) / 2;
      for (std::size_t k = 0; k < 3; ++k) {
        double h = std::pow(0.5, t) * prior[k];
        for (std::size_t i = 0; i < t; ++i) h += std::pow(0.5, t - i) * played[i][k];
        rho[k] = prior[k] * std::sqrt(h) * v[k];
      }
      const double total = rho[0] + rho[1] + rho[2];
      for (double& x : rho) x = std::max(x / total, 0.01);
      const double again = rho[0] + rho[1] + rho[2];
      for (double& x : rho) x /= again;
      // The history is a recursion with rates 1 / (t + 1): from the prior, which counts for as long as the warm-up took.
      for (std::size_t k = 0; k < 3; ++k) {
        double sum = 5 * prior[k];
        for (const auto& old : preferences) sum += old[k];
        p[k] = 0.9 * sum / static_cast<double>(t) + 0.1 * rho[k];
      }
      preferences.push_back(rho);
    }
    for (std::size_t k = 0; k < 3; ++k) REQUIRE(played[t][k] == Approx((1 - 3 * least) * p[k] + least).epsilon(1e-9));
  }
}

TEST_CASE("ado comes nearer to the best mix than its prior", "[oracle]") {
  const CurveWorld world = curve_world();
  const auto best = world.best_mix(60);
  double found = 0, even = 0, reached = 0, uniform = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Episodes episodes("ado", context_of(4), seed);
    const auto [weights, loss] = play_curves(episodes, world, 60, seed);
    found += distance_of(weights, best) / 10;
    even += distance_of(std::vector<double>(4, 0.25), best) / 10;
    reached += loss / 10;
    uniform += world.final_loss(std::vector<double>(4, 0.25), 60) / 10;
  }
  INFO("distance: ado " << found << ", uniform " << even << "; mean loss: ado " << reached << ", uniform " << uniform << ", best "
                        << world.final_loss(best, 60));
  REQUIRE(found < 0.75 * even);
  REQUIRE(uniform - reached > 0.4 * (uniform - world.final_loss(best, 60)));
}

TEST_CASE("ado refuses what is no loss", "[oracle]") {
  Episodes episodes("ado", context_of(2), 1);
  REQUIRE_THROWS_WITH(episodes.round(1,
                                     [](const Moment& m) {
                                       m.credit[1] = -1;
                                       return 0.0;
                                     }),
                      Catch::Contains("expected numbers above 0"));
  REQUIRE_THROWS_AS(
      make_policy("ado", context_of(2), [](Options& o) { set_option<std::string>(o, "credit_scaler", "agents_minmax"); }),
      ConfigError);
}

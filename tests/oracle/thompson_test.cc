// Thompson sampling against computations from the whole history, closed forms for two arms, a regret bound, means that change.
#include <boost/math/distributions/chi_squared.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/oracle/bandit_play.h"

using namespace fader;
using namespace fader::testing;

namespace {

double below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

struct Past {
  std::vector<std::size_t> arm;
  std::vector<double> reward;

  double weight(double gamma, std::size_t s) const { return std::pow(gamma, static_cast<double>(arm.size() - 1 - s)); }
  // Of an arm's plays among the first `upto`, as they weighed when the last of all was learned.
  double count(double gamma, std::size_t a, std::size_t upto) const {
    double n = 0;
    for (std::size_t s = 0; s < upto; ++s) n += arm[s] == a ? weight(gamma, s) : 0;
    return n;
  }
  double sum(double gamma, std::size_t a, std::size_t upto) const {
    double total = 0;
    for (std::size_t s = 0; s < upto; ++s) total += arm[s] == a ? weight(gamma, s) * reward[s] : 0;
    return total;
  }
  // d^2 as the policy's head says, from every error there ever was.
  double noise_variance(double gamma, double guess) const {
    double errors = 0, squares = 0;
    for (std::size_t s = 0; s < arm.size(); ++s) {
      const double before = count(gamma, arm[s], s);
      if (before == 0) continue;
      const double n = before / weight(gamma, s), error = reward[s] - sum(gamma, arm[s], s) / before;
      errors += weight(gamma, s);
      squares += weight(gamma, s) * error * error * n / (n + 1);
    }
    return (guess * guess + squares) / (1 + errors);
  }
};

struct Believed {
  double mean, deviation;
};
Believed gaussian(const Past& past, double gamma, std::size_t arm, double m, double v, double noise) {
  const double precision = 1 / v + past.count(gamma, arm, past.arm.size()) / noise;
  return {(m / v + past.sum(gamma, arm, past.arm.size()) / noise) / precision, 1 / std::sqrt(precision)};
}

std::vector<double> shares(Console& console, int draws) {
  std::vector<double> count(console.policy().spec().arms, 0);
  for (int i = 0; i < draws; ++i) ++count[static_cast<std::size_t>(console.decide().arm[0])];
  return count;
}

}  // namespace

TEST_CASE("gaussian thompson agrees with its definition, step by step", "[oracle]") {
  const std::string name = GENERATE("thompson", "discounted_thompson"), variant = GENERATE("gaussian", "agrawal_goyal");
  const bool estimate = GENERATE(true, false);
  CAPTURE(name, variant, estimate);
  const double gamma = name == "thompson" ? 1 : 0.95;
  const bool plain = variant == "agrawal_goyal";
  const double m = plain ? 0 : 0.4, v = plain ? 1 : 0.2, guess = plain ? 1 : 0.3;
  const auto context = context_of(2);
  Console console(make_policy(name, context,
                              [&](Options& o) {
                                set_option(o, "variant", variant);
                                set_option(o, "estimate_noise", estimate);
                                set_option(o, "prior_mean", 0.4);
                                set_option(o, "prior_variance", 0.2);
                                set_option(o, "noise", 0.3);
                              }),
                  context, 3);
  Past past;
  for (int t = 0; t < 150; ++t) {
    const auto& d = console.decide();
    const auto arm = static_cast<std::size_t>(d.arm[0]);
    const double noise = estimate && !plain ? past.noise_variance(gamma, guess) : guess * guess;
    const Believed first = gaussian(past, gamma, 0, m, v, noise), second = gaussian(past, gamma, 1, m, v, noise);
    REQUIRE(d.probability[0][0] == Approx(below((first.mean - second.mean) / std::hypot(first.deviation, second.deviation))).margin(1e-9));
    REQUIRE(d.log_density[0] == Approx(std::log(d.probability[0][arm])));
    REQUIRE(d.diagnostics[0][0] == Approx(arm == 0 ? first.mean : second.mean).epsilon(1e-9));
    REQUIRE(d.diagnostics[0][1] == Approx(arm == 0 ? first.deviation : second.deviation).epsilon(1e-9));
    REQUIRE(d.diagnostics[0][2] == Approx(past.count(gamma, arm, past.arm.size())).margin(1e-12));
    REQUIRE(d.diagnostics[0][4] == Approx(std::sqrt(noise)).epsilon(1e-9));
    past.arm.push_back(arm);
    past.reward.push_back(0.5 + 0.1 * static_cast<double>(arm) + 0.2 * console.world().normal());
    console.learn({past.reward.back()});
  }
}

TEST_CASE("the noise that thompson estimates is the noise that there is", "[oracle]") {
  const auto context = context_of(3);
  Console console(make_policy("thompson", context), context, 5);
  for (int t = 0; t < 4000; ++t) {
    const double arm = static_cast<double>(console.decide().arm[0]);
    console.learn({arm + 0.15 * console.world().normal()});
  }
  REQUIRE(console.decide().diagnostics[0][4] == Approx(0.15).epsilon(0.05));
}

// Successes alone: P(Beta(a, 1) > Beta(b, 1)) = a / (a + b); and F = x^a of more arms multiply.
TEST_CASE("beta thompson agrees with its definition, step by step", "[oracle]") {
  const std::string name = GENERATE("thompson", "discounted_thompson");
  const double gamma = name == "thompson" ? 1 : 0.95;
  const auto context = context_of(4);
  Console console(make_policy(name, context, [](Options& o) { set_option<std::string>(o, "variant", "beta"); }), context, 7);
  Past past;
  for (int t = 0; t < 60; ++t) {
    const auto& d = console.decide();
    const auto arm = static_cast<std::size_t>(d.arm[0]);
    std::vector<double> a(4);
    for (std::size_t k = 0; k < 4; ++k) a[k] = 1 + past.sum(gamma, k, past.arm.size());
    const double total = std::accumulate(a.begin(), a.end(), 0.0);
    for (std::size_t k = 0; k < 4; ++k) REQUIRE(d.probability[0][k] == Approx(a[k] / total).margin(1e-9));
    REQUIRE(d.diagnostics[0][0] == Approx(a[arm] / (a[arm] + 1)));
    past.arm.push_back(arm);
    past.reward.push_back(1);
    console.learn({1});
  }
  const auto& failing = console.decide();
  const auto arm = static_cast<std::size_t>(failing.arm[0]);
  const double a = 1 + past.sum(gamma, arm, past.arm.size()), mean = a / (a + 1);
  REQUIRE(failing.diagnostics[0][0] == Approx(mean));
  console.learn({0});
  const double after = 1 + gamma * (a - 1);
  for (int i = 0; i < 200 && console.decide().arm[0] != static_cast<std::int64_t>(arm); ++i) {}
  REQUIRE(console.decided().arm[0] == static_cast<std::int64_t>(arm));
  REQUIRE(console.decided().diagnostics[0][0] == Approx(after / (after + 2)));
}

TEST_CASE("beta thompson learns a reward as one as often as it is worth", "[oracle]") {
  const auto context = context_of(1);
  Console console(make_policy("thompson", context, [](Options& o) { set_option<std::string>(o, "variant", "beta"); }), context, 9);
  constexpr int kPlays = 9999;  // times 0.3 is no whole number
  for (int t = 0; t < kPlays; ++t) {
    console.decide();
    console.learn({0.3});
  }
  const double ones = console.decide().diagnostics[0][0] * (kPlays + 2) - 1;
  REQUIRE(ones == Approx(std::round(ones)).margin(1e-6));
  REQUIRE(std::abs(ones - 0.3 * kPlays) < 4 * std::sqrt(0.21 * kPlays));
}

TEST_CASE("beta thompson refuses what is not in the unit interval, and keeps none of it", "[oracle]") {
  const auto context = context_of(2, 2);
  Console console(make_policy("thompson", context, [](Options& o) { set_option<std::string>(o, "variant", "beta"); }), context, 9);
  console.decide();
  Archive before, after;
  console.policy().state(before);
  REQUIRE_THROWS_WITH(console.learn({0.5, 1.01}), Catch::Contains("learns from [0, 1]"));
  console.policy().state(after);
  REQUIRE(before.bytes() == after.bytes());
  REQUIRE_THROWS_WITH(make_policy("thompson", context,
                                  [](Options& o) {
                                    set_option<std::string>(o, "variant", "beta");
                                    set_option<std::string>(o, "scaler", "ema_zscore");
                                  }),
                      Catch::Contains("scaler is 'ema_zscore'"));
}

// Kaufmann, Korda and Munos (2012): of Bernoulli rewards the regret grows like ln T sum (mu* - mu) / kl(mu, mu*), the least possible.
TEST_CASE("beta thompson comes near the least possible regret where uniform play is far above", "[oracle]") {
  constexpr std::int64_t kHorizon = 10000;
  constexpr int kSeeds = 20;
  const std::vector<double> means = {0.3, 0.4, 0.5, 0.8};
  double least = 0, uniform = 0;
  for (const double m : means) {
    if (m == 0.8) continue;
    least += std::log(kHorizon) * (0.8 - m) / (m * std::log(m / 0.8) + (1 - m) * std::log((1 - m) / 0.2));
    uniform += (0.8 - m) / 4 * kHorizon;
  }
  const auto env = make_env("bandit-v0", bandit_options(means, kHorizon));
  double regret = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
    regret += play_bandit(*env, *make_policy("thompson", context_of(4),
                                             [](Options& o) {
                                               set_option<std::string>(o, "variant", "beta");
                                               set_option(o, "propensity", false);
                                             }),
                          seed).total_regret / kSeeds;
  INFO("regret " << regret << ", ln T sum gap / kl " << least << ", uniform " << uniform);
  REQUIRE(regret < 1.5 * least);
  REQUIRE(uniform > 20 * least);
}

TEST_CASE("every variant of thompson finds the best of four, drawn either way", "[oracle]") {
  const std::string variant = GENERATE("gaussian", "agrawal_goyal", "beta");
  const bool propensity = GENERATE(true, false);
  CAPTURE(variant, propensity);
  constexpr std::int64_t kHorizon = 800;
  const auto env = make_env("bandit-v0", bandit_options({0.1, 0.9, 0.3, 0.5}, kHorizon));
  for (std::uint64_t seed = 0; seed < (propensity && variant == "beta" ? 2u : 10u); ++seed) {
    const auto played = play_bandit(*env, *make_policy("thompson", context_of(4),
                                                       [&](Options& o) {
                                                         set_option(o, "variant", variant);
                                                         set_option(o, "propensity", propensity);
                                                       }),
                                    seed);
    REQUIRE(std::count(played.arm.end() - 400, played.arm.end(), 1) > 370);
  }
}

TEST_CASE("discounted_thompson follows means that change, where thompson does not", "[oracle]") {
  constexpr std::int64_t kHorizon = 4000, kChange = 1000;
  constexpr int kSeeds = 10;
  const auto env = make_env("bandit-v0", bandit_options({0.5, 0.1, 1.0}, kHorizon, kChange, {{0.5, 0.1, 0.0}}));
  double remembering = 0, forgetting = 0;
  const auto fast = [](Options& o) { set_option(o, "propensity", false); };
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    remembering += play_bandit(*env, *make_policy("thompson", context_of(3), fast), seed).total_regret / kSeeds;
    forgetting += play_bandit(*env, *make_policy("discounted_thompson", context_of(3), fast), seed).total_regret / kSeeds;
  }
  INFO("regret: thompson " << remembering << ", discounted_thompson " << forgetting);
  REQUIRE(forgetting < 0.5 * remembering);
}

TEST_CASE("thompson without propensities plays as with them, and logs none", "[oracle]") {
  const std::string variant = GENERATE("gaussian", "beta");
  const auto context = context_of(4);
  const auto console = [&](bool propensity) {
    return Console(make_policy("thompson", context,
                               [&](Options& o) {
                                 set_option(o, "variant", variant);
                                 set_option(o, "propensity", propensity);
                               }),
                   context, 15);
  };
  Console knowing = console(true), fast = console(false);
  for (int t = 0; t < 6; ++t) {  // the same arms, whoever draws
    knowing.decide();
    const double reward = 0.2 * static_cast<double>(knowing.decided().arm[0]);
    Archive archive;
    knowing.learn({reward});
    knowing.policy().state(archive);
    Archive loading(archive.bytes());
    fast.policy().state(loading);
  }
  const auto row = knowing.decide().probability[0];
  const std::vector<double> p(row.begin(), row.end());
  constexpr int kDraws = 50000;
  const auto count = shares(fast, kDraws);
  REQUIRE(std::isnan(fast.decided().log_density[0]));
  for (const double x : fast.decided().probability[0]) REQUIRE(std::isnan(x));
  double statistic = 0;
  for (std::size_t a = 0; a < 4; ++a) statistic += std::pow(count[a] - kDraws * p[a], 2) / (kDraws * p[a]);
  REQUIRE(statistic < boost::math::quantile(boost::math::chi_squared(3), 1 - 1e-4));
  REQUIRE_THROWS_WITH(make_policy("thompson", context,
                                  [](Options& o) {
                                    set_option(o, "propensity", false);
                                    set_option<std::string>(o, "play", "mixture");
                                    set_option<std::string>(o, "feedback", "credit");
                                  }),
                      Catch::Contains("set propensity = true"));
}

TEST_CASE("thompson that does not explore plays the greatest mean", "[oracle]") {
  const bool propensity = GENERATE(true, false);
  const auto context = context_of(3);
  Console console(make_policy("thompson", context, [&](Options& o) { set_option(o, "propensity", propensity); }), context, 19);
  for (int t = 0; t < 30; ++t) {
    const auto arm = console.decide().arm[0];
    console.learn({arm == 1 ? 0.9 : 0.2});
  }
  console.policy().explore(false);
  for (int t = 0; t < 50; ++t) {
    REQUIRE(console.decide().arm[0] == 1);
    REQUIRE(console.decided().log_density[0] == 0);
  }
}

// hidden-v0: the closed form against quadrature over signals, against a policy that keeps its own belief from the whole
// history, and against policies that know less and more.
#include <algorithm>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <catch2/catch.hpp>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

constexpr double kPi = 3.141592653589793;

struct Setting {
  std::size_t types = 2, agents = 4, horizon = 40;
  double signal_noise = 1.5, base = 0.5, tilt = 0.5;
};

std::unique_ptr<Env> hidden(const Setting& s, double noise = 0.1) {
  return make_env("hidden-v0", [&](Options& o) {
    set_option(o, "types", static_cast<std::int64_t>(s.types));
    set_option(o, "agents", static_cast<std::int64_t>(s.agents));
    set_option(o, "horizon", static_cast<std::int64_t>(s.horizon));
    set_option(o, "signal_noise", s.signal_noise);
    set_option(o, "base", s.base);
    set_option(o, "tilt", s.tilt);
    set_option(o, "noise", noise);
  });
}

double type(const Setting& s, std::size_t i) { return -1 + 2 * static_cast<double>(i) / static_cast<double>(s.types - 1); }

// Mean payoff of agent k at decision t for hidden parameter z.
double payoff(const Setting& s, std::size_t t, std::size_t k, double z) {
  const std::size_t pairs = (s.agents + 1) / 2, season = t * pairs / s.horizon;
  if (k / 2 != season) return s.base / 2;
  return s.base + (k % 2 == 0 ? 1 : -1) * s.tilt * z;
}

// Chances of the types after signals, by Bayes' rule, one signal after another.
std::vector<double> posterior(const Setting& s, const std::vector<double>& signals) {
  std::vector<double> p(s.types, 1.0 / static_cast<double>(s.types));
  for (const double q : signals) {
    double total = 0;
    for (std::size_t i = 0; i < s.types; ++i) total += p[i] *= std::exp(-0.5 * std::pow((q - type(s, i)) / s.signal_noise, 2));
    for (double& x : p) x /= total;
  }
  return p;
}

std::size_t best_agent(const Setting& s, std::size_t t, const std::vector<double>& p) {
  std::size_t best = 0;
  double most = -1;
  for (std::size_t k = 0; k < s.agents; ++k) {
    double expected = 0;
    for (std::size_t i = 0; i < s.types; ++i) expected += p[i] * payoff(s, t, k, type(s, i));
    if (expected > most + 1e-12) {
      most = expected;
      best = k;
    }
  }
  return best;
}

// What the best agent is expected to earn by decision t, by quadrature over the mean of its t + 1 signals.
double by_quadrature(const Setting& s, std::size_t t) {
  const auto n = static_cast<double>(t + 1);
  const double deviation = s.signal_noise / std::sqrt(n);
  const auto integrand = [&](double mean) {
    double most = -1;
    for (std::size_t k = 0; k < s.agents; ++k) {
      double expected = 0;
      for (std::size_t i = 0; i < s.types; ++i) {
        const double density = std::exp(-0.5 * std::pow((mean - type(s, i)) / deviation, 2)) / (deviation * std::sqrt(2 * kPi));
        expected += density / static_cast<double>(s.types) * payoff(s, t, k, type(s, i));
      }
      most = std::max(most, expected);
    }
    return most;
  };
  double total = 0;
  constexpr int kPieces = 60;
  const double edge = 1 + 9 * deviation;
  for (int i = 0; i < kPieces; ++i)
    total += boost::math::quadrature::gauss_kronrod<double, 31>::integrate(integrand, -edge + 2 * edge * i / kPieces,
                                                                           -edge + 2 * edge * (i + 1) / kPieces, 8, 1e-11);
  return total;
}

const std::vector<Setting> kSettings = {
    {}, {5, 4, 12, 1.0, 0.5, 0.5}, {2, 2, 10, 0.5, 0.3, 1.0}, {3, 5, 15, 3.0, 1.0, 0.4}, {4, 3, 9, 1.0, 0.2, 2.0}};

}  // namespace

TEST_CASE("the optimum of the hidden parameter is that of quadrature", "[oracle]") {
  for (const Setting& s : kSettings) {
    CAPTURE(s.types, s.agents, s.horizon, s.signal_noise);
    double total = 0;
    for (std::size_t t = 0; t < s.horizon; ++t) total += by_quadrature(s, t);
    CHECK(hidden(s)->answer()->optimum == Approx(total).epsilon(1e-7));
  }
}

TEST_CASE("a policy with a belief of its own earns the optimum and regrets nothing", "[oracle]") {
  for (const Setting& s : kSettings) {
    CAPTURE(s.types, s.agents, s.horizon, s.signal_noise);
    const auto env = hidden(s);
    std::vector<double> earned, expected;
    std::vector<double> signals;
    const Player bayes = [&](std::size_t t, const Outcome& last) {
      if (t == 0) signals.clear();
      signals.push_back(last.observation[0][1 + s.agents]);
      return vertex(s.agents, best_agent(s, t, posterior(s, signals)));
    };
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
      const Episode e = play_episode(*env, bayes, seed);
      earned.push_back(e.earned);
      expected.push_back(e.expected);
      REQUIRE(e.regret == Approx(0).margin(1e-9));
    }
    const double optimum = env->answer()->optimum;
    const Mean m = mean_of(earned), without_noise = mean_of(expected);
    CHECK(std::abs(m.mean - optimum) <= 3 * m.se);
    CHECK(std::abs(without_noise.mean - optimum) <= 3 * without_noise.se);
  }
}

TEST_CASE("who sees one signal earns less than the optimum, who sees none what the schedule earns", "[oracle]") {
  const Setting s;
  const auto env = hidden(s);
  const Answer& answer = *env->answer();
  std::vector<double> one, none;
  const Player last_signal = [&](std::size_t t, const Outcome& last) {
    return vertex(4, best_agent(s, t, posterior(s, {last.observation[0][5]})));
  };
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    one.push_back(play_episode(*env, last_signal, seed).expected);
    none.push_back(play_episode(*env, following(answer.schedule_weights), seed).expected);
  }
  const double gap = answer.optimum - answer.schedule;
  CHECK(gap >= 0.5 * answer.schedule);
  CHECK(mean_of(one).mean < answer.optimum - 0.3 * gap);
  CHECK(mean_of(one).mean > answer.schedule + 0.3 * gap);
  CHECK(std::abs(mean_of(none).mean - answer.schedule) <= 3 * mean_of(none).se);
  CHECK(answer.schedule > 1.3 * answer.fixed);
}

TEST_CASE("signals that leave no doubt are no trouble", "[oracle]") {
  const Setting s = {3, 2, 50, 0.01, 0.5, 0.5};
  const auto env = hidden(s);
  CHECK(env->answer()->optimum == Approx(50 * (2 * 1.0 + 0.5) / 3));  // z is known at once: 1, 1 or 1/2 a decision
  for (std::uint64_t seed = 0; seed < 20; ++seed) CHECK(std::isfinite(play_episode(*env, always(even(2)), seed).regret));
}

TEST_CASE("payoffs tell nothing that the next signal does not", "[oracle]") {
  const Setting s;
  const auto env = hidden(s, 0.0);
  std::size_t t = 0;
  play_episode(*env, always({0.7, 0.1, 0.1, 0.1}), 5, [&](const Outcome& out) {
    const double q = out.observation[0][5];  // shown after the decision that it paid for
    for (std::size_t k = 0; k < 4; ++k) REQUIRE(out.credit[0][k] == Approx(payoff(s, t, k, q)).margin(1e-12));
    ++t;
  });
}

TEST_CASE("instances come with equal chances and signals scatter as stated", "[oracle]") {
  const Setting s = {2, 4, 400, 0.5, 0.5, 0.5};
  const auto env = hidden(s);
  int positive = 0;
  std::vector<double> off;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    std::vector<double> signals;
    play_episode(*env, always(even(4)), seed, [&](const Outcome& out) { signals.push_back(out.observation[0][5]); });
    const double z = mean_of(signals).mean > 0 ? 1 : -1;
    positive += z > 0;
    for (const double q : signals) off.push_back(q - z);
  }
  CHECK(std::abs(positive - 200) < 3.5 * 10);
  const Mean m = mean_of(off);
  CHECK(std::abs(m.mean) <= 3.5 * m.se);
  CHECK(m.se * std::sqrt(static_cast<double>(off.size())) == Approx(0.5).epsilon(0.01));
}

// contextual-v0: payoffs are linear in contexts that come with equal chances, and the answer is that of the policy that knows
// them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

constexpr std::size_t kAgents = 4, kDimensions = 4;
using Context = std::vector<double>;

std::unique_ptr<Env> contextual(double noise, std::int64_t horizon, std::int64_t contexts = 8) {
  return make_env("contextual-v0", [&](Options& o) {
    set_option(o, "noise", noise);
    set_option(o, "horizon", horizon);
    set_option(o, "contexts", contexts);
  });
}

Context context_shown(const Outcome& out) {
  return {out.observation[0].begin() + 1 + kAgents, out.observation[0].begin() + 1 + kAgents + kDimensions};
}

// What every agent pays in every context, and how often it came; from an episode without noise.
struct Seen {
  std::map<Context, std::vector<double>> payoff;
  std::map<Context, int> times;
};
Seen look(Env& env) {
  Seen seen;
  Context now;
  const Player player = [&](std::size_t, const Outcome& last) {
    now = context_shown(last);
    return even(kAgents);
  };
  play_episode(env, player, 3, [&](const Outcome& out) {
    const std::vector<double> payoff(out.credit[0].begin(), out.credit[0].end());
    if (const auto it = seen.payoff.find(now); it != seen.payoff.end()) REQUIRE(it->second == payoff);
    seen.payoff[now] = payoff;
    ++seen.times[now];
  });
  return seen;
}

// Solves a x = b by elimination with pivots.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c; r < n; ++r)
      if (std::abs(a[r][c]) > std::abs(a[pivot][c])) pivot = r;
    std::swap(a[c], a[pivot]);
    std::swap(b[c], b[pivot]);
    for (std::size_t r = 0; r < n; ++r) {
      if (r == c) continue;
      const double f = a[r][c] / a[c][c];
      for (std::size_t j = c; j < n; ++j) a[r][j] -= f * a[c][j];
      b[r] -= f * b[c];
    }
  }
  for (std::size_t c = 0; c < n; ++c) b[c] /= a[c][c];
  return b;
}

std::size_t best_of(const std::vector<double>& x) {
  return static_cast<std::size_t>(std::max_element(x.begin(), x.end()) - x.begin());
}

}  // namespace

TEST_CASE("contexts are unit vectors that come with equal chances", "[oracle]") {
  const auto env = contextual(0, 8000);
  const Seen seen = look(*env);
  REQUIRE(seen.times.size() == 8);
  double chi_squared = 0;
  for (const auto& [context, times] : seen.times) {
    double square = 0;
    for (const double x : context) square += x * x;
    CHECK(square == Approx(1));
    chi_squared += (times - 1000.0) * (times - 1000.0) / 1000.0;
  }
  CHECK(chi_squared < 24.3);  // 7 degrees of freedom, one in a thousand
}

TEST_CASE("payoffs are linear in the context, by unit vectors", "[oracle]") {
  const auto env = contextual(0, 1000);
  const Seen seen = look(*env);
  for (std::size_t k = 0; k < kAgents; ++k) {
    std::vector<std::vector<double>> rows;
    std::vector<double> paid;
    for (const auto& [context, payoff] : seen.payoff)
      if (rows.size() < kDimensions) {
        rows.push_back(context);
        paid.push_back(payoff[k]);
      }
    const auto theta = solve(rows, paid);
    double square = 0;
    for (const double x : theta) square += x * x;
    CHECK(square == Approx(1));
    for (const auto& [context, payoff] : seen.payoff) {  // the other contexts too
      double product = 0;
      for (std::size_t j = 0; j < kDimensions; ++j) product += theta[j] * context[j];
      CHECK(payoff[k] == Approx(product).margin(1e-9));
    }
  }
}

TEST_CASE("the answer is that of all policies that see the context, and of all that do not", "[oracle]") {
  const auto env = contextual(0, 1000);
  const Seen seen = look(*env);
  double best = 0;
  std::vector<double> mean(kAgents, 0.0);
  for (const auto& [context, payoff] : seen.payoff) {
    best += payoff[best_of(payoff)] / 8;
    for (std::size_t k = 0; k < kAgents; ++k) mean[k] += payoff[k] / 8;
  }
  const Answer& answer = *env->answer();
  CHECK(answer.optimum == Approx(1000 * best));
  CHECK(answer.fixed == Approx(1000 * mean[best_of(mean)]));
  CHECK(answer.schedule == Approx(answer.fixed));
  CHECK(answer.fixed_weights == vertex(kAgents, best_of(mean)));
  CHECK(answer.optimum > answer.fixed + 0.25 * 1000);
}

TEST_CASE("the best policy on contexts earns the optimum, and never regrets", "[oracle]") {
  const auto exact = contextual(0, 2000), env = contextual(0.1, 40);
  const Seen seen = look(*exact);
  std::vector<double> earned;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Episode e = play_episode(
        *env, [&](std::size_t, const Outcome& last) { return vertex(kAgents, best_of(seen.payoff.at(context_shown(last)))); },
        seed);
    earned.push_back(e.earned);
    REQUIRE(e.regret == Approx(0).margin(1e-9));
  }
  const Mean m = mean_of(earned);
  CHECK(std::abs(m.mean - env->answer()->optimum) <= 3 * m.se);
  CHECK(m.se < 0.01 * env->answer()->optimum);
  Rng rng(1, "mixes");
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    play_episode(
        *env, [&](std::size_t, const Outcome&) { return random_mix(kAgents, rng); }, seed,
        [](const Outcome& out) { REQUIRE(out.series[0][0] >= -1e-12); });
}

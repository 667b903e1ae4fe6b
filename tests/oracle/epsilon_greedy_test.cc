// Epsilon-greedy against its bound, and against a computation from the whole history.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/oracle/bandit_play.h"

using namespace fader;
using namespace fader::testing;

namespace {

// Theorem 3 of Auer, Cesa-Bianchi and Fischer (2002): with which probability arm j is played at decision t.
double probability_bound(double arms, double c, double d, double t) {
  if (t <= c * arms / (d * d)) return 1;
  const double u = (t - 1) * d * d * std::sqrt(std::exp(1.0)) / (c * arms), w = c / (d * d);
  return std::min(
      1.0, w / t + 2 * w * std::log(u) * std::pow(1 / u, c / (5 * d * d)) + 4 * std::exp(1.0) / (d * d) * std::pow(1 / u, c / 2));
}

std::function<void(Options&)> decaying(double c, double d) {
  return [=](Options& o) {
    set_option<std::string>(o, "schedule", "decay");
    set_option(o, "weight", c);
    set_option(o, "gap", d);
  };
}

}  // namespace

TEST_CASE("decaying epsilon_greedy stays below its bound where uniform play is above twice the bound", "[oracle]") {
  const std::vector<double> means = {0.1, 0.1, 0.1, 0.9};
  constexpr std::int64_t kHorizon = 4000;
  const double c = 6, d = 0.8;
  double bound = 0;
  for (std::int64_t t = 1; t <= kHorizon; ++t)
    bound += std::min(1.0, 3 * probability_bound(4, c, d, static_cast<double>(t))) * 0.8;
  const double uniform = 0.6 * kHorizon;
  REQUIRE(uniform > 2 * bound);
  const auto env = make_env("bandit-v0", bandit_options(means, kHorizon));
  double regret = 0, constant = 0;
  constexpr int kSeeds = 20;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    regret += play_bandit(*env, *make_policy("epsilon_greedy", context_of(4), decaying(c, d)), seed).total_regret / kSeeds;
    constant += play_bandit(*env, *make_policy("epsilon_greedy", context_of(4)), seed).total_regret / kSeeds;
  }
  INFO("bound " << bound << ", epsilon_greedy " << regret << " (mean of 20 seeds), uniform " << uniform);
  REQUIRE(regret < bound);
  // What is explored is known beforehand: a share eps_t of the decisions, at a cost of 0.6 each. The rest is hardly ever wrong.
  double explored = 0;
  for (std::int64_t t = 1; t <= kHorizon; ++t) explored += 0.6 * std::min(1.0, c * 4 / (d * d * static_cast<double>(t)));
  REQUIRE(regret == Approx(explored).epsilon(0.05));
  REQUIRE(constant == Approx(0.6 * 0.1 * kHorizon).epsilon(0.05));
}

TEST_CASE("epsilon_greedy agrees with its definition, step by step", "[oracle]") {
  const std::string schedule = GENERATE("constant", "decay");
  const double alpha = GENERATE(0.0, 0.2);
  const std::size_t agents = GENERATE(2, 5);
  CAPTURE(schedule, alpha, agents);
  const auto context = context_of(agents);
  Console console(make_policy("epsilon_greedy", context,
                              [&](Options& o) {
                                set_option(o, "schedule", schedule);
                                set_option(o, "alpha", alpha);
                              }),
                  context, 23);
  std::vector<std::vector<double>> earned(agents);
  Rng rng(4, "rewards");
  for (int t = 1; t <= 300; ++t) {
    const auto& d = console.decide();
    const double eps = schedule == "constant" ? 0.1 : std::min(1.0, 0.5 * static_cast<double>(agents) / (0.25 * t));
    REQUIRE(d.diagnostics[0][2] == Approx(eps));
    std::vector<double> mean(agents, 1e9);  // never played: the best
    for (std::size_t a = 0; a < agents; ++a) {
      const auto& r = earned[a];
      if (r.empty()) continue;
      // Even weight for the first 1 / alpha rewards; each later one takes alpha of what was there.
      const std::size_t first = alpha > 0 ? std::min<std::size_t>(r.size(), 5) : r.size();
      mean[a] = std::accumulate(r.begin(), r.begin() + static_cast<std::ptrdiff_t>(first), 0.0) / static_cast<double>(first) *
                std::pow(1 - alpha, static_cast<double>(r.size() - first));
      for (std::size_t s = first; s < r.size(); ++s)
        mean[a] += alpha * std::pow(1 - alpha, static_cast<double>(r.size() - 1 - s)) * r[s];
    }
    const double best = *std::max_element(mean.begin(), mean.end());
    const auto ties = static_cast<double>(std::count(mean.begin(), mean.end(), best));
    for (std::size_t a = 0; a < agents; ++a)
      REQUIRE(d.probability[0][a] == Approx((mean[a] == best ? (1 - eps) / ties : 0) + eps / static_cast<double>(agents)));
    const auto arm = static_cast<std::size_t>(d.arm[0]);
    if (!earned[arm].empty()) REQUIRE(d.diagnostics[0][0] == Approx(mean[arm]));
    REQUIRE(d.diagnostics[0][1] == static_cast<double>(earned[arm].size()));
    earned[arm].push_back(rng.uniform() + 0.1 * static_cast<double>(arm));
    console.learn({earned[arm].back()});
  }
  console.policy().explore(false);
  for (int i = 0; i < 20; ++i) REQUIRE(console.decide().log_density[0] == 0);
}

TEST_CASE("a constant step lets epsilon_greedy follow means that change", "[oracle]") {
  constexpr std::int64_t kHorizon = 2000;
  const auto env = make_env("bandit-v0", bandit_options({0.9, 0.1}, kHorizon, 1000, {{0.1, 0.9}}));
  const auto alpha = [](Options& o) { set_option(o, "alpha", 0.1); };
  double averaging = 0, following = 0;
  constexpr int kSeeds = 20;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    averaging += play_bandit(*env, *make_policy("epsilon_greedy", context_of(2)), seed).total_regret / kSeeds;
    following += play_bandit(*env, *make_policy("epsilon_greedy", context_of(2), alpha), seed).total_regret / kSeeds;
  }
  // Exploration costs 0.04 a decision. A mean of 900 rewards takes as long to forget; ten rewards are soon replaced.
  CAPTURE(averaging, following);
  REQUIRE(following < 0.04 * kHorizon + 0.8 * 150);
  REQUIRE(averaging > 0.04 * kHorizon + 0.8 * 500);
}

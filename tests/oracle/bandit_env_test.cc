// bandit-v0 pays what it says: means, noise, changes, standard errors, and the sums it reports.
#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/oracle/known_answer.h"

using namespace fader;
using namespace fader::testing;

namespace {

struct Moments {
  double mean = 0, deviation = 0, se = 0;
  std::vector<double> payoff_mean, payoff_deviation, payoff_se;
};

Moments measure(Env& env, const std::vector<double>& w) {
  const auto n = static_cast<double>(env.spec().horizon);
  const std::size_t k = w.size();
  Outcome out;
  out.fit(env.spec(), 1);
  const std::array<int, 1> slots = {0};
  env.reset(slots, std::array<std::uint64_t, 1>{5}, out);
  Moments m;
  std::vector<double> first(k + 1, 0), second(k + 1, 0);
  for (out.end[0] = End::no; out.end[0] == End::no;) {
    env.step(slots, {w.data(), 1, k}, out);
    double earned = 0;
    for (std::size_t i = 0; i < k; ++i) earned += w[i] * out.credit[0][i];
    REQUIRE(out.reward[0][0] == Approx(earned).margin(1e-12));
    for (std::size_t i = 0; i <= k; ++i) {
      const double x = i < k ? out.credit[0][i] : out.reward[0][0];
      first[i] += x / n;
      second[i] += x * x / n;
    }
  }
  for (std::size_t i = 0; i < k; ++i) {
    m.payoff_mean.push_back(first[i]);
    m.payoff_deviation.push_back(std::sqrt(second[i] - first[i] * first[i]));
    m.payoff_se.push_back(out.credit_se[0][i]);
  }
  m.mean = first[k];
  m.deviation = std::sqrt(second[k] - first[k] * first[k]);
  m.se = out.reward_se[0][0];
  return m;
}

}  // namespace

TEST_CASE("payoffs have the means and deviations that are stated", "[oracle]") {
  const std::string payoff = GENERATE("normal", "bernoulli");
  CAPTURE(payoff);
  const std::vector<double> means = {0.2, 0.4, 0.9}, w = {0.5, 0.3, 0.2};
  const auto env = make_env("bandit-v0", [&](Options& o) {
    set_option(o, "means", means);
    set_option(o, "payoff", payoff);
    set_option(o, "noise", 0.3);
    set_option<std::int64_t>(o, "horizon", 100000);
  });
  const Moments m = measure(*env, w);
  double mean = 0, variance = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    const double deviation = payoff == "normal" ? 0.3 : std::sqrt(means[k] * (1 - means[k]));
    REQUIRE(m.payoff_mean[k] == Approx(means[k]).margin(4 * deviation / std::sqrt(1e5)));
    REQUIRE(m.payoff_deviation[k] == Approx(deviation).epsilon(0.02));
    REQUIRE(m.payoff_se[k] == Approx(deviation));
    mean += w[k] * means[k];
    variance += std::pow(w[k] * deviation, 2);
  }
  REQUIRE(m.mean == Approx(mean).margin(4 * std::sqrt(variance / 1e5)));
  REQUIRE(m.deviation == Approx(std::sqrt(variance)).epsilon(0.02));
  REQUIRE(m.se == Approx(std::sqrt(variance)));
}

TEST_CASE("means move on by one agent, and regret knows", "[oracle]") {
  const auto env = make_env("bandit-v0", [](Options& o) {
    set_option<std::vector<double>>(o, "means", {1, 2, 4});
    set_option(o, "noise", 0.0);
    set_option<std::int64_t>(o, "horizon", 40);
    set_option<std::int64_t>(o, "change_every", 10);
  });
  const auto played = play_bandit(*env, *make_policy("one_hot", context_of(3)), 1);
  for (std::size_t t = 0; t < 40; ++t) {
    const double expected = std::vector<double>{1, 2, 4}[t / 10 % 3];
    REQUIRE(played.reward[t] == expected);
    REQUIRE(played.regret[t] == 4 - expected);
  }
}

TEST_CASE("losses are minus what was earned", "[oracle]") {
  const auto env = make_env("bandit-v0", [](Options& o) { set_option<std::int64_t>(o, "horizon", 50); });
  const std::vector<double> w = {0.1, 0.2, 0.3, 0.4};
  const std::array<int, 1> slots = {0};
  Outcome out;
  out.fit(env->spec(), 1);
  env->reset(slots, std::array<std::uint64_t, 1>{9}, out);
  REQUIRE(out.infos[0][0] == 0);
  REQUIRE(out.infos[0][2] == 0);
  double earned = 0, regret = 0;
  for (int t = 1; t <= 50; ++t) {
    env->step(slots, {w.data(), 1, 4}, out);
    earned += out.reward[0][0];
    regret += out.series[0][0];
    REQUIRE(out.infos[0][0] == t);
    REQUIRE(std::isnan(out.infos[0][1]));
    REQUIRE(out.infos[0][2] == Approx(-earned));
    REQUIRE(out.observation[0][0] == Approx(t / 50.0));
    REQUIRE(std::equal(w.begin(), w.end(), out.observation[0].begin() + 1));
    REQUIRE(std::equal(w.begin(), w.end(), out.executed[0].begin()));
  }
  REQUIRE(out.finals[0][0] == Approx(-earned / 50));
  REQUIRE(out.finals[0][1] == Approx(-0.6));
  REQUIRE(out.finals[0][2] == Approx(-0.6));
  REQUIRE(out.finals[0][3] == Approx(regret));
  REQUIRE(regret == Approx(50 * 0.2));
}

TEST_CASE("noise does not depend on the weights, so that policies can be paired", "[oracle]") {
  const auto env = make_env("bandit-v0", [](Options& o) { set_option<std::string>(o, "payoff", "bernoulli"); });
  const auto payoffs = [&](const std::vector<double>& w) {
    Outcome out;
    out.fit(env->spec(), 1);
    const std::array<int, 1> slots = {0};
    env->reset(slots, std::array<std::uint64_t, 1>{2}, out);
    std::vector<double> all;
    for (int t = 0; t < 100; ++t) {
      env->step(slots, {w.data(), 1, 4}, out);
      all.insert(all.end(), out.credit[0].begin(), out.credit[0].end());
    }
    return all;
  };
  REQUIRE(payoffs({1, 0, 0, 0}) == payoffs({0.1, 0.2, 0.3, 0.4}));
}

TEST_CASE("options of the bandit that contradict each other are refused", "[oracle]") {
  REQUIRE_THROWS_WITH(make_env("bandit-v0",
                               [](Options& o) {
                                 set_option<std::vector<double>>(o, "means", {0.5, 1.5});
                                 set_option<std::string>(o, "payoff", "bernoulli");
                               }),
                      Catch::Contains("1.5 is no probability"));
  REQUIRE_THROWS_WITH(make_env("bandit-v0", [](Options& o) { set_option<std::vector<double>>(o, "means", {}); }),
                      Catch::Contains("means: the list is empty"));
  REQUIRE_THROWS_WITH(make_env("bandit-v0", [](Options& o) { *std::get<std::string*>(o.list()[0].target) = "rewad"; }),
                      Catch::Contains("did you mean 'reward'?"));
  REQUIRE_THROWS_WITH(make_env("bandit-v0", [](Options& o) { set_option<Vectors>(o, "changes", {{1, 2, 3, 4}}); }),
                      Catch::Contains("set change_every"));
  REQUIRE_THROWS_WITH(make_env("bandit-v0",
                               [](Options& o) {
                                 set_option<Vectors>(o, "changes", {{1, 2, 3}});
                                 set_option<std::int64_t>(o, "change_every", 5);
                               }),
                      Catch::Contains("a row has 3 means for 4 agents"));
  REQUIRE_THROWS_WITH(environments().at("bandit-v1"), Catch::Contains("did you mean 'bandit-v0'?"));
}

namespace {

// Payoffs of all agents over one long episode.
std::vector<std::vector<double>> payoffs_of(Env& env) {
  const std::size_t k = env.spec().agents.size();
  std::vector<std::vector<double>> all(k);
  play_episode(env, always(even(k)), 7, [&](const Outcome& out) {
    for (std::size_t i = 0; i < k; ++i) all[i].push_back(out.credit[0][i]);
  });
  return all;
}

}  // namespace

TEST_CASE("student payoffs follow Student's distribution, tails included", "[oracle]") {
  const double degrees = GENERATE(1.5, 3.0, 12.0);
  CAPTURE(degrees);
  const auto env = make_env("bandit-v0", [&](Options& o) {
    set_option<std::vector<double>>(o, "means", {-1, 2});
    set_option<std::string>(o, "payoff", "student");
    set_option(o, "degrees", degrees);
    set_option<std::vector<double>>(o, "noises", {0.3, 0.05});
    set_option<std::int64_t>(o, "horizon", 100000);
  });
  const auto payoff = payoffs_of(*env);
  const boost::math::students_t student(degrees);
  for (const std::size_t k : {0, 1}) {
    auto x = payoff[k];
    for (double& v : x) v = k == 0 ? (v + 1) / 0.3 : (v - 2) / 0.05;
    std::sort(x.begin(), x.end());
    double distance = 0;
    for (std::size_t i = 0; i < x.size(); i += 10)
      distance =
          std::max(distance, std::abs(boost::math::cdf(student, x[i]) - static_cast<double>(i) / static_cast<double>(x.size())));
    CHECK(distance < 1.63 / std::sqrt(1e5));  // Kolmogorov's at one percent
    for (const double tail : {1e-2, 1e-3}) {
      const double edge = boost::math::quantile(boost::math::complement(student, tail / 2));
      const auto beyond = std::count_if(x.begin(), x.end(), [&](double v) { return std::abs(v) > edge; });
      CHECK(static_cast<double>(beyond) == Approx(1e5 * tail).margin(4 * std::sqrt(1e5 * tail)));
    }
  }
}

TEST_CASE("a student payoff's standard error is its deviation where it has one", "[oracle]") {
  const auto se = [](double degrees) {
    const auto env = make_env("bandit-v0", [&](Options& o) {
      set_option<std::string>(o, "payoff", "student");
      set_option(o, "degrees", degrees);
      set_option(o, "noise", 0.3);
    });
    return play_episode(*env, always(vertex(4, 1)), 1).last.reward_se[0][0];
  };
  CHECK(se(3) == Approx(0.3 * std::sqrt(3.0)));
  CHECK(se(10) == Approx(0.3 * std::sqrt(10.0 / 8.0)));
  CHECK(std::isnan(se(2)));
}

TEST_CASE("each agent has its own noise", "[oracle]") {
  const std::vector<double> noises = {0, 0.5, 2};
  const auto env = make_env("bandit-v0", [&](Options& o) {
    set_option<std::vector<double>>(o, "means", {1, 2, 3});
    set_option(o, "noises", noises);
    set_option<std::int64_t>(o, "horizon", 20000);
  });
  const auto payoff = payoffs_of(*env);
  for (std::size_t k = 0; k < 3; ++k) {
    const Mean m = mean_of(payoff[k]);
    CHECK(std::abs(m.mean - static_cast<double>(k + 1)) <= 3.5 * m.se + 1e-9);
    CHECK(m.se * std::sqrt(2e4) == Approx(noises[k]).epsilon(0.03).margin(1e-12));
  }
}

TEST_CASE("drifting means swing one after another, and the answer sums them", "[oracle]") {
  const auto env = make_env("bandit-v0", [](Options& o) {
    set_option<std::vector<double>>(o, "means", {0.5, 0.45, 0.4});
    set_option(o, "noise", 0.0);
    set_option(o, "drift_amplitude", 0.3);
    set_option(o, "drift_period", 25.0);
    set_option<std::int64_t>(o, "horizon", 60);
  });
  const auto payoff = payoffs_of(*env);
  double best = 0;
  std::vector<double> total(3, 0.0);
  for (std::size_t t = 0; t < 60; ++t) {
    double most = -1;
    for (std::size_t k = 0; k < 3; ++k) {
      const double angle = 6.283185307179586 * (static_cast<double>(t) / 25 + static_cast<double>(k) / 3);
      const double mean = std::vector<double>{0.5, 0.45, 0.4}[k] + 0.3 * std::sin(angle);
      REQUIRE(payoff[k][t] == Approx(mean).margin(1e-12));
      most = std::max(most, mean);
      total[k] += mean;
    }
    best += most;
  }
  CHECK(env->answer()->optimum == Approx(best));
  CHECK(env->answer()->schedule == Approx(best));
  CHECK(env->answer()->fixed == Approx(*std::max_element(total.begin(), total.end())));
  CHECK(best > 1.3 * env->answer()->fixed);
}

TEST_CASE("new options of the bandit that contradict each other are refused", "[oracle]") {
  const auto with = [](const std::function<void(Options&)>& set) { return [set] { make_env("bandit-v0", set); }; };
  REQUIRE_THROWS_WITH(with([](Options& o) { set_option<std::vector<double>>(o, "noises", {0.1}); })(),
                      Catch::Contains("noises: 1 deviations for 4 agents"));
  REQUIRE_THROWS_WITH(with([](Options& o) {
                        set_option<std::string>(o, "payoff", "bernoulli");
                        set_option<std::vector<double>>(o, "noises", {0.1, 0.1, 0.1, 0.1});
                      })(),
                      Catch::Contains("has no deviations"));
  REQUIRE_THROWS_WITH(with([](Options& o) {
                        set_option<std::string>(o, "payoff", "bernoulli");
                        set_option(o, "drift_amplitude", 0.3);
                      })(),
                      Catch::Contains("0.2 with drift_amplitude = 0.3 leaves 0 to 1"));
}

// Off-policy estimates of numbers: errors, effective sample sizes, the reward model, episodes, refusals.
#include "analysis/ope.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <numeric>

#include "core/error.h"
#include "tests/analysis/ope_rounds.h"

using namespace fader;
using namespace fader::ope;
using namespace fader::test;
using Catch::Contains;

namespace {

const std::vector<double> kArm0 = {1, 0, 0}, kMixed = {0.5, 0.3, 0.2};

/// Two arms, three decisions, quarters for probabilities that depend on what was played before; so do the rewards.
struct Tiny {
  static constexpr std::size_t kLength = 3;
  static double probability(std::size_t t, std::size_t ones) { return 0.25 * static_cast<double>(1 + (t + 2 * ones) % 3); }  // of arm 1
  static double reward(std::size_t t, std::size_t ones, std::size_t arm) {
    return 1 + static_cast<double>(t) - 0.7 * static_cast<double>(ones * arm) + 0.4 * static_cast<double>(arm);
  }
  /// What the target earns from here, by recursion over what may happen.
  static double value(const std::vector<double>& target, std::size_t t = 0, std::size_t ones = 0) {
    if (t == kLength) return 0;
    double out = 0;
    for (std::size_t a = 0; a < 2; ++a) out += target[a] * (reward(t, ones, a) + value(target, t + 1, ones + a));
    return out;
  }
};

struct Trajectory {
  double probability = 1;  ///< with which the logger plays it
  std::vector<std::size_t> arms;
};

std::vector<Trajectory> all_trajectories() {
  std::vector<Trajectory> out;
  for (std::size_t code = 0; code < 8; ++code) {
    Trajectory& one = out.emplace_back();
    std::size_t ones = 0;
    for (std::size_t t = 0; t < Tiny::kLength; ++t) {
      const std::size_t arm = code >> t & 1;
      const double p = Tiny::probability(t, ones);
      one.probability *= arm == 1 ? p : 1 - p;
      one.arms.push_back(arm);
      ones += arm;
    }
  }
  return out;
}

/// Each trajectory so many times over.
Rounds log_of(const std::vector<std::pair<Trajectory, std::size_t>>& logged) {
  Rounds out;
  std::vector<double> p;
  std::size_t episode = 0;
  for (const auto& [trajectory, times] : logged)
    for (std::size_t n = 0; n < times; ++n, ++episode) {
      std::size_t ones = 0;
      for (std::size_t t = 0; t < Tiny::kLength; ++t) {
        const std::size_t arm = trajectory.arms[t];
        const double one = Tiny::probability(t, ones);
        p.insert(p.end(), {1 - one, one});
        out.run.push_back(0);
        out.episode.push_back(episode);
        out.arm.push_back(arm);
        out.reward.push_back(Tiny::reward(t, ones, arm));
        ones += arm;
      }
    }
  out.probability.resize(p.size() / 2, 2);
  std::ranges::copy(p, out.probability.view().flat().begin());
  return out;
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const DataError& error) {
    return error.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("per-decision importance sampling is right on average over all that could have happened") {
  for (const std::vector<double>& target : {std::vector<double>{0.9, 0.1}, {0.25, 0.75}, {1, 0}, {0.5, 0.5}}) {
    double expected = 0, total = 0;
    for (const Trajectory& one : all_trajectories()) {
      const Rounds rounds = log_of({{one, 2}});  // twice the same is the value of one
      total += one.probability;
      bool follows = true;
      for (const std::size_t a : one.arms) follows &= target[a] > 0;
      if (!follows && target[0] == 1 && one.arms[0] == 1) continue;  // no weight from the beginning: refused, and zero
      if (!follows) {
        CHECK_THAT(refusal([&] { estimate(Estimator::pdis, rounds, target, no_model(rounds), {}); }), Contains("none of 2 logged episodes"));
        continue;
      }
      expected += one.probability * estimate(Estimator::pdis, rounds, target, no_model(rounds), {}).value;
    }
    CHECK(total == Approx(1).epsilon(1e-14));
    if (target[0] == 1) continue;
    CHECK(expected * Tiny::kLength == Approx(Tiny::value(target)).epsilon(1e-12));
  }
}

TEST_CASE("over a log in which everything happens as often as it should, both estimators over episodes are exact") {
  std::vector<std::pair<Trajectory, std::size_t>> logged;
  for (const Trajectory& one : all_trajectories()) logged.push_back({one, static_cast<std::size_t>(std::lround(64 * one.probability))});
  const Rounds rounds = log_of(logged);
  REQUIRE(rounds.episodes() == 64);
  for (const std::vector<double>& target : {std::vector<double>{0.9, 0.1}, {0.25, 0.75}, {1, 0}, {0, 1}, {0.5, 0.5}})
    for (const Estimator which : {Estimator::pdis, Estimator::wpdis}) {
      const Estimate e = estimate(which, rounds, target, no_model(rounds), {});
      CHECK(e.value * Tiny::kLength == Approx(Tiny::value(target)).epsilon(1e-12));
      CHECK(e.n == 64);
      CHECK(e.independent == "episodes");
      CHECK(e.interval.holds(e.value));
      CHECK(e.effective < 64);
    }
  // Single decisions, each with the weight of its own, do not see what playing otherwise does to what comes later.
  const Estimate one_step = estimate(Estimator::ipw, rounds, std::vector<double>{0, 1}, no_model(rounds), {});
  CHECK(std::abs(one_step.value * Tiny::kLength - Tiny::value({0, 1})) > 0.1);
}

TEST_CASE("the weighted form is a mean of what was earned, and both forms have the errors that leaving episodes out says") {
  const std::size_t episodes = 200, length = 3;
  Rounds rounds = drawn_rounds(episodes, length, 9);
  std::fill(rounds.run.begin(), rounds.run.end(), 0);
  const auto of = [&](Estimator which, const Rounds& r) { return estimate(which, r, kMixed, no_model(r), {}); };
  std::vector<double> returns;
  for (std::size_t e = 0; e < episodes; ++e) {
    double w = 1, total = 0;
    for (std::size_t i = e * length; i < (e + 1) * length; ++i) {
      w *= kMixed[rounds.arm[i]] / rounds.probability[i][rounds.arm[i]];
      total += w * rounds.reward[i] / length;
    }
    returns.push_back(total);
  }
  const Estimate plain = of(Estimator::pdis, rounds), weighted = of(Estimator::wpdis, rounds);
  CHECK(plain.value == Approx(stats::mean(returns)).epsilon(1e-12));
  CHECK(plain.standard_error == Approx(stats::sd(returns) / std::sqrt(200.0)).epsilon(1e-12));
  CHECK(plain.clusters == episodes);
  std::vector<double> without;
  for (std::size_t e = 0; e < episodes; ++e) {
    Rounds rest;
    rest.probability.resize((episodes - 1) * length, 3);
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      if (rounds.episode[i] == e) continue;
      rest.run.push_back(0), rest.episode.push_back(rest.size() / length);
      std::ranges::copy(rounds.probability[i], rest.probability[rest.size()].begin());
      rest.arm.push_back(rounds.arm[i]), rest.reward.push_back(rounds.reward[i]);
    }
    without.push_back(of(Estimator::wpdis, rest).value);
  }
  CHECK(weighted.standard_error == Approx(stats::sd(without) * 199 / std::sqrt(200.0)).epsilon(0.03));
  for (double& r : rounds.reward) r = 2.5;
  CHECK(of(Estimator::wpdis, rounds).value == Approx(2.5).epsilon(1e-12));
  CHECK(std::abs(of(Estimator::pdis, rounds).value - 2.5) > 0.01);
}

TEST_CASE("errors are clustered by run, those of one run by stretches of time") {
  const Rounds rounds = drawn_rounds(5, 40);
  const RewardModel model = no_model(rounds);
  const Estimate ipw = estimate(Estimator::ipw, rounds, kMixed, model, {});
  std::vector<double> runs(5, 0.0), stretches(10, 0.0), pairs(20, 0.0);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const double term = kMixed[rounds.arm[i]] / rounds.probability[i][rounds.arm[i]] * rounds.reward[i];
    runs[i / 40] += term / 40;
    stretches[i / 20] += term / 20;
    pairs[i / 10] += term / 10;
  }
  const auto check = [](const Estimate& e, const std::vector<double>& means, const char* what) {
    CHECK(e.clusters == means.size());
    CHECK(e.independent == what);
    CHECK(e.standard_error == Approx(stats::sd(means) / std::sqrt(static_cast<double>(means.size()))).epsilon(1e-12));
    const stats::Interval t = stats::t_interval(means, 0.95);
    CHECK(e.interval.low == Approx(t.low).epsilon(1e-12));
    CHECK(e.interval.high == Approx(t.high).epsilon(1e-12));
  };
  check(ipw, runs, "runs");
  Rounds one = rounds;
  std::fill(one.run.begin(), one.run.end(), 0);
  check(estimate(Estimator::ipw, one, kMixed, model, {}), stretches, "stretches of time");
  Rounds many = rounds;
  for (std::size_t i = 0; i < many.size(); ++i) many.run[i] = i / 5;
  check(estimate(Estimator::ipw, many, kMixed, model, {}), pairs, "groups of runs");
  CHECK(estimate(Estimator::ipw, many, kMixed, model, {}).value == ipw.value);
}

TEST_CASE("replay is the mean of the rounds that match, with its error") {
  Rounds rounds = drawn_rounds(1, 60);
  std::vector<double> matched;
  for (std::size_t i = 0; i < rounds.size(); ++i)
    if (rounds.arm[i] == 0) matched.push_back(rounds.reward[i]);
  const Estimate replay = estimate(Estimator::replay, rounds, kArm0, no_model(rounds), {});
  CHECK(replay.value == Approx(stats::mean(matched)).epsilon(1e-12));
  CHECK(replay.n == matched.size());
  CHECK(replay.n < 40);
  CHECK_THAT(refusal([&] { estimate(Estimator::replay, rounds, kMixed, no_model(rounds), {}); }), Contains("mixes arms"));
}

TEST_CASE("errors are those that leaving runs out says, the model fitted anew each time") {
  const std::size_t runs = 20, length = 30;
  const Rounds rounds = drawn_rounds(runs, length, 3);
  const RewardModel model = fit_rewards(rounds, 1);
  const Settings settings{.tau = 3, .lambda = 4};
  for (std::size_t which = 0; which < 8; ++which) {
    const auto estimator = static_cast<Estimator>(which);
    std::vector<double> without;
    const auto& target = estimator == Estimator::replay ? kArm0 : kMixed;
    for (std::size_t g = 0; g < runs; ++g) {
      Rounds rest;
      rest.probability.resize((runs - 1) * length, 3);
      for (std::size_t i = 0; i < rounds.size(); ++i) {
        if (rounds.run[i] == g) continue;
        const std::size_t at = rest.size();
        rest.run.push_back(at / length), rest.episode.push_back(at / length);
        rest.arm.push_back(rounds.arm[i]), rest.reward.push_back(rounds.reward[i]);
        std::ranges::copy(rounds.probability[i], rest.probability[at].begin());
      }
      without.push_back(estimate(estimator, rest, target, fit_rewards(rest, 1), settings).value);
    }
    const double jackknife = stats::sd(without) * static_cast<double>(runs - 1) / std::sqrt(static_cast<double>(runs));
    INFO(kEstimators[which]);
    CHECK(estimate(estimator, rounds, target, model, settings).standard_error == Approx(jackknife).epsilon(0.06));
  }
}

TEST_CASE("effective sample size, largest weight and overlap") {
  Rounds rounds;
  rounds.run = rounds.episode = {0, 0, 0, 0};
  rounds.arm = {0, 1, 0, 1};
  rounds.reward = {1, 2, 3, 4};
  rounds.probability.resize(4, 2);
  const std::vector<double> p = {0.5, 0.5, 0.97, 0.03, 0.04, 0.96, 0.75, 0.25};
  std::ranges::copy(p, rounds.probability.view().flat().begin());
  const Overlap always = overlap(rounds, std::vector<double>{1, 0}, {});
  CHECK(always.largest == Approx(25));
  CHECK(always.effective == Approx(27.0 * 27 / (2 * 2 + 25 * 25)));  // weights 2, 0, 25, 0
  CHECK(always.share == Approx(0.75));
  const Overlap mixed = overlap(rounds, std::vector<double>{0.5, 0.5}, {});
  CHECK(mixed.share == Approx(0.75));  // half of two of the four rounds is thin
  CHECK(overlap(rounds, std::vector<double>{0, 1}, {.threshold = 0.3}).share == Approx(0.5));
  const Rounds uniform = [&] {
    Rounds r = rounds;
    for (double& x : r.probability.view().flat()) x = 0.5;
    return r;
  }();
  CHECK(overlap(uniform, std::vector<double>{0.5, 0.5}, {}).effective == Approx(4));
}

TEST_CASE("no round is predicted by a model that saw it") {
  for (const std::size_t runs : {std::size_t{1}, std::size_t{4}, std::size_t{23}}) {
    Rounds rounds = drawn_rounds(runs, 120 / runs);
    const RewardModel before = fit_rewards(rounds, 1);
    for (const std::size_t changed : {std::size_t{0}, rounds.size() / 2, rounds.size() - 1}) {
      Rounds other = rounds;
      other.reward[changed] += 100;
      const RewardModel after = fit_rewards(other, 1);
      std::size_t same = 0;
      for (std::size_t i = 0; i < rounds.size(); ++i) same += std::ranges::equal(before.predicted[i], after.predicted[i]);
      INFO(runs << " runs, round " << changed);
      CHECK(std::ranges::equal(before.predicted[changed], after.predicted[changed]));
      CHECK(same < rounds.size() / 2);  // others did see it
      for (std::size_t i = 0; runs > 1 && i < rounds.size(); ++i)  // nor any other round of its run
        if (rounds.run[i] == rounds.run[changed]) CHECK(std::ranges::equal(before.predicted[i], after.predicted[i]));
    }
  }
}

TEST_CASE("the reward model of arms alone is the mean of each, drawn towards that of all") {
  const Rounds rounds = drawn_rounds(2, 60);
  const RewardModel model = fit_rewards(rounds, 3);
  for (std::size_t fold = 0; fold < 2; ++fold) {
    double mean = 0;
    std::array<double, 3> sum{}, count{};
    for (std::size_t i = 0; i < rounds.size(); ++i)
      if (rounds.run[i] != fold) mean += rounds.reward[i] / 60;
    for (std::size_t i = 0; i < rounds.size(); ++i)
      if (rounds.run[i] != fold) sum[rounds.arm[i]] += rounds.reward[i] - mean, count[rounds.arm[i]] += 1;
    for (std::size_t a = 0; a < 3; ++a) {
      CHECK(model.predicted[fold * 60][a] == Approx(mean + sum[a] / (count[a] + 3)).epsilon(1e-12));
      CHECK(model.level[fold][0] + model.arm[fold][a] == Approx(model.predicted[fold * 60][a]).epsilon(1e-12));
    }
  }
}

TEST_CASE("a reward model that sees what rewards depend on predicts them, whatever their scale, constants and gaps") {
  Rounds rounds = drawn_rounds(20, 40, 5, 0.0);
  Rng rng(5, "seen");
  rounds.seen.resize(rounds.size(), 3);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    rounds.seen[i][0] = 1e6 + 1e3 * rng.normal();
    rounds.seen[i][1] = 7;
    rounds.seen[i][2] = i % 2 == 0 ? stats::kNaN : 1e-6 * rng.normal();
    rounds.reward[i] += 2e-3 * (rounds.seen[i][0] - 1e6);
  }
  const RewardModel model = fit_rewards(rounds, 1e-6);
  double worst = 0;
  for (std::size_t i = 0; i < rounds.size(); ++i) worst = std::max(worst, std::abs(model.predicted[i][rounds.arm[i]] - rounds.reward[i]));
  CHECK(worst < 1e-4);
  Rounds blind = rounds;
  blind.seen = {};
  CHECK(std::abs(fit_rewards(blind, 1e-6).predicted[0][rounds.arm[0]] - rounds.reward[0]) > 0.1);
  // Doubly robust with such a model has only the variance of what was seen; weighting alone adds that of the arms.
  const Estimate dr = estimate(Estimator::dr, rounds, kMixed, model, {}), ipw = estimate(Estimator::ipw, rounds, kMixed, model, {});
  CHECK(dr.standard_error < 0.9 * ipw.standard_error);
}

TEST_CASE("the direct method's error is that of its model, a jackknife over folds") {
  const Rounds rounds = drawn_rounds(6, 50);
  const RewardModel model = fit_rewards(rounds, 1);
  const Estimate dm = estimate(Estimator::dm, rounds, kArm0, model, {});
  std::vector<double> without;
  for (std::size_t f = 0; f < 6; ++f) without.push_back(model.level[f][0] + model.arm[f][0]);
  double square = 0;
  for (const double x : without) square += (x - stats::mean(without)) * (x - stats::mean(without));
  CHECK(dm.standard_error == Approx(std::sqrt(5.0 / 6 * square)).epsilon(1e-9));
  CHECK(dm.clusters == 6);
}

TEST_CASE("what cannot be weighted is refused, with what was found, expected, and to be tried") {
  const auto refused = [](const Rounds& rounds) { return refusal([&] { require_known(rounds); }); };
  const Rounds fine = drawn_rounds(1, 40);
  CHECK(refused(fine) == "not refused");
  CHECK(refusal([&] { require_enough(fine); }) == "not refused");
  CHECK_THAT(refusal([&] { require_enough(drawn_rounds(1, 29)); }), Contains("29 decisions were logged; expected 30") && Contains("run more seeds"));

  Rounds unknown = fine;
  for (double& p : unknown.probability[3]) p = stats::kNaN;
  CHECK_THAT(refused(unknown), Contains("the probability of 1 of 40 draws was not logged; expected all") && Contains("log with one that does"));
  Rounds silent = fine;
  silent.reward[5] = stats::kNaN;
  CHECK_THAT(refused(silent), Contains("the reward of 1 of 40 decisions is not known"));
  Rounds certain = fine;
  for (std::size_t i = 0; i < certain.size(); ++i)
    for (std::size_t a = 0; a < 3; ++a) certain.probability[i][a] = a == certain.arm[i];
  CHECK_THAT(refused(certain), Contains("the logger was deterministic") && Contains("expected arms drawn at random") && Contains("boltzmann"));
  Rounds impossible = certain;
  impossible.arm[7] = (impossible.arm[7] + 1) % 3;
  CHECK_THAT(refused(impossible), Contains("decision 7") && Contains("expected a distribution in which that arm is possible"));
  Rounds more = fine;
  more.probability[0][0] += 0.01;
  CHECK_THAT(refused(more), Contains("expected a distribution"));
}

TEST_CASE("a target is refused where its arms were not possible, or never drawn") {
  Rounds rounds = drawn_rounds(1, 40);
  CHECK(refusal([&] { require_support(rounds, kMixed); }) == "not refused");
  std::size_t i = 0;
  while (rounds.arm[i] == 0) ++i;
  rounds.probability[i][0] = 0;
  CHECK_THAT(refusal([&] { require_support(rounds, kArm0); }), Contains("arm 0 was impossible in 1 of 40 decisions; expected"));
  CHECK(refusal([&] { require_support(rounds, std::vector<double>{0, 1, 0}); }) == "not refused");
  for (std::size_t& arm : rounds.arm) arm = arm == 2 ? 1 : arm;
  CHECK_THAT(refusal([&] { require_support(rounds, std::vector<double>{0, 0, 1}); }), Contains("no arm of the target was drawn in 40 decisions"));
}

TEST_CASE("estimates over episodes want several of one length") {
  Rounds rounds = drawn_rounds(4, 5);
  const auto refused = [&] { return refusal([&] { estimate(Estimator::wpdis, rounds, kMixed, no_model(rounds), {}); }); };
  CHECK(refused() == "not refused");
  rounds.run.back() = rounds.episode.back() = 4;
  CHECK_THAT(refused(), Contains("episodes of 5 and of 4 decisions; expected equal lengths"));
  rounds = drawn_rounds(1, 5);
  CHECK_THAT(refused(), Contains("1 episode of 5 decisions"));
}

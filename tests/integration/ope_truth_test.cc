// Off-policy estimates against the truth: policies play the bandit with known means, every fixed arm is estimated from what they logged,
// and the intervals have to hold the known mean as often as they say.
#include <catch2/catch.hpp>
#include <array>
#include <cmath>

#include "analysis/ope.h"
#include "env/registry.h"
#include "tests/policies/console.h"

using namespace fader;
using namespace fader::ope;
using namespace fader::testing;

namespace {

constexpr std::size_t kArms = 4, kDecisions = 100;
constexpr std::array<double, kArms> kMeans = {0.2, 0.4, 0.6, 0.8};

struct Logging {
  std::string policy;
  std::function<void(Options&)> set;  ///< of the policy
  double drift = 0;                   ///< amplitude; a whole number of swings, so that the means over an episode are kMeans
};

struct World {
  std::unique_ptr<Env> env;
  PolicyContext context;
};

World make_world(const Logging& logging) {
  const auto& entry = environments().at("bandit-v0");
  const auto options = entry.options();
  set_option(*options, "means", std::vector<double>(kMeans.begin(), kMeans.end()));
  set_option<std::int64_t>(*options, "horizon", kDecisions);
  set_option(*options, "noise", 0.2);
  set_option(*options, "drift_amplitude", logging.drift);
  set_option(*options, "drift_period", 50.0);
  World out{entry.make(*options, EnvContext{}), {}};
  const EnvSpec& spec = out.env->spec();
  out.context.agents = spec.agents;
  out.context.observation = spec.observation;
  out.context.horizon = spec.horizon;
  return out;
}

/// One run, put behind the others; the presets are the vertices, as bandit-v0 has no floor.
void play(World& world, const Logging& logging, std::uint64_t seed, std::size_t run, Rounds& rounds) {
  const std::array<int, 1> slots = {0};
  const auto policy = make_policy(logging.policy, world.context, logging.set);
  Outcome out;
  out.fit(world.env->spec(), 1);
  Decisions decided;
  decided.fit(policy->spec(), kArms, 1);
  REQUIRE(policy->spec().presets.size() == kArms);
  std::vector<Rng> streams = {Rng(seed, "policy")};
  Rng learner(seed, "learn");
  world.env->reset(slots, std::array<std::uint64_t, 1>{seed}, out);
  policy->begin(slots, streams);
  for (out.end[0] = End::no; out.end[0] == End::no;) {
    const Grid<double> before = out.observation;
    policy->decide({slots, before.view()}, streams, decided);
    world.env->step(slots, std::as_const(decided.weights).view(), out);
    policy->learn({{slots, before.view()}, decided, out.reward[0], out.reward_se[0], {}, {}, std::as_const(out.observation).view(), out.end}, learner);
    const std::size_t at = rounds.size();
    rounds.run.push_back(run), rounds.episode.push_back(run);
    rounds.arm.push_back(static_cast<std::size_t>(decided.arm[0]));
    rounds.reward.push_back(out.reward[0][0]);
    std::ranges::copy(decided.probability[0], rounds.probability[at].begin());
  }
}

struct Score {
  std::size_t intervals = 0, holding = 0;
  double error = 0;  ///< sum of estimate - truth
  double coverage() const { return static_cast<double>(holding) / static_cast<double>(intervals); }
  double bias() const { return error / static_cast<double>(intervals); }
};
using Scores = std::array<Score, 8>;  // by Estimator, those of one step

Scores score(const Logging& logging, std::size_t replications, std::size_t runs) {
  World world = make_world(logging);
  Scores out;
  for (std::size_t r = 0; r < replications; ++r) {
    Rounds rounds;
    rounds.probability.resize(runs * kDecisions, kArms);
    for (std::size_t g = 0; g < runs; ++g) play(world, logging, r * runs + g, g, rounds);
    require_known(rounds);
    const Settings settings;
    const RewardModel model = fit_rewards(rounds, settings.ridge);
    for (std::size_t a = 0; a < kArms; ++a) {
      std::vector<double> target(kArms, 0.0);
      target[a] = 1;
      require_support(rounds, target);
      for (std::size_t e = 0; e < out.size(); ++e) {
        const Estimate estimated = estimate(static_cast<Estimator>(e), rounds, target, model, settings);
        ++out[e].intervals;
        out[e].holding += estimated.interval.holds(kMeans[a]);
        out[e].error += estimated.value - kMeans[a];
      }
    }
  }
  return out;
}

std::string in_words(const Scores& scores) {
  std::string out;
  for (std::size_t e = 0; e < scores.size(); ++e)
    out += fmt::format("{:<10} {:.3f} of {} intervals hold the truth, bias {:+.4f}\n", kEstimators[e], scores[e].coverage(), scores[e].intervals, scores[e].bias());
  return out;
}

const Score& by(const Scores& scores, Estimator e) { return scores[static_cast<std::size_t>(e)]; }

Logging boltzmann(double drift = 0) {
  return {"boltzmann", [](Options& o) { set_option(o, "tau", 0.4); }, drift};
}

}  // namespace

TEST_CASE("intervals of off-policy estimates hold the known means of the bandit as often as they say") {
  for (const Logging& logging : {boltzmann(), Logging{"exp3", [](Options& o) { set_option(o, "gamma", 0.4); }}}) {
    const Scores scores = score(logging, 400, 10);
    INFO(logging.policy << ", 400 replications of 10 runs of 100 decisions, four arms\n" << in_words(scores));
    CAPTURE(logging.policy);
    for (const Score& one : scores) {
      CHECK(one.coverage() > 0.93);
      CHECK(one.coverage() < 0.97);
      CHECK(std::abs(one.bias()) < 0.004);
    }
  }
}

TEST_CASE("where means drift while the logger adapts, weights keep estimates right, and without them they are not") {
  const Scores scores = score(boltzmann(0.3), 400, 10);
  INFO("boltzmann, means that swing, 400 replications of 10 runs of 100 decisions, four arms\n" << in_words(scores));
  for (const Estimator e : {Estimator::ipw, Estimator::snipw, Estimator::dr, Estimator::sndr}) {
    INFO(kEstimators[static_cast<std::size_t>(e)]);
    CHECK(by(scores, e).coverage() > 0.93);
    CHECK(by(scores, e).coverage() < 0.97);
    CHECK(std::abs(by(scores, e).bias()) < 0.004);
  }
  for (const Estimator e : {Estimator::replay, Estimator::dm}) {
    INFO(kEstimators[static_cast<std::size_t>(e)]);
    CHECK(by(scores, e).coverage() < 0.8);
    CHECK(std::abs(by(scores, e).bias()) > 0.01);
  }
  for (const Estimator e : {Estimator::switch_dr, Estimator::dros})  // part weighted, part the model's, and so is their bias
    CHECK(std::abs(by(scores, e).bias()) < 0.7 * std::abs(by(scores, Estimator::dm).bias()));
}

TEST_CASE("intervals of a single run hold the truth where its decisions are independent, as a bandit's are") {
  const Scores scores = score(boltzmann(), 1000, 1);
  INFO("boltzmann, 1,000 replications of one run of 100 decisions, four arms\n" << in_words(scores));
  for (const Score& one : scores) {
    CHECK(one.coverage() > 0.93);
    CHECK(one.coverage() < 0.97);
  }
}

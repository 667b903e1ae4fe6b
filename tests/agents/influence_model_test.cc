// influence_model: finds a hidden linear law of influence from a few probes an interval, and follows it when it turns round.
#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

#include "tests/agents/model_agents.h"

using namespace fader;

namespace {

const int kSlot[] = {0};

/// 600 passages of two topics in all mixtures.
std::shared_ptr<ToyCorpus> mixtures() {
  auto corpus = std::make_shared<ToyCorpus>(40, 16);
  Rng rng(1, "test/influence_model");
  for (int i = 0; i < 600; ++i) {
    const double share = rng.uniform();
    std::vector<std::uint32_t> tokens(15);
    for (auto& t : tokens) t = static_cast<std::uint32_t>(2 + rng.below(19) + (rng.uniform() < share ? 19 : 0));
    corpus->add(tokens, Set::pool);
  }
  return corpus;
}

/// The share of the second topic's tokens: what the truth is made of.
float share(const Corpus& corpus, PassageId id) {
  float n = 0;
  for (const std::uint32_t t : corpus.tokens(id)) n += t >= 21 ? 1.0f : 0.0f;
  return n / static_cast<float>(corpus.tokens(id).size());
}

std::unique_ptr<Agent> make(std::shared_ptr<const Corpus> corpus, double forget = 0.7, double budget = 2) {  // 24 probes
  return make_model_agent("influence_model", corpus, 1, [&](Options& o) {
    set_option(o, "forget", forget);
    set_option(o, "budget", budget);
  });
}

/// One interval whose true influence is sign x share plus noise, in units that shrink as gradients do. The agent's reward.
double interval(Agent& agent, const Corpus& corpus, float sign, std::uint64_t t, std::size_t* asked = nullptr) {
  Rng stream(t, "test/probes");
  std::vector<ProbeGroup> groups[1];
  agent.probes(kSlot, Streams(&stream, 1), groups);
  std::vector<Probe> measured;
  for (const ProbeGroup& g : groups[0]) {
    REQUIRE(g.size() == 1);
    const float y = sign * share(corpus, g[0]) + 0.15f * static_cast<float>(stream.normal());
    measured.push_back({.slot = 0, .passages = g, .dot = 5 + y / static_cast<float>(t + 1)});
  }
  if (asked) *asked = measured.size();
  const std::span<const Probe> rows[] = {measured};
  double reward = 0;
  agent.feedback(kSlot, rows, {&reward, 1});
  return reward;
}

double quality(Agent& agent, const Corpus& corpus, float sign) {
  std::vector<float> truth;
  for (const PassageId id : corpus.set(Set::pool)) truth.push_back(sign * share(corpus, id));
  return spearman(scores(agent, corpus.set(Set::pool)), truth);
}

}  // namespace

TEST_CASE("influence_model guesses what it has not measured, and follows when the law turns round") {
  const auto corpus = mixtures();
  const auto agent = make(corpus), stubborn = make(corpus, 1.0);
  for (Agent* a : {agent.get(), stubborn.get()}) {
    begin(*a);
    CHECK(scores(*a, corpus->set(Set::pool)) == std::vector<float>(600, 0.0f));
    std::size_t asked = 0;
    CHECK(interval(*a, *corpus, 1, 0, &asked) == 0);  // it knew nothing
    CHECK(asked == 24);
    double right = 0;
    for (std::uint64_t t = 1; t < 6; ++t) right += interval(*a, *corpus, 1, t);
    CHECK(right / 5 > 0.2);
    CHECK(quality(*a, *corpus, 1) > 0.8);
    CHECK(interval(*a, *corpus, -1, 6) < -0.2);  // the world has changed: it guesses wrong
    for (std::uint64_t t = 7; t < 10; ++t) interval(*a, *corpus, -1, t);
  }
  CHECK(quality(*agent, *corpus, -1) > 0.6);
  CHECK(quality(*stubborn, *corpus, -1) < 0.2);
  begin(*agent);
  CHECK(scores(*agent, corpus->set(Set::pool)) == std::vector<float>(600, 0.0f));
}

TEST_CASE("influence_model learns nothing from probes that say nothing, and goes on") {
  const auto corpus = mixtures();
  const auto agent = make(corpus);
  begin(*agent);
  interval(*agent, *corpus, 1, 0);
  const auto before = scores(*agent, corpus->set(Set::pool));
  for (const float constant : {0.0f, std::nanf("")}) {
    Rng stream(3, "test/probes");
    std::vector<ProbeGroup> groups[1];
    agent->probes(kSlot, Streams(&stream, 1), groups);
    const std::vector<Probe> measured(groups[0].size(), Probe{.dot = constant});
    const std::span<const Probe> rows[] = {measured};
    double reward = 0;
    agent->feedback(kSlot, rows, {&reward, 1});
    CHECK(std::isnan(reward));
    CHECK(scores(*agent, corpus->set(Set::pool)) == before);
  }
}

TEST_CASE("what influence_model has learned survives save and load, and odd states are refused") {
  const auto corpus = mixtures();
  const auto a = make(corpus), b = make(corpus);
  begin(*a);
  for (std::uint64_t t = 0; t < 3; ++t) interval(*a, *corpus, 1, t);
  load_slot(*b, slot_bytes(*a));
  CHECK(scores(*a, corpus->set(Set::pool)) == scores(*b, corpus->set(Set::pool)));
  CHECK(interval(*a, *corpus, 1, 3) == interval(*b, *corpus, 1, 3));
  CHECK(slot_bytes(*a) == slot_bytes(*b));

  const auto load = [&](std::vector<PassageId> ids, std::vector<double> labels, std::vector<double> weights) {
    Archive out;
    out.field("examples", ids);
    out.field("labels", labels);
    out.field("weights", weights);
    load_slot(*b, out.bytes());
  };
  load({1, 2}, {0.5, -0.5}, {1, 0.5});
  CHECK_THROWS_AS(load({1, 9999}, {0.5, -0.5}, {1, 0.5}), DataError);
  CHECK_THROWS_AS(load({1, 2}, {0.5}, {1, 0.5}), DataError);
  CHECK_THROWS_AS(load({1}, {std::nan("")}, {1}), DataError);
  CHECK_THROWS_AS(load({1}, {0.5}, {0}), DataError);
  CHECK_THROWS_AS(load({1}, {0.5}, {1.5}), DataError);
}

TEST_CASE("influence_model says what a budget is too small for, and charges its sums") {
  const auto corpus = mixtures();
  CHECK_THROWS_WITH(make(corpus, 0.7, 0.1), Catch::Contains("pays for 1.2 probes") && Catch::Contains("raise budget to 0.37"));
  const auto agent = make(corpus);
  begin(*agent);
  interval(*agent, *corpus, 1, 0);
  NoTrainer trainer;
  const Scored s = score_with(*agent, trainer, corpus->set(Set::pool));
  CHECK(s.cost.tokens == 600 * 16);
  CHECK(s.cost.flops > 600 * 16 * 2 * 2);
}

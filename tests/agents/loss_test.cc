// loss, and what all agents within a budget promise.
#include <catch2/catch.hpp>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "agents/budgeted.h"
#include "agents/prefer.h"
#include "tests/agents/model_agents.h"

using namespace fader;

namespace {

std::unique_ptr<Agent> make(std::shared_ptr<const Corpus> corpus, double budget, const std::string& which = "high", int slots = 1) {
  return make_model_agent("loss", corpus, slots, [&](Options& o) {
    set_option(o, "budget", budget);
    set_option(o, "prefer", which);
  });
}

/// 40 passages of 16 tokens.
std::shared_ptr<ToyCorpus> forty() {
  auto corpus = std::make_shared<ToyCorpus>(40, 16);
  for (std::uint32_t i = 0; i < 40; ++i) corpus->add(std::vector<std::uint32_t>(15, 2 + i % 30), Set::pool);
  return corpus;
}

}  // namespace

TEST_CASE("prefer says which losses are liked") {
  const std::vector<float> losses = {3, 1, 2, 2, 8};
  const auto with = [&](const char* which) {
    std::vector<float> out = losses;
    prefer(which, out);
    return out;
  };
  CHECK(with("high") == losses);
  CHECK(with("low") == std::vector<float>{-3, -1, -2, -2, -8});
  // ranks 0.7, 0.1, 0.4, 0.4, 0.9: the two equal ones share the mean of 0.3 and 0.5
  const std::vector<float> band = {-0.2f, -0.4f, -0.1f, -0.1f, -0.4f};
  for (std::size_t i = 0; i < band.size(); ++i) CHECK(with("middle")[i] == Approx(band[i]));
}

TEST_CASE("loss gives every candidate the model's loss where the budget allows") {
  const auto corpus = forty();
  ToldTrainer trainer(corpus);
  const auto all = corpus->set(Set::pool);
  for (const char* which : {"high", "low", "middle"}) {
    std::vector<float> expected(all.begin(), all.end());
    prefer(which, expected);
    const auto agent = make(corpus, 100, which);
    begin(*agent);
    const Scored s = score_with(*agent, trainer, all);
    CHECK(s.score == expected);
    CHECK(s.cost.tokens == 40 * 16);
    CHECK(s.cost.flops == 40 * 16);
  }
}

TEST_CASE("beyond the budget candidates rank in the middle, and another part of them is measured every time") {
  const auto corpus = forty();
  ToldTrainer trainer(corpus);
  const auto all = corpus->set(Set::pool);
  // an interval trains on 4 x 3 rows of 16, three passes each: 0.25 of that are nine passages forward
  const auto agent = make(corpus, 0.25);
  begin(*agent);
  std::map<PassageId, int> measured;
  std::set<std::vector<float>> seen;
  constexpr int kTimes = 400;
  for (trainer.steps = 0; trainer.steps < kTimes; ++trainer.steps) {
    trainer.asked = 0;
    const Scored s = score_with(*agent, trainer, all);
    REQUIRE(trainer.asked == 9);
    CHECK(score_with(*agent, trainer, all).score == s.score);
    seen.insert(s.score);
    double sum = 0;
    int exact = 0;
    for (const PassageId id : all)
      if (s.score[id] == static_cast<float>(id)) ++exact, ++measured[id], sum += id;
    CHECK((exact == 9 || exact == 10));  // the mean may be a whole number
    for (const PassageId id : all)
      if (s.score[id] != static_cast<float>(id)) REQUIRE(s.score[id] == Approx(sum / exact).margin(exact == 9 ? 1e-5 : 3));
  }
  CHECK(seen.size() > kTimes / 2);
  for (const PassageId id : all) CHECK(std::abs(measured[id] - kTimes * 9.0 / 40) < 4.5 * std::sqrt(kTimes * 9.0 / 40 * 31 / 40));
}

TEST_CASE("which candidates are measured is the seed's affair, in any slot and beside any other") {
  const auto corpus = forty();
  ToldTrainer trainer(corpus);
  const auto all = corpus->set(Set::pool);
  const auto one = make(corpus, 0.25), two = make(corpus, 0.25, "high", 2);
  begin(*one, 0, 7);
  const std::vector<float> alone = score_with(*one, trainer, all).score;
  begin(*one, 0, 8);
  CHECK(score_with(*one, trainer, all).score != alone);
  begin(*two, 0, 8);
  begin(*two, 1, 7);
  std::vector<float> a(40), b(40);
  std::vector<ScoreJob> jobs = {{1, all, a, {}}, {0, all, b, {}}};
  two->score(jobs, trainer);
  CHECK(a == alone);
  CHECK(b != alone);
  load_slot(*one, slot_bytes(*two, 1));
  CHECK(score_with(*one, trainer, all).score == alone);
}

TEST_CASE("costs by formula are what the trainer charges") {
  const auto trainer = small::fresh();
  const PassageCost cost(small::small_model());
  for (const PassageId id : small::first(Set::pool, 5)) {
    std::vector<float> loss(1);
    LossJob job{.slot = 0, .passages = {&id, 1}, .loss = loss};
    trainer->losses({&job, 1});
    CHECK(cost.forward(small::corpus()->passages()[id].tokens) == job.cost.flops);
  }
  PassageId at = 0;
  const double charged = small::train(*trainer, 3, at).job.cost.flops, formula = cost.training(small::small_training(), 3);
  CHECK(charged <= formula);  // rows of several segments attend to less
  CHECK(charged > 0.8 * formula);
}

TEST_CASE("a budget that pays for nothing is refused, with one that would do") {
  CHECK_THROWS_WITH(make(forty(), 0.05), Catch::Contains("agent 'loss'") && Catch::Contains("pays for 1.8 passages") &&
                                             Catch::Contains("raise budget to 0.061"));
  CHECK_NOTHROW(make(forty(), 0.061));
}

TEST_CASE("what a real model finds hard ranks above what it has learned, and looking changes nothing") {
  auto corpus = std::make_shared<ToyCorpus>(40, 16);
  Rng rng(5, "test/loss");
  for (int i = 0; i < 120; ++i) {  // easy ones count up, hard ones are noise
    std::vector<std::uint32_t> tokens(15);
    for (std::size_t k = 0; k < 15; ++k) tokens[k] = static_cast<std::uint32_t>(2 + (i % 2 == 0 ? k : rng.below(38)));
    corpus->add(tokens, Set::pool, static_cast<std::uint16_t>(i % 2));
  }
  const auto trainer = make_trainer(small::small_model(), small::small_training(), corpus, 1, {1});
  const int slot = 0;
  const std::uint64_t seed = 1;
  trainer->reset({&slot, 1}, {&seed, 1});
  const auto all = corpus->set(Set::pool);
  TrainJob job{.slot = 0, .passages = all.first(60)};
  trainer->train({&job, 1}, 20);
  const auto agent = make(corpus, 100);
  begin(*agent);
  const std::string before = small::saved(*trainer);
  const Scored s = score_with(*agent, *trainer, all);
  CHECK(small::saved(*trainer) == before);
  for (std::size_t easy = 60; easy < 120; easy += 2)
    for (std::size_t hard = 61; hard < 120; hard += 2) CHECK(s.score[easy] < s.score[hard]);
}

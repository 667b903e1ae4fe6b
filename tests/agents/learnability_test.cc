// learnability against losses taken at the time, and against text that can and cannot be learned.
#include <catch2/catch.hpp>

#include "tests/agents/model_agents.h"
#include "tests/agents/small_corpus.h"

using namespace fader;

namespace {

std::unique_ptr<Agent> make(std::int64_t lag, bool relative = false, int slots = 1) {
  return make_model_agent("learnability", small::corpus(), slots, [&](Options& o) {
    set_option(o, "lag", lag);
    set_option(o, "relative", relative);
    set_option(o, "budget", 1000.0);
  });
}

}  // namespace

TEST_CASE("learnability is the loss that candidates have lost, of candidates that were never seen before") {
  for (const std::size_t lag : {std::size_t{1}, std::size_t{3}})
    for (const bool relative : {false, true}) {
      INFO("lag " << lag << ", relative " << relative);
      const auto trainer = small::fresh();
      const auto agent = make(static_cast<std::int64_t>(lag), relative);
      begin(*agent);
      const auto all = small::first(Set::pool, 60);
      PassageId at = 0;
      std::vector<std::vector<float>> losses;  // at every scoring, of all
      for (std::size_t t = 0; t < 6; ++t) {
        losses.push_back(small::losses(*trainer, all));
        const auto mine = std::span(all).subspan(10 * t, 10);  // a stream: every slice is new
        const Scored s = score_with(*agent, *trainer, mine);
        for (std::size_t i = 0; i < 10; ++i) {
          const float before = losses[t < lag ? 0 : t - lag][10 * t + i], now = losses[t][10 * t + i];
          CHECK(s.score[i] == Approx(relative ? (before - now) / before : before - now).margin(1e-5));
        }
        std::int64_t tokens = 0;
        for (const PassageId id : mine) tokens += small::corpus()->passages()[id].tokens;
        CHECK(s.cost.tokens == (t == 0 ? 0 : 2 * tokens));
        const std::string before = small::saved(*trainer);
        score_with(*make(1), *trainer, mine);
        CHECK(small::saved(*trainer) == before);
        small::train(*trainer, 4, at);
      }
    }
}

TEST_CASE("learnability's earlier models survive save and load, slot by slot, and odd ones are refused") {
  const auto trainer = small::fresh(2);
  const auto a = make(2, false, 2), b = make(2, false, 2);
  for (const int slot : {0, 1}) begin(*a, slot);
  const auto ids = small::first(Set::pool, 20);
  PassageId at = 0;
  for (int t = 0; t < 3; ++t) {
    for (const int slot : {0, 1}) score_with(*a, *trainer, ids, slot);
    small::train(*trainer, 3, at, 0);
    small::train(*trainer, 3, at, 1);
  }
  for (const int slot : {0, 1}) load_slot(*b, slot_bytes(*a, slot), slot);
  for (int t = 0; t < 2; ++t) {
    const Scored one = score_with(*a, *trainer, ids, 0), two = score_with(*a, *trainer, ids, 1);
    CHECK(score_with(*b, *trainer, ids, 1).score == two.score);
    CHECK(score_with(*b, *trainer, ids, 0).score == one.score);
    CHECK(one.score != two.score);
    small::train(*trainer, 3, at, 0);
  }
  const auto load = [&](std::vector<std::string> models) {
    std::uint64_t key = 1;
    Archive out;
    out.field("key", key);
    out.field("earlier", models);
    load_slot(*b, out.bytes());
  };
  const std::string model = small::saved(*trainer);
  CHECK_NOTHROW(load({model, model, model}));
  CHECK_THROWS_AS(load({model, model, model, model}), DataError);
  CHECK_THROWS_AS(load({model.substr(0, model.size() / 2)}), DataError);
  CHECK_THROWS_AS(load({model + "x"}), DataError);
  const auto unborn = make_trainer(small::small_model(), small::small_training(), small::corpus(), 1, {1});
  CHECK_THROWS_WITH(load({small::saved(*unborn)}), Catch::Contains("a model that was started"));
}

TEST_CASE("what a small model came to know has a high static learnability, noise none") {
  const ScratchFolder folder;
  const auto corpus = four_kinds(folder.path());
  TrainOptions train = small::small_training();
  train.intervals = 40;
  for (const bool relative : {false, true}) {
    const auto agent = make_model_agent("learnability", corpus, 1, [&](Options& o) {
      set_option(o, "model", std::string("small"));
      set_option(o, "relative", relative);
      set_option(o, "small_budget", 8.0);
      set_option(o, "small_epochs", std::int64_t{20});
    }, 1, train);
    begin(*agent);
    const auto s = by_domain(*corpus, scores(*agent, corpus->set(Set::pool)));
    CHECK(s[0] > s[2] + 0.1);
    CHECK(s[1] > s[2] + 0.1);
    CHECK(s[2] > s[3] + 0.1);
    CHECK(std::abs(s[3]) < 0.4);
    if (relative) CHECK(s[0] < 1);
    CHECK(agent->static_cost().flops > 0);
  }
  CHECK_THROWS_WITH(make_model_agent("learnability", corpus, 1, [&](Options& o) {
    set_option(o, "model", std::string("small"));
    set_option(o, "lag", std::int64_t{2});
  }), Catch::Contains("lag is 2"));
}

// novelty: exact duplicates of what was trained on score 0, near ones little, what shares nothing 1.
#include <catch2/catch.hpp>

#include "tests/agents/model_agents.h"

using namespace fader;

namespace {

/// Passages 0 to 19 are different; 20 to 39 are the same again; 40 to 59 again with the last fifth changed.
std::shared_ptr<ToyCorpus> with_duplicates() {
  auto corpus = std::make_shared<ToyCorpus>(5000, 64);
  for (int copy = 0; copy < 3; ++copy) {
    Rng rng(1, "test/novelty");
    for (int i = 0; i < 20; ++i) {
      std::vector<std::uint32_t> tokens(60);
      for (auto& t : tokens) t = static_cast<std::uint32_t>(2 + rng.below(4990));
      if (copy == 2)
        for (std::size_t k = 48; k < 60; ++k) tokens[k] = (tokens[k] + 7) % 4990 + 2;
      corpus->add(tokens, Set::pool);
    }
  }
  return corpus;
}

const auto nothing = [](Options&) {};

}  // namespace

TEST_CASE("novelty is what the Jaccard similarity to what was trained on leaves") {
  const auto corpus = with_duplicates();
  const auto agent = make_agent("novelty", corpus, 2, nothing);
  begin(*agent, 0);
  begin(*agent, 1);
  const auto all = corpus->set(Set::pool);
  CHECK(scores(*agent, all) == std::vector<float>(60, 1.0f));
  trained_on(*agent, all.first(10));
  const auto s = scores(*agent, all);
  for (std::size_t i = 0; i < 60; ++i) {
    INFO("passage " << i);
    if (i % 20 >= 10) CHECK(s[i] == 1.0f);
    else if (i < 40) CHECK(s[i] == 0.0f);
    else CHECK(s[i] == Approx(1 - 44.0 / 70).margin(0.17));  // of 57 shingles, end mark included, 44 are shared
  }
  CHECK(scores(*agent, all, 1) == std::vector<float>(60, 1.0f));  // another slot has not seen them
  begin(*agent, 0);
  CHECK(scores(*agent, all) == std::vector<float>(60, 1.0f));
}

TEST_CASE("novelty remembers the last passages alone, and its memory survives save and load") {
  const auto corpus = with_duplicates();
  const auto five = [](Options& o) { set_option(o, "memory", std::int64_t{5}); };
  const auto a = make_agent("novelty", corpus, 1, five), b = make_agent("novelty", corpus, 1, five);
  const auto all = corpus->set(Set::pool);
  begin(*a);
  trained_on(*a, all.first(8));
  for (PassageId id = 0; id < 8; ++id) CHECK(scores(*a, {id + 20}) == std::vector<float>{id < 3 ? 1.0f : 0.0f});
  load_slot(*b, slot_bytes(*a));
  for (const std::size_t more : {std::size_t{8}, std::size_t{10}}) {  // and forgets the same ones from here on
    trained_on(*a, all.subspan(more, 2));
    trained_on(*b, all.subspan(more, 2));
    CHECK(scores(*a, all) == scores(*b, all));
  }
  CHECK(slot_bytes(*a) == slot_bytes(*b));
}

TEST_CASE("novelty refuses a memory that is not one of this corpus") {
  const auto corpus = with_duplicates();
  const auto five = [](Options& o) { set_option(o, "memory", std::int64_t{5}); };
  const auto agent = make_agent("novelty", corpus, 1, five);
  const auto load = [&](std::vector<PassageId> ids) {
    Archive out;
    out.field("seen", ids);
    load_slot(*agent, out.bytes());
  };
  load({0, 1});
  CHECK_THROWS_WITH(load({60}), Catch::Contains("passages of this corpus"));
  CHECK_THROWS_WITH(load({0, 1, 2, 3, 4, 5}), Catch::Contains("as many passages as are remembered"));
  CHECK_THROWS_WITH(load({0, 20}), Catch::Contains("passages that differ"));
  CHECK_THROWS_WITH(make_agent("novelty", corpus, 1, [](Options& o) { set_option(o, "bands", std::int64_t{24}); }),
                    Catch::Contains("does not divide 128"));
}

// Agents that learn from examples learn from the anchor set and the pool alone.
#include "agents/examples.h"

#include <catch2/catch.hpp>

#include "tests/agents/themed_text.h"

using namespace fader;

namespace {

std::vector<float> pool_scores(const std::string& kind, const Corpus& corpus, std::shared_ptr<const Corpus> held, int threads = 1) {
  const auto agent = make_reader(kind, std::move(held), [](Options&) {}, threads);
  const int slot[] = {0};
  const std::uint64_t seed[] = {1};
  agent->begin(slot, seed);
  return scores(*agent, corpus.set(Set::pool));
}

/// Of a corpus made as it says, in a folder of its own.
std::vector<float> scores_when(const std::string& kind, int other, int anchor, int threads = 1) {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path(), other, anchor);
  return pool_scores(kind, *corpus, corpus, threads);
}

}  // namespace

TEST_CASE("text of the reward, validation and test sets changes no bit of what agents learn from examples, and the anchor set does") {
  for (const std::string kind : {"dsir", "ngram", "target_neighbours", "quality"}) {
    CAPTURE(kind);
    const auto scores = scores_when(kind, 1, 0);
    CHECK(scores_when(kind, 2, 0) == scores);
    CHECK(scores_when(kind, 0, 0) == scores);
    CHECK(scores_when(kind, 1, 2) != scores);
    CHECK(scores_when(kind, 1, 0, 3) == scores);  // nor does the number of threads
  }
}

TEST_CASE("agents that learn from examples put text like the anchor set's first") {
  for (const std::string kind : {"dsir", "ngram", "target_neighbours", "quality"}) {
    CAPTURE(kind);
    const ScratchFolder folder;
    const auto corpus = themed_corpus(folder.path());
    CHECK(right_pairs(*corpus, pool_scores(kind, *corpus, corpus)) > 0.95);
  }
}

TEST_CASE("an agent without examples says what to try") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path());
  corpus->add("some text", Set::pool);
  corpus->add("", Set::anchor);  // nothing but an end mark
  for (const std::string kind : {"dsir", "ngram", "target_neighbours", "quality"})
    CHECK_THROWS_WITH(make_reader(kind, corpus, [](Options&) {}), Catch::Contains("agent '" + kind + "' has 0 anchor passages") &&
                                                                      Catch::Contains("corpus.anchor_share"));
}

TEST_CASE("examples are spread evenly over a set, and have text") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path());
  for (int i = 0; i < 10; ++i) corpus->add(i == 4 ? "" : "text", i % 2 ? Set::anchor : Set::pool);
  CHECK(examples(*corpus, Set::pool, 100) == std::vector<PassageId>{0, 2, 6, 8});
  CHECK(examples(*corpus, Set::pool, 2) == std::vector<PassageId>{0, 6});
  CHECK(examples(*corpus, Set::test, 2).empty());
  CHECK_NOTHROW(anchor_examples(*corpus, "any", 3, 3));
  CHECK_THROWS_WITH(anchor_examples(*corpus, "any", 3, 4), Catch::Contains("agent 'any' has 3 anchor passages to learn from and needs 4"));
}

// What agents say of how they came to their scores.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/agents/text_corpus.h"

using namespace fader;
using Remarks = std::vector<std::string>;

namespace {

Remarks remarks(const std::string& kind, const std::shared_ptr<TextCorpus>& corpus, const std::string& option = "", const std::string& value = "") {
  return make_agent(kind, corpus, 1, [&](Options& o) {
    if (!option.empty()) set_option(o, option, value);
  })->remarks();
}

}  // namespace

TEST_CASE("agents say which part of the pool has no label, and what becomes of it") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path(), 4);
  const float none = std::nanf("");
  corpus->add("a", Set::pool, 0, 0, 1.0f);
  corpus->add("longer text", Set::pool, 1, -1, none);  // three passages
  corpus->add("", Set::pool, 0, -1, none);             // no text: never a candidate
  corpus->add("c", Set::pool, 1, 1, 2.0f);
  corpus->add("d", Set::validation, 0, -1, none);      // another set
  corpus->rate("score", {1, none, none, 3, none});
  corpus->rate("all", {1, 2, none, 3, none});
  CHECK(remarks("stored", corpus, "rating", "score") == Remarks{"3 of the pool's 5 passages (60%) have no rating 'score'; they rank last"});
  CHECK(remarks("stored", corpus, "rating", "all").empty());
  CHECK(remarks("quality", corpus) == Remarks{"3 of the pool's 5 passages (60%) have no quality; they rank last"});
  CHECK(remarks("topic", corpus) == Remarks{"3 of the pool's 5 passages (60%) have no label; they score like the mean of the labels"});
  CHECK(remarks("topic", corpus, "memory", "code") == Remarks{"3 of the pool's 5 passages (60%) have no label; they score 0"});
  CHECK(remarks("domain", corpus).empty());
}

TEST_CASE("agents say when they can tell no passage from another") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path(), 64);
  for (int i = 0; i < 6; ++i) corpus->add("same length " + std::to_string(i));
  CHECK(remarks("domain", corpus) == Remarks{"the pool has fewer than two labels, which tells no passage from another: it picks at random"});
  const Remarks length = remarks("length", corpus);
  REQUIRE(length.size() == 1);
  CHECK_THAT(length[0], Catch::StartsWith("all passages of the pool score ") && Catch::EndsWith("it picks at random"));
  corpus->add("another length");
  const ScratchFolder other;
  const auto two = std::make_shared<TextCorpus>(other.path(), 64);
  two->add("one");
  two->add("longer");
  CHECK(remarks("length", two).empty());
}

TEST_CASE("agents say when they take another way because a field is not there") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path(), 64);
  for (int i = 0; i < 40; ++i) corpus->add(babble(static_cast<std::uint64_t>(i), 60, 40));
  for (int i = 0; i < 20; ++i) corpus->add(babble(static_cast<std::uint64_t>(100 + i), 60, 40), Set::anchor);
  const auto topic = make_agent("topic", corpus, 1, [](Options& o) { set_option<std::int64_t>(o, "clusters", 4); })->remarks();
  REQUIRE(topic.size() == 1);
  CHECK(topic[0] == "the corpus has no topic field: topics are 4 clusters of the pool's texts");
  const Remarks quality = remarks("quality", corpus);
  REQUIRE(quality.size() == 1);
  CHECK(quality[0] == "the corpus has no quality field: the score is likeness to text of the anchor set");
  CHECK(remarks("quality", corpus, "source", "fasttext").empty());  // asked for
}

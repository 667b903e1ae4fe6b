// stored: the numbers as they are, and every way in which they can be wrong.
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/agents/text_corpus.h"

using namespace fader;
using Catch::Contains;

namespace {

struct Rated {
  Rated() : corpus(std::make_shared<TextCorpus>(folder.path(), 4)) {
    corpus->add("a");
    corpus->add("longer text");  // three passages
    corpus->add("c");
    corpus->add("d", Set::validation);
    corpus->rate("edu.score", {2.5f, -1.0f, std::nanf(""), 9.0f});
    corpus->rate("noise", {0, 1, 2, 3});
    corpus->rate("same", {3, 3, std::nanf(""), 4});
    corpus->rate("elsewhere", {std::nanf(""), std::nanf(""), std::nanf(""), 4});
  }
  std::vector<float> scores(const std::string& rating, const std::string& prefer = "high", const std::vector<double>& range = {}) const {
    const auto agent = make_agent("stored", corpus, 1, [&](Options& o) {
      set_option(o, "rating", rating);
      set_option(o, "prefer", prefer);
      set_option(o, "range", range);
    });
    return fader::scores(*agent, corpus->set(Set::pool));
  }
  ScratchFolder folder;
  std::shared_ptr<TextCorpus> corpus;
};

}  // namespace

TEST_CASE("a stored rating is the score of all passages of its document, and a document without one ranks last") {
  const Rated r;
  CHECK(r.scores("edu.score") == std::vector<float>{2.5f, -1, -1, -1, -2});
  CHECK(r.scores("edu.score", "low") == std::vector<float>{-2.5f, 1, 1, 1, -10});  // below 9 of the other set
  CHECK(r.scores("noise", "high", {0, 3}) == std::vector<float>{0, 1, 1, 1, 2});
}

TEST_CASE("the only rating need not be named") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path());
  corpus->add("a");
  corpus->add("b");
  corpus->rate("score", {1, 2});
  CHECK(scores(*make_agent("stored", corpus, 1, [](Options&) {}), corpus->set(Set::pool)) == std::vector<float>{1, 2});
}

TEST_CASE("stored says what is wrong with a rating") {
  const Rated r;
  CHECK_THROWS_WITH(r.scores("edu.scor"), Contains("no rating 'edu.scor'") && Contains("did you mean 'edu.score'?"));
  CHECK_THROWS_WITH(r.scores(""), Contains("rating is not given and there are 4") && Contains("edu.score, noise"));
  CHECK_THROWS_WITH(r.scores("edu.score", "high", {0, 5}),
                    Contains("'edu.score' of document 2 of the corpus is -1") && Contains("range expects 0 to 5"));
  CHECK_THROWS_WITH(r.scores("noise", "high", {0, 2}), Contains("document 4 of the corpus is 3"));
  CHECK_THROWS_WITH(r.scores("noise", "high", {2, 0}), Contains("range is [2, 0]"));
  CHECK_THROWS_WITH(r.scores("same"), Contains("'same' is 3 for all documents of the pool"));
  CHECK_THROWS_WITH(r.scores("elsewhere"), Contains("no document of the pool has a rating 'elsewhere'"));
  const ScratchFolder folder;
  const auto plain = std::make_shared<TextCorpus>(folder.path());
  plain->add("a");
  CHECK_THROWS_WITH(make_agent("stored", plain, 1, [](Options&) {}), Contains("corpus.ratings"));
}

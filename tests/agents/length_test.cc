// length against tokens counted by hand.
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/agents/text_corpus.h"

using namespace fader;

TEST_CASE("length is the logarithm of one and the tokens, of documents or passages") {
  const std::vector<std::string> texts = {"", std::string(9, 'a'), std::string(149, 'b')};  // with end marks 1, 10, 150 tokens
  Scored documents("length", texts, [](Options&) {}, 1, 64);
  CHECK(documents.scores() == std::vector<float>{std::log1p(1.0f), std::log1p(10.0f), std::log1p(150.0f)});
  CHECK(documents.agent().static_cost().flops == 0);
  const Scored passages("length", texts, [](Options& o) { set_option<std::string>(o, "unit", "passage"); }, 1, 64);
  CHECK(passages.of_passages() ==
        std::vector<float>{std::log1p(1.0f), std::log1p(10.0f), std::log1p(64.0f), std::log1p(64.0f), std::log1p(22.0f)});
}

TEST_CASE("a band of lengths scores 0 within, and lower the further outside, on either side") {
  const auto of = [](std::size_t tokens) { return std::string(tokens - 1, 'x'); };
  const Scored agent("length", {of(10), of(5), of(20), of(40), of(80), of(1)},
                     [](Options& o) { set_option<std::vector<double>>(o, "band", {10, 40}); });
  const auto s = agent.scores();
  CHECK(s[0] == 0);
  CHECK(s[1] == Approx(std::log(6.0 / 11.0)));
  CHECK(s[2] == 0);
  CHECK(s[3] == 0);
  CHECK(s[4] == Approx(std::log(41.0 / 81.0)));
  CHECK(s[5] < s[1]);
  CHECK_THROWS_WITH(Scored("length", {"a"}, [](Options& o) { set_option<std::vector<double>>(o, "band", {40, 10}); }),
                    Catch::Contains("band is [40, 10]"));
}

// What static agents share: columns, words, units, threads, numbers that are missing.
#include "agents/static_agent.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <set>

#include "agents/text_scores.h"
#include "tests/agents/text_corpus.h"

using namespace fader;

namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string_view word;
  for (Words reader(text); reader.next(word);) out.emplace_back(word);
  return out;
}

/// Bytes of a text; NaN below three.
TextScorer length_scorer() {
  return [](std::string_view text) { return text.size() < 3 ? std::nanf("") : static_cast<float>(text.size()); };
}

}  // namespace

TEST_CASE("words are runs of letters and digits, and Chinese characters each for itself") {
  CHECK(words_of("").empty());
  CHECK(words_of(" ,.!\n\t").empty());
  CHECK(words_of("It's 3.5kg -- don't_stop") == std::vector<std::string>{"It", "s", "3", "5kg", "don", "t", "stop"});
  CHECK(words_of("caf\xC3\xA9 na\xC3\xAFve") == std::vector<std::string>{"caf\xC3\xA9", "na\xC3\xAFve"});
  CHECK(words_of("\xE2\x80\x9Cquoted\xE2\x80\x9D\xE2\x80\x94" "dash") == std::vector<std::string>{"quoted", "dash"});
  CHECK(words_of("\xE4\xB8\xAD\xE6\x96\x87\xE3\x80\x82yes\xE4\xBA\xBAno") ==
        std::vector<std::string>{"\xE4\xB8\xAD", "\xE6\x96\x87", "yes", "\xE4\xBA\xBA", "no"});
  CHECK(words_of("\xFF\xFE \xE4\xB8") == std::vector<std::string>{"\xFF\xFE", "\xE4\xB8"});  // not UTF-8: bytes as they come
  CHECK(words_of("a\xE2\x80") == std::vector<std::string>{"a"});                              // a character that is cut short
  CHECK(words_of("\xE3\x80").empty());
  CHECK(words_of(std::string("a\0b", 3)) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a set of hashes counts what is new, grows, and is cleared") {
  HashSet set;
  std::set<std::uint64_t> truth;
  Rng rng(3, "test/hash_set");
  for (int round = 0; round < 3; ++round) {
    set.clear();
    truth.clear();
    for (int i = 0; i < 5000; ++i) {
      const std::uint64_t hash = rng.below(3000) << (i % 2 ? 0 : 40);  // many with equal low bits
      REQUIRE(set.add(hash) == truth.insert(hash).second);
      REQUIRE(set.size() == truth.size());
    }
  }
  CHECK(text_hash("Word", true) == text_hash("wORD", true));
  CHECK(text_hash("Word", false) != text_hash("word", false));
  CHECK(text_hash("", false) != text_hash(std::string_view("\0", 1), false));
}

TEST_CASE("numbers that are missing rank just below the lowest") {
  const float nan = std::nanf("");
  std::vector<float> some = {2.5f, nan, -1.0f};
  CHECK(rank_missing_last(some));
  CHECK(some == std::vector<float>{2.5f, -2.0f, -1.0f});
  std::vector<float> far = {-1e10f, nan, 1e30f};
  CHECK(rank_missing_last(far));
  CHECK(far[1] < far[0]);
  std::vector<float> least = {std::numeric_limits<float>::lowest(), nan};
  CHECK(rank_missing_last(least));
  CHECK(least[1] == least[0]);  // there is nothing below
  std::vector<float> none = {nan, nan};
  CHECK_FALSE(rank_missing_last(none));
  CHECK_FALSE(rank_missing_last({}));
}

TEST_CASE("a band scores 0 within and minus the distance outside") {
  const std::vector<double> band = {1, 3};
  CHECK(band_score(band, 1) == 0);
  CHECK(band_score(band, 2) == 0);
  CHECK(band_score(band, 3) == 0);
  CHECK(band_score(band, 0.5) == -0.5);
  CHECK(band_score(band, 5) == -2);
  CHECK_NOTHROW(check_band("band", {}));
  CHECK_NOTHROW(check_band("band", {2, 2}));
  CHECK_THROWS_WITH(check_band("band", {3, 1}), Catch::Contains("band is [3, 1]") && Catch::Contains("ascending"));
  CHECK_THROWS_WITH(check_band("range", {1}), Catch::Contains("range has 1 numbers"));
}

TEST_CASE("texts are scored as passages or as documents, with the same bits for any number of threads") {
  const ScratchFolder folder;
  NoProgress quiet;
  const auto corpus = std::make_shared<TextCorpus>(folder.path(), 10);
  corpus->add("0123456789abcdef");          // passages of 10 and 6 bytes and the end mark
  corpus->add("too good", Set::validation);
  corpus->add("xy");                        // nothing can be said of it
  corpus->add("");
  corpus->add("abc");
  for (int i = 0; i < 400; ++i) corpus->add(std::string(static_cast<std::size_t>(i % 37), 'x'), i % 5 ? Set::pool : Set::test);
  for (const std::string unit : {"document", "passage"}) {
    std::vector<std::vector<float>> by_threads;
    for (const int threads : {1, 2, 7}) {
      AgentContext context{corpus, 1, quiet};
      context.machine.threads = threads;
      std::vector<float> out(corpus->passages().size());
      const Cost cost = score_texts(context, "any", unit, length_scorer, "advice", out);
      std::int64_t tokens = 0;
      for (const PassageId id : corpus->set(Set::pool)) tokens += corpus->passages()[id].tokens;
      CHECK(cost.tokens == tokens);
      CHECK(cost.flops == 0);
      by_threads.push_back(out);
    }
    CHECK(by_threads[0] == by_threads[1]);
    CHECK(by_threads[0] == by_threads[2]);
    const auto& s = by_threads[0];
    double sum = 0, n = 0;  // worked out from the texts
    for (const PassageId id : corpus->set(Set::pool)) {
      std::size_t bytes = 0;
      for (PassageId other = 0; other < corpus->passages().size(); ++other)
        if (unit == "document" ? corpus->passages()[other].document == corpus->passages()[id].document : other == id)
          bytes += corpus->passages()[other].bytes;
      if (bytes < 3) continue;
      CHECK(s[id] == static_cast<float>(bytes));
      sum += static_cast<double>(bytes);
      ++n;
    }
    CHECK(s[0] == (unit == "document" ? 16.0f : 10.0f));
    CHECK(s[1] == (unit == "document" ? 16.0f : 6.0f));
    CHECK(s[2] == 0);  // not of the pool
    CHECK(s[3] == Approx(sum / n));
    CHECK(s[4] == s[3]);
    CHECK(s[5] == 3);
  }
}

TEST_CASE("when nothing can be said of any text, the error says what to try, what a scorer throws arrives") {
  const ScratchFolder folder;
  NoProgress quiet;
  const auto corpus = std::make_shared<TextCorpus>(folder.path());
  corpus->add("ab");
  AgentContext context{corpus, 1, quiet};
  context.machine.threads = 3;
  std::vector<float> out(corpus->passages().size());
  CHECK_THROWS_WITH(score_texts(context, "any", "document", length_scorer, "lower the limit", out),
                    Catch::Contains("agent 'any'") && Catch::Contains("no document of the pool") && Catch::Contains("lower the limit"));
  const auto broken = [] { return [](std::string_view) -> float { throw RunError("no more memory"); }; };
  CHECK_THROWS_WITH(score_texts(context, "any", "document", broken, "", out), "no more memory");
}

TEST_CASE("a column knows what it cost when it is read again, and another option is another column") {
  const ScratchFolder folder;
  NoProgress quiet;
  const auto corpus = std::make_shared<TextCorpus>(folder.path());
  corpus->add("some text");
  int computed = 0;
  const auto column = [&](const std::string& key) {
    return static_column(*corpus, "any", key, quiet, [&](std::span<float> out) {
      std::fill(out.begin(), out.end(), static_cast<float>(++computed));
      return Cost{5, 7.5};
    });
  };
  const StaticColumn first = column("a"), again = column("a"), other = column("b");
  CHECK(computed == 2);
  CHECK(again.values[0] == 1);
  CHECK(other.values[0] == 2);
  CHECK(again.cost.tokens == 5);
  CHECK(again.cost.flops == 7.5);
  CHECK(again.seconds == first.seconds);
  CHECK(first.seconds >= 0);
  const auto key = [](const std::string& unit) {
    TextOptions options;
    options.unit = unit;
    return column_key("method 1", options.list());
  };
  CHECK(key("passage") != key("document"));
  CHECK_THAT(key("passage"), Catch::Contains("method 1") && Catch::Contains("unit = \"passage\""));
}

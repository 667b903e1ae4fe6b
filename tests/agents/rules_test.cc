// rules: every rule on both sides of its limit, and repetition against counts over std::map.
#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <sstream>

#include "agents/rule_facts.h"
#include "tests/agents/text_corpus.h"

using namespace fader;

namespace {

std::string times(std::size_t n, const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

/// Sentences that keep every rule: `n` of ten words each, no two alike.
std::string prose(std::size_t n) {
  static const char* const kNames[] = {"Anna", "Boris", "Clara", "David", "Elena", "Felix", "Greta", "Henry", "Irene", "Jonas"};
  static const char* const kVerbs[] = {"found", "painted", "carried", "sold", "mended", "hid", "drew", "lost", "wanted", "built"};
  std::string out;
  for (std::size_t i = 0; i < n; ++i)
    out += std::string(kNames[i % 10]) + " " + kVerbs[i / 10 % 10] + " the " + babble(i, 1, 90000) + " and " + babble(i + 900, 1, 90000) + " with " +
           babble(i + 1800, 1, 90000) + " to " + babble(i + 2700, 1, 90000) + ".\n";
  return out;
}

float score(const std::string& text, const std::vector<std::string>& rules = {}) {
  return Scored("rules", {text}, [&](Options& o) { set_option(o, "rules", rules); }).scores()[0];
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::string join(const std::vector<std::string>& words, std::size_t first, std::size_t n) {
  std::string out;
  for (std::size_t i = first; i < first + n; ++i) out += words[i] + " ";
  return out;
}

/// Share of the words' bytes in the most frequent n-gram, and in those that come twice or more.
std::pair<double, double> gram_shares(const std::vector<std::string>& words, std::size_t n) {
  std::map<std::string, std::size_t> count;
  for (std::size_t i = 0; i + n <= words.size(); ++i) ++count[join(words, i, n)];
  double all = 0, top = 0, repeated = 0;
  std::size_t most = 1;
  std::vector<bool> covered(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) all += static_cast<double>(words[i].size());
  for (const auto& [gram, c] : count) most = std::max(most, c);
  for (const auto& [gram, c] : count)
    if (c == most && most > 1) top = std::max(top, static_cast<double>(c * (gram.size() - n)));
  for (std::size_t i = 0; i + n <= words.size(); ++i)
    if (count[join(words, i, n)] > 1)
      for (std::size_t k = i; k < i + n; ++k) covered[k] = true;
  for (std::size_t i = 0; i < words.size(); ++i) repeated += covered[i] ? static_cast<double>(words[i].size()) : 0;
  return {std::min(1.0, top / all), repeated / all};
}

}  // namespace

TEST_CASE("each rule is kept on one side of its limit and broken on the other") {
  const std::string word = "letters ", words40 = times(40, word), words100 = times(100, word);
  struct Case {
    std::string rule, kept, broken;
  };
  const std::vector<Case> cases = {
      {"gopher_words", times(50, "word "), times(49, "word ")},
      {"gopher_words", times(100'000, "w "), times(100'001, "w ")},
      {"gopher_word_length", times(9, "abc "), times(9, "abc ") + "ab"},
      {"gopher_word_length", times(9, "abcdefghij "), times(9, "abcdefghij ") + "abcdefghijk"},
      {"gopher_word_length", times(9, "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9 "), "\xC3\xA9\xC3\xA9"},  // characters, not bytes
      {"gopher_symbols", words100 + times(10, "#"), words40 + times(6, "#")},
      {"gopher_symbols", words40 + times(4, "a..."), words40 + times(3, "a... ") + times(3, "b\xE2\x80\xA6 ")},
      {"gopher_bullets", times(9, "- one\n") + "two\n", times(10, "\xE2\x80\xA2 one\n")},
      {"gopher_bullets", times(19, "* one\n") + "two\nthree\nfour\n", times(19, "- one\n") + "\n\n \ntwo\n"},
      {"gopher_ellipsis_lines", times(3, "more ...\n") + times(7, "end\n"), times(2, "more ...\n") + times(2, "so\xE2\x80\xA6\n") + times(6, "end\n")},
      {"gopher_alphabetic", times(8, "word ") + "12 --", times(7, "word ") + "12 -- %"},
      {"gopher_alphabetic", "\xE4\xB8\xAD\xE6\x96\x87 abc", "12 345"},
      {"gopher_stop_words", "The cat and I", "the cat, the dog: THE end; others bee"},
      {"gopher_stop_words", "be WITH me", "and/or to"},
      {"gopher_repeated_lines", "one\ntwo\nthree\nfour\nfive\nsix\nseven\none\none\n", "one\ntwo\none\none\n"},
      {"gopher_repeated_lines", "bbbb\ncccc\ndddd\neeee\nffff\ngggg\na\na\na\n", "a\nb\nc\nd\nlong long long long\nf\ng\nlong long long long\n"},  // by lines; by bytes
      {"gopher_repeated_paragraphs", "one\ntwo\n\none\nthree\n\n\none\nfour\n", "one\ntwo\n\nthree\n\n\none\ntwo\n"},
      {"gopher_top_grams", prose(20), prose(3) + times(9, "same words ")},
      {"gopher_repeated_grams", prose(40), prose(3) + times(2, "this stretch of words is repeated as it stands in full ")},
      {"c4_line_ends", "It ends well.\nYes!\nno end\n", "It ends...\nYes!\nno end\n"},
      {"c4_line_ends", "\"So,\" he said, \"it ends.\"\nmenu\n", "homes\nmenu\nHe left.\n"},
      {"c4_line_words", "one two three four five\nmenu\n", "one two three four\nfive six seven\n"},
      {"c4_sentences", "One. Two! Three? four", "One. Two 2.5 www.x.org... and"},
      {"c4_sentences", "\"One.\" \"Two.\" Three.", "One. Two."},
      {"c4_javascript", "java script", "Please enable JavaScript"},
      {"c4_lorem_ipsum", "lorem", "Lorem ipsum dolor"},
      {"c4_curly_bracket", "f(x) = [y]", "int main() { }"},
  };
  std::set<std::string> seen;
  for (const Case& c : cases) {
    CAPTURE(c.rule, c.kept.substr(0, 60), c.broken.substr(0, 60));
    CHECK(score(c.kept, {c.rule}) == 1);
    CHECK(score(c.broken, {c.rule}) == 0);
    seen.insert(c.rule);
  }
  const std::string good = prose(20);
  CHECK(score(good) == 1);
  CHECK(score(good + "{") == Approx((seen.size() - 1.0) / seen.size()));  // there are no other rules
  CHECK(score(good + "{ javascript") == Approx((seen.size() - 2.0) / seen.size()));
  CHECK(score(good + "{", {"c4_curly_bracket", "c4_sentences"}) == 0.5f);
}

TEST_CASE("repeated and frequent n-grams are those that a map of all of them finds") {
  RuleReader reader(RuleFacts::kTopGrams | RuleFacts::kRepeatedGrams);
  for (const auto& text : {babble(1, 700, 9), babble(2, 3000, 40), babble(3, 200, 3), babble(4, 9, 100), std::string("word"), babble(5, 1200, 5000),
                           times(30, "again and again "), babble(6, 90, 30) + " " + babble(6, 90, 30)}) {
    const RuleFacts& facts = reader.read(text);
    const auto words = split(text);
    CHECK(facts.words == static_cast<double>(words.size()));
    for (std::size_t n = 2; n <= 4; ++n) CHECK(facts.top_grams[n - 2] == Approx(gram_shares(words, n).first).margin(1e-12));
    for (std::size_t n = 5; n <= 10; ++n) CHECK(facts.repeated_grams[n - 5] == Approx(gram_shares(words, n).second).margin(1e-12));
  }
}

TEST_CASE("lines and paragraphs that come again are counted by number and by bytes") {
  RuleReader reader(RuleFacts::kRepeatedLines);
  const RuleFacts& facts = reader.read("alpha beta\n  gamma  \n\nalpha beta\r\ngamma\n\n\ndelta\n\nalpha beta\n");
  CHECK(facts.lines == 6);
  CHECK(facts.repeated_lines == Approx(3.0 / 6));                     // alpha beta twice more, gamma once
  CHECK(facts.repeated_line_bytes == Approx(25.0 / 45));
  CHECK(facts.repeated_paragraphs == Approx(1.0 / 4));                // the first two are one, trimmed
  CHECK(facts.repeated_paragraph_bytes == Approx(15.0 / 45));
  CHECK(reader.read("").lines == 0);                                  // nothing is left of the text before
  CHECK(reader.read("").repeated_lines == 0);
}

TEST_CASE("rules are chosen by name") {
  CHECK_THROWS_WITH(score("a", {"gopher_word"}), Catch::Contains("no rule 'gopher_word'") && Catch::Contains("gopher_words"));
  CHECK_THROWS_WITH(score("a", {"c4_sentences", "c4_sentences"}), Catch::Contains("'c4_sentences' twice"));
}

TEST_CASE("rules have an answer for any bytes") {
  for (const std::string& text : {std::string(), std::string("\0\0", 2), std::string("\xFF\xFE\xE2\x80"), std::string(3000, 'a'), std::string("...."), std::string("\n\n\n")}) {
    const float s = score(text);
    CHECK(s >= 0);
    CHECK(s <= 1);
  }
}

// lexical_diversity against counts by std::set and the worked example of McCarthy and Jarvis (2010).
#include <catch2/catch.hpp>

#include <set>
#include <sstream>

#include "tests/agents/text_corpus.h"

using namespace fader;

namespace {

std::vector<std::string> split(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) {
    while (!word.empty() && word.back() == '.') word.pop_back();
    out.push_back(word);
  }
  return out;
}

double ratio(const std::vector<std::string>& words, std::size_t from, std::size_t to) {
  const std::set<std::string> distinct(words.begin() + static_cast<std::ptrdiff_t>(from), words.begin() + static_cast<std::ptrdiff_t>(to));
  return static_cast<double>(distinct.size()) / static_cast<double>(to - from);
}

double windows(const std::vector<std::string>& words, std::size_t length) {
  double sum = 0, n = 0;
  for (std::size_t from = 0; from + length <= words.size(); from += length, ++n) sum += ratio(words, from, from + length);
  return sum / n;
}

/// By the definition, every ratio counted anew.
double stretches(const std::vector<std::string>& words, double threshold) {
  double count = 0;
  std::size_t from = 0;
  for (std::size_t to = 1; to <= words.size(); ++to)
    if (ratio(words, from, to) < threshold) {
      ++count;
      from = to;
    }
  if (from < words.size()) count += (1 - ratio(words, from, words.size())) / (1 - threshold);
  return count;
}
double mtld(std::vector<std::string> words, double threshold) {
  const double n = static_cast<double>(words.size()), forwards = stretches(words, threshold);
  std::reverse(words.begin(), words.end());
  const double backwards = stretches(words, threshold);
  return 0.5 * ((forwards > 0 ? n / forwards : n) + (backwards > 0 ? n / backwards : n));
}

auto measured(const std::string& measure, std::int64_t words) {
  return [=](Options& o) {
    set_option(o, "measure", measure);
    set_option(o, "words", words);
  };
}

}  // namespace

TEST_CASE("distinct words per word, in windows of fixed length") {
  const std::vector<std::string> texts = {babble(1, 1000, 60), babble(2, 1000, 2000), babble(3, 64, 100), babble(4, 127, 100), babble(5, 63, 100)};
  const auto s = Scored("lexical_diversity", texts, measured("type_token", 64), 2).scores();
  for (std::size_t i = 0; i < 4; ++i) CHECK(s[i] == Approx(windows(split(texts[i]), 64)).epsilon(1e-6));
  CHECK(s[1] > s[0] + 0.2f);
  CHECK(s[4] > s[0]);  // too short by a word: in the middle
  CHECK(s[4] < s[1]);
  // length alone changes nothing: a longer text of the same words is no less diverse
  const auto longer = Scored("lexical_diversity", {babble(6, 640, 300), babble(6, 6400, 300)}, measured("type_token", 64)).scores();
  CHECK(longer[0] == Approx(longer[1]).margin(0.02));
}

TEST_CASE("words count in any case, and punctuation does not") {
  const auto s = Scored("lexical_diversity", {"The the, THE (the)", "one two three four"}, measured("type_token", 4)).scores();
  CHECK(s == std::vector<float>{0.25f, 1.0f});
}

TEST_CASE("MTLD is the mean length of stretches of given diversity, forwards and backwards") {
  const std::vector<std::string> texts = {babble(1, 400, 40), babble(2, 400, 400), babble(3, 150, 12), babble(4, 3000, 3000)};
  const auto s = Scored("lexical_diversity", texts, measured("mtld", 50)).scores();
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(s[i] == Approx(mtld(split(texts[i]), 0.72)).epsilon(1e-6));
  CHECK(s[2] < s[0]);
  CHECK(s[0] < s[1]);
  // the paper's example: of the people by the people | for the people, the ratio at the bar is 4 / 6; backwards people the for people the |
  const auto example = Scored("lexical_diversity", {"of the people by the people for the people"}, measured("mtld", 2)).scores();
  CHECK(example[0] == 9);  // one stretch each way, and nothing repeats in what is left
  // no word comes twice: as many as there are
  CHECK(Scored("lexical_diversity", {"a b c d e f", "a a a a a a"}, measured("mtld", 2)).scores() == std::vector<float>{6.0f, 2.0f});
}

TEST_CASE("when no text has enough words, the error says which options help") {
  const auto passages = [](Options& o) { set_option<std::string>(o, "unit", "passage"); };
  CHECK_THROWS_WITH(Scored("lexical_diversity", {babble(1, 400)}, passages),
                    Catch::Contains("256 words") && Catch::Contains("lower words") && Catch::Contains("unit = \"document\""));
  CHECK_NOTHROW(Scored("lexical_diversity", {babble(1, 400)}));
}

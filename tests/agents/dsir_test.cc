// dsir against importance weights counted by text, without hashing.
#include <catch2/catch.hpp>

#include <cmath>
#include <map>
#include <sstream>

#include "tests/agents/themed_text.h"

using namespace fader;

namespace {

using Bag = std::map<std::string, double>;

/// Words and pairs of neighbours of a text of words with single spaces between them.
Bag grams(const std::string& text) {
  Bag out;
  std::istringstream in(text);
  std::string before;
  for (std::string word; in >> word; before = word) {
    ++out[word];
    if (!before.empty()) ++out[before + " " + word];
  }
  return out;
}

constexpr double kManyBuckets = 1e6;  // so many that no two of the test's words share one

std::vector<double> expected(const std::vector<std::string>& anchor, const std::vector<std::string>& pool, double smoothing, bool per_token) {
  Bag anchor_counts, pool_counts;
  double anchor_sum = smoothing * kManyBuckets, pool_sum = anchor_sum;
  for (const auto& [texts, counts, sum] : {std::tuple(&anchor, &anchor_counts, &anchor_sum), std::tuple(&pool, &pool_counts, &pool_sum)})
    for (const std::string& text : *texts)
      for (const auto& [gram, n] : grams(text)) {
        (*counts)[gram] += n;
        *sum += n;
      }
  std::vector<double> out;
  for (const std::string& text : pool) {
    double score = 0, all = 0;
    for (const auto& [gram, n] : grams(text)) {
      score += n * std::log((anchor_counts[gram] + smoothing) / anchor_sum / ((pool_counts[gram] + smoothing) / pool_sum));
      all += n;
    }
    out.push_back(per_token ? score / all : score);
  }
  return out;
}

}  // namespace

TEST_CASE("dsir is the importance weight of words and pairs of words") {
  const std::vector<std::string> anchor = {"the cat sat", "a cat", "the dog sat down"};
  const std::vector<std::string> pool = {"the cat sat", "stocks fell and stocks rose", "the the the", "cat", "sat cat the"};
  for (const double smoothing : {1.0, 0.01})
    for (const bool per_token : {false, true}) {
      const ScratchFolder folder;
      const auto corpus = std::make_shared<TextCorpus>(folder.path());
      for (const std::string& text : anchor) corpus->add(text, Set::anchor);
      for (const std::string& text : pool) corpus->add(text, Set::pool);
      const auto agent = make_reader("dsir", corpus, [&](Options& o) {
        set_option<std::int64_t>(o, "buckets", static_cast<std::int64_t>(kManyBuckets));
        set_option<double>(o, "smoothing", smoothing);
        set_option<bool>(o, "per_token", per_token);
      });
      const auto found = scores(*agent, corpus->set(Set::pool));
      const auto truth = expected(anchor, pool, smoothing, per_token);
      for (std::size_t i = 0; i < pool.size(); ++i) CHECK(static_cast<double>(found[i]) == Approx(truth[i]).epsilon(1e-4));
      CHECK(found[0] > found[4]);  // the same words in another order
    }
}

TEST_CASE("dsir reads letters in any case, knows code by its brackets, and lets a text without words rank in the middle") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path());
  corpus->add("{ ( x ) } ; The CAT", Set::anchor);
  for (const char* text : {"the cat", "THE Cat", "{ ( {", "", "nothing of it"}) corpus->add(text, Set::pool);
  const auto s = scores(*make_reader("dsir", corpus, [](Options&) {}), corpus->set(Set::pool));
  CHECK(s[0] == s[1]);
  CHECK(s[2] > s[4]);
  CHECK(s[3] == Approx((s[0] + s[1] + s[2] + s[4]) / 4));
}

#include "trainer/evaluation.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;

namespace {

std::vector<std::uint32_t> some_tokens(int n) { return std::vector<std::uint32_t>(static_cast<std::size_t>(n), 5); }

/// Domain 0: group 1 of three passages, group 2 of one. Domain 1: group 3 of two, not of the reference kind. Domain 2: none.
ToyCorpus small_corpus() {
  ToyCorpus corpus(40, 8);
  corpus.add(some_tokens(20), Set::reward, 0, 1);         // passages 0, 1, 2 (of 8, 8, 5 tokens)
  corpus.add(some_tokens(4), Set::reward, 0, 2);          // 3
  corpus.add(some_tokens(12), Set::reward, 1, 3, false);  // 4, 5
  corpus.add(some_tokens(8), Set::pool, 2, 4);            // 6 and 7, which is an end mark alone
  return corpus;
}

}  // namespace

TEST_CASE("evaluation items take domains in turn, groups in turn, passages in order") {
  const ToyCorpus corpus = small_corpus();
  const auto items = evaluation_items(corpus, Set::reward, false, 100);
  const bool two_first = items[0] == 3;  // the order of the two groups is drawn
  const std::vector<PassageId> one_then_two{0, 4, 3, 5, 1, 2}, two_then_one{3, 4, 0, 5, 1, 2};
  CHECK(items == (two_first ? two_then_one : one_then_two));
  CHECK(evaluation_items(corpus, Set::test, false, 100).empty());
  CHECK(evaluation_items(corpus, Set::reward, false, 0).empty());
}

TEST_CASE("evaluation items leave out what is not asked for") {
  const ToyCorpus corpus = small_corpus();
  for (const PassageId id : evaluation_items(corpus, Set::reward, true, 100)) CHECK(corpus.document(id).reference);
  CHECK(evaluation_items(corpus, Set::reward, true, 100).size() == 4);
  CHECK(evaluation_items(corpus, Set::pool, false, 100) == std::vector<PassageId>{6});  // 7 has no text
}

TEST_CASE("evaluation items are balanced, unique and a function of the corpus alone") {
  const auto corpus = ToyCorpus::random(3, 600);
  for (const Set set : {Set::pool, Set::reward, Set::test}) {
    const auto items = evaluation_items(*corpus, set, false, 60);
    REQUIRE(items.size() == 60);
    CHECK(std::set<PassageId>(items.begin(), items.end()).size() == 60);
    std::map<int, int> domains;
    std::map<std::pair<int, std::uint32_t>, int> groups;
    for (const PassageId id : items) {
      ++domains[corpus->document(id).domain];
      ++groups[{corpus->document(id).domain, corpus->document(id).group}];
      CHECK(corpus->document(id).set == set);
    }
    for (const auto& [domain, n] : domains) CHECK(n == 20);
    for (const auto& [group, n] : groups) CHECK(n == 1);  // every domain has more than 20 groups
    CHECK(evaluation_items(*corpus, set, false, 60) == items);
    const auto fewer = evaluation_items(*corpus, set, false, 17);
    CHECK(std::equal(fewer.begin(), fewer.end(), items.begin()));
  }
}

TEST_CASE("another corpus gives another order of groups, and it is not that of the numbers") {
  const auto corpus = ToyCorpus::random(3, 600);
  const auto one = evaluation_items(*corpus, Set::reward, false, 60);
  std::vector<std::uint32_t> groups;
  for (const PassageId id : one)
    if (corpus->document(id).domain == 0) groups.push_back(corpus->document(id).group);
  CHECK(!std::is_sorted(groups.begin(), groups.end()));
  corpus->set_hash("another");
  CHECK(evaluation_items(*corpus, Set::reward, false, 60) != one);
}

TEST_CASE("the loss of a set is summed nats over summed tokens, then a plain mean over domains") {
  const ToyCorpus corpus = small_corpus();
  const std::vector<PassageId> items{0, 2, 4};
  const std::vector<float> loss{2.0f, 4.0f, 1.0f};
  const SetLoss result = summarise(corpus, items, loss);
  const double nats = 2.0 * 8 + 4.0 * 5;
  CHECK(result.domain_nats_per_token[0] == Approx(nats / 13).epsilon(1e-14));
  CHECK(result.domain_nats_per_token[1] == Approx(1.0).epsilon(1e-14));
  CHECK(std::isnan(result.domain_nats_per_token[2]));
  CHECK(result.nats_per_token == Approx((nats / 13 + 1) / 2).epsilon(1e-14));
  // Token 5 stands for three bytes; passage 2 holds four of them and the end mark, passage 4 eight.
  const double bits0 = nats / ((8 + 4) * 3 * std::log(2.0)), bits1 = 8 / (8 * 3 * std::log(2.0));
  CHECK(result.domain_bits_per_byte[0] == Approx(bits0).epsilon(1e-14));
  CHECK(result.domain_bits_per_byte[1] == Approx(bits1).epsilon(1e-14));
  CHECK(std::isnan(result.domain_bits_per_byte[2]));
  CHECK(result.bits_per_byte == Approx((bits0 + bits1) / 2).epsilon(1e-14));
}

TEST_CASE("the loss of nothing is NaN, and losses that do not fit the items are a defect") {
  const ToyCorpus corpus = small_corpus();
  CHECK(std::isnan(summarise(corpus, {}, {}).nats_per_token));
  CHECK(std::isnan(summarise(corpus, {}, {}).bits_per_byte));
  CHECK(token_weights(corpus, {}).empty());
  const std::vector<PassageId> items{0, 2};
  const std::vector<float> loss{2.0f};
  CHECK_THROWS_AS(summarise(corpus, items, loss), Defect);
}

TEST_CASE("token weights make the weighted sum of nats the macro average") {
  const auto corpus = ToyCorpus::random(11, 400);
  Rng rng(1, "test/evaluation");
  for (const bool reference_only : {false, true}) {
    const auto items = evaluation_items(*corpus, Set::validation, reference_only, 70);
    std::vector<float> loss;
    for (std::size_t i = 0; i < items.size(); ++i) loss.push_back(static_cast<float>(1 + 4 * rng.uniform()));
    const auto weight = token_weights(*corpus, items);
    REQUIRE(weight.size() == items.size());
    double sum = 0, total = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const double tokens = corpus->passages()[items[i]].tokens;
      sum += double{weight[i]} * tokens * double{loss[i]};
      total += double{weight[i]} * tokens;
    }
    CHECK(sum == Approx(summarise(*corpus, items, loss).nats_per_token).epsilon(1e-6));
    CHECK(total == Approx(1).epsilon(1e-6));
  }
}

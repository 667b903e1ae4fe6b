#include <catch2/catch.hpp>

#include <cmath>

#include "env/reward.h"
#include "tests/trainer/toy_corpus.h"
#include "trainer/evaluation.h"

using namespace fader;

namespace {

Estimate measure(const Corpus& corpus, const std::vector<PassageId>& items, const std::vector<float>& before, const std::vector<float>& after) {
  const auto reward = rewards().make_default("reference_loss_drop", RewardContext{corpus, 1});
  return reward->measure(0, {items, before, after, summarise(corpus, items, before).nats_per_token, summarise(corpus, items, after).nats_per_token});
}

}  // namespace

TEST_CASE("W1 is positive when the loss fell, and its error is clustered by group") {
  ToyCorpus corpus(10, 8);  // a document of n tokens makes one passage of n + 1
  corpus.add({2, 2, 2}, Set::reward, 0, 1);
  corpus.add({2, 2, 2}, Set::reward, 0, 1);
  corpus.add({2, 2, 2}, Set::reward, 0, 2);
  corpus.add({2, 2, 2}, Set::reward, 0, 2);
  const std::vector<PassageId> items = {0, 1, 2, 3};
  const auto e = measure(corpus, items, {5, 5, 5, 5}, {4, 4, 3, 3});
  CHECK(e.value == Approx(1.5));
  // group residuals: 8 tokens x (1 - 1.5) = -4 and +4; N = 16; var = 2/1 * 32 / 256
  CHECK(e.standard_error == Approx(0.5));

  // as if the passages were independent it would look better than it is
  ToyCorpus apart(10, 8);
  for (int i = 0; i < 4; ++i) apart.add({2, 2, 2}, Set::reward, 0);
  CHECK(measure(apart, items, {5, 5, 5, 5}, {4, 4, 3, 3}).standard_error < 0.4);

  CHECK(measure(corpus, items, {4, 4, 3, 3}, {5, 5, 5, 5}).value == Approx(-1.5));
}

TEST_CASE("W1 is a mean over domains, whatever their sizes") {
  ToyCorpus corpus(10, 8);
  for (int i = 0; i < 6; ++i) corpus.add({2, 2, 2}, Set::reward, 0);
  for (int i = 0; i < 2; ++i) corpus.add({2, 2, 2}, Set::reward, 1);
  const std::vector<PassageId> items = {0, 1, 2, 3, 4, 5, 6, 7};
  const auto e = measure(corpus, items, {1, 1, 1, 1, 1, 1, 4, 4}, {1, 1, 1, 1, 1, 1, 1, 1});
  CHECK(e.value == Approx(1.5));
  CHECK(e.standard_error == Approx(0.0).margin(1e-12));
}

TEST_CASE("W1 has no error to state when a domain is a single group") {
  ToyCorpus corpus(10, 8);
  corpus.add({2, 2, 2}, Set::reward, 0, 1);
  corpus.add({2, 2, 2}, Set::reward, 0, 1);
  CHECK(std::isnan(measure(corpus, {0, 1}, {2, 2}, {1, 1}).standard_error));
}

TEST_CASE("the clustered error covers: its mean square is the variance of the estimate") {
  Rng rng(3, "test/w1");
  double squared_error = 0, squared_se = 0;
  const int repetitions = 2000;
  for (int r = 0; r < repetitions; ++r) {
    ToyCorpus corpus(10, 8);
    std::vector<PassageId> items;
    std::vector<float> before, after;
    for (std::uint32_t g = 1; g <= 20; ++g) {
      const double shared = rng.normal();
      for (int i = 0; i < 5; ++i) {
        corpus.add({2, 2, 2}, Set::reward, 0, g);
        items.push_back(static_cast<PassageId>(items.size()));
        before.push_back(5);
        after.push_back(static_cast<float>(5 - 0.3 - 0.2 * (shared + 0.5 * rng.normal())));
      }
    }
    const auto e = measure(corpus, items, before, after);
    squared_error += std::pow(e.value - 0.3, 2) / repetitions;
    squared_se += e.standard_error * e.standard_error / repetitions;
  }
  CHECK(squared_se / squared_error == Approx(1.0).margin(0.12));
}

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

#include "agents/agent.h"
#include "tests/agents/no_trainer.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;

TEST_CASE("random scores are uniform, and a function of seed and passage alone") {
  const auto corpus = ToyCorpus::random(1, 400);
  NoProgress progress;
  const auto agent = agents().make_default("random", AgentContext{corpus, 2, progress});
  const int slots[] = {0, 1};
  const std::uint64_t seeds[] = {5, 6};
  agent->begin(slots, seeds);

  std::vector<PassageId> ids(corpus->passages().size());
  std::iota(ids.begin(), ids.end(), 0u);
  const auto a = scores(*agent, ids), b = scores(*agent, ids, 1);
  REQUIRE(ids.size() > 500);
  CHECK(a != b);
  CHECK(std::accumulate(a.begin(), a.end(), 0.0) / static_cast<double>(a.size()) == Approx(0.5).margin(0.05));
  CHECK(*std::min_element(a.begin(), a.end()) >= 0);
  CHECK(*std::max_element(a.begin(), a.end()) < 1);

  // the same passage in another order, in another slot with the same seed: the same score
  std::vector<PassageId> reversed(ids.rbegin(), ids.rend());
  agent->begin(std::span(slots).subspan(1), std::span(seeds).subspan(0, 1));
  auto c = scores(*agent, reversed, 1);
  std::reverse(c.begin(), c.end());
  CHECK(a == c);
}

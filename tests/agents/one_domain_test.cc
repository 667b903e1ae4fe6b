#include <catch2/catch.hpp>

#include "tests/agents/agent_options.h"
#include "tests/agents/no_trainer.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;

namespace {

std::unique_ptr<Agent> make(const std::string& domain) {
  auto corpus = std::make_shared<ToyCorpus>(10, 8);
  for (int i = 0; i < 6; ++i) corpus->add({2, 3}, Set::pool, static_cast<std::uint16_t>(i % 3));
  return make_agent("one_domain", corpus, 1, [&](Options& o) { set_option(o, "domain", domain); });
}

}  // namespace

TEST_CASE("one_domain gives one to its domain and zero to the others, and asks for nothing") {
  const auto agent = make("domain1");
  CHECK(scores(*agent, {0, 1, 2, 3, 4, 5}) == std::vector<float>{0, 1, 0, 0, 1, 0});
  CHECK(scores(*make("domain2"), {2, 1, 5}) == std::vector<float>{1, 0, 1});
  Rng stream(1, "probes");
  std::vector<ProbeGroup> out[1];
  const int slot[] = {0};
  agent->probes(slot, Streams(&stream, 1), out);
  CHECK(out[0].empty());
  CHECK(agent->category_values(0).values.empty());
  CHECK(agent->not_mine() == 0.0f);
}

TEST_CASE("one_domain says which domains there are") {
  CHECK_THROWS_WITH(make("domainX"), Catch::Contains("no domain 'domainX'") && Catch::Contains("domain0"));
  CHECK_THROWS_WITH(make("weather"), Catch::Contains("known: domain0, domain1, domain2"));
  CHECK_THROWS_WITH(make(""), Catch::Contains("domain is not given"));
}

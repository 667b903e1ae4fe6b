// gradient_cosine against influence taken one passage at a time, and against a reference set of one domain.
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/agents/model_agents.h"

using namespace fader;

namespace {

std::unique_ptr<Agent> make(const std::string& measure, double budget = 1000) {
  return make_model_agent("gradient_cosine", small::corpus(), 1, [&](Options& o) {
    set_option(o, "measure", measure);
    set_option(o, "budget", budget);
  });
}

std::vector<PassageId> of_domain(Set set, std::uint16_t domain) {
  std::vector<PassageId> out;
  for (const PassageId id : small::corpus()->set(set))
    if (small::corpus()->document(id).domain == domain && small::corpus()->passages()[id].tokens >= 8) out.push_back(id);
  return out;
}

}  // namespace

TEST_CASE("gradient_cosine is what influence says of each passage alone, and looking changes nothing") {
  const auto trainer = small::fresh();
  PassageId at = 0;
  small::train(*trainer, 8, at);
  small::set_reference(*trainer, small::first(Set::reward, 30));
  const std::string before = small::saved(*trainer);
  const auto ids = small::first(Set::pool, 25);
  for (const char* measure : {"dot", "cosine", "dot_per_norm"}) {
    INFO(measure);
    const auto agent = make(measure);
    CHECK(agent->wants_reference_gradient());
    begin(*agent);
    const Scored s = score_with(*agent, *trainer, ids);
    Cost cost;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const Probe p = small::probe(*trainer, {&ids[i], 1});
      const std::string name = measure;
      const float expected = name == "dot" ? p.dot : name == "cosine" ? p.cosine : p.dot / p.norm;
      CHECK(s.score[i] == Approx(expected).epsilon(2e-3).margin(1e-5));
      cost += p.cost;
    }
    CHECK(s.cost.tokens == cost.tokens);
    CHECK(s.cost.flops == Approx(cost.flops));
  }
  CHECK(small::saved(*trainer) == before);
}

TEST_CASE("passages of the reference set's domain rank above the others") {
  const auto trainer = small::fresh();
  PassageId at = 0;
  small::train(*trainer, 8, at);
  for (const std::uint16_t domain : {std::uint16_t{0}, std::uint16_t{2}}) {
    small::set_reference(*trainer, of_domain(Set::reward, domain));
    const auto agent = make("cosine");
    begin(*agent);
    double right = 0, pairs = 0;
    const auto mine = of_domain(Set::pool, domain);
    const std::vector<float> high = score_with(*agent, *trainer, mine).score;
    for (std::uint16_t other = 0; other < 3; ++other) {
      if (other == domain) continue;
      const auto theirs = of_domain(Set::pool, other);
      const std::vector<float> low = score_with(*agent, *trainer, theirs).score;
      for (const float a : high)
        for (const float b : low) right += a > b, pairs += 1;
    }
    INFO("domain " << domain);
    CHECK(right / pairs > 0.9);
  }
}

TEST_CASE("without a reference gradient all scores are 0, and nothing is asked") {
  const auto trainer = small::fresh();
  const auto agent = make("cosine");
  begin(*agent);
  const auto ids = small::first(Set::pool, 10);
  const Scored s = score_with(*agent, *trainer, ids);
  CHECK(s.score == std::vector<float>(10, 0.0f));
  CHECK(s.cost.flops == 0);
}

TEST_CASE("a backward pass counts threefold in the budget, and a gradient of norm 0 scores 0") {
  ToldTrainer told(small::corpus());
  told.reference = 1;
  told.probe = [](int, PassageId id) { return Probe{.dot = static_cast<float>(id), .norm = 0, .cosine = 0}; };
  std::vector<PassageId> ids;
  for (const PassageId id : small::corpus()->set(Set::pool))
    if (small::corpus()->passages()[id].tokens == 16) ids.push_back(id);
  REQUIRE(ids.size() > 10);
  const auto agent = make("dot_per_norm", 0.5);  // of 12 rows a forward and a backward pass each
  begin(*agent);
  CHECK(score_with(*agent, told, ids).score == std::vector<float>(ids.size(), 0.0f));
  CHECK(told.asked == 6);
}

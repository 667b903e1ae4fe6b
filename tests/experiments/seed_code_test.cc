// The seed paper's released code from its agents to its console (tests/agents/seed_code_test.cc and tests/oracle/seed_test.cc have the parts).
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "env/credit.h"
#include "tests/agents/no_trainer.h"
#include "tests/policies/console.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;
using namespace fader::testing;

// Three agents with memory = "code", their list of values, the console. At n = 10,000 samples each the weights of the agents hardly
// move in four stages, whatever the samples say.
TEST_CASE("the seed paper's released code leaves theta where it was") {
  const auto largest_move = [](int n, double low, double high) {
    auto corpus = std::make_shared<ToyCorpus>(10, 8);
    for (int i = 0; i < 13 * n; ++i)  // 5 bins, 7 domains, 13 topics with n passages or more each
      corpus->add({2}, Set::pool, static_cast<std::uint16_t>(i % 7), 0, true, static_cast<float>(i % 5), static_cast<std::int16_t>(i % 13));
    NoProgress progress;
    std::vector<std::unique_ptr<Agent>> agents;
    std::vector<std::size_t> categories = {5, 7, 13};
    for (const char* kind : {"quality", "domain", "topic"}) {
      const auto options = fader::agents().at(kind).options();
      set_option(*options, "memory", std::string("code"));
      set_option(*options, "probe_passages", static_cast<std::int64_t>(n));
      if (std::string(kind) == "quality") set_option(*options, "bins", std::vector<double>{0, 1, 2, 3, 4, 5});
      agents.push_back(fader::agents().at(kind).make(*options, AgentContext{corpus, 1, progress}));
    }
    const int slot[] = {0};
    const std::uint64_t seed[] = {1};
    const auto context = context_of(3, 1, 400);
    Console c(make_policy("seed_code", context), context, 1);
    Rng rng(7, "test/influence");
    double largest = 0;
    for (const auto& agent : agents) agent->begin(slot, seed);
    for (int stage = 0; stage < 4; ++stage) {
      std::vector<CategoryValues> values;
      for (std::size_t a = 0; a < 3; ++a) {
        std::vector<Probe> measured(categories[a] * static_cast<std::size_t>(n));
        for (Probe& p : measured) p.cosine = static_cast<float>(low + (high - low) * rng.uniform());
        const std::span<const Probe> rows[] = {measured};
        double reward = 0;
        agents[a]->feedback(slot, rows, {&reward, 1});
        values.push_back(agents[a]->category_values(0));
      }
      c.decide();
      Grid<double> credit(1, 3);
      std::ranges::copy(seed_code_credit(values, 3), credit[0].begin());
      c.learn({0.0}, credit);
      for (const double t : c.decide().diagnostics[0].first(3)) largest = std::max(largest, std::abs(t - 1.0 / 3));
    }
    return largest;
  };
  CHECK(largest_move(10000, 0.0, 0.4) < 1e-6);   // cosines
  CHECK(largest_move(10000, 2.0, 7.0) < 1e-5);   // losses, as the code's second path would feed it
  CHECK(largest_move(10, 0.0, 0.4) > 1e-4);      // it is n that holds it down
}

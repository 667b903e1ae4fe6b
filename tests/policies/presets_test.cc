#include "policies/presets.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "policies/simplex.h"
#include "tests/policies/console.h"

using namespace fader;
using namespace fader::testing;

namespace {

Vectors presets(const std::string& kind, std::size_t agents, std::int64_t picks = 0) {
  BanditOptions options;
  options.presets = kind;
  return make_presets(options, context_of(agents, 1, picks));
}

Vectors listed(Vectors list, std::size_t agents) {
  BanditOptions options;
  options.presets_list = std::move(list);
  return make_presets(options, context_of(agents));
}

}  // namespace

TEST_CASE("lattices of presets") {
  REQUIRE(presets("vertices", 2) == Vectors{{1, 0}, {0, 1}});
  REQUIRE(presets("vertices_centre", 2) == Vectors{{1, 0}, {0, 1}, {0.5, 0.5}});
  REQUIRE(presets("simplex", 3) == Vectors{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0.5, 0.5, 0}, {0.5, 0, 0.5}, {0, 0.5, 0.5},
                                           {1.0 / 3, 1.0 / 3, 1.0 / 3}});
  // What coincides is there once.
  REQUIRE(presets("simplex", 2) == Vectors{{1, 0}, {0, 1}, {0.5, 0.5}});
  REQUIRE(presets("simplex", 1) == Vectors{{1}});
  REQUIRE(presets("vertices_centre", 1) == Vectors{{1}});
  REQUIRE(presets("simplex", 11).size() == 11 + 55 + 1);
}

TEST_CASE("a lattice holds all weights in quarters, each once") {
  REQUIRE(presets("lattice", 1) == Vectors{{1}});
  REQUIRE(presets("lattice", 2) == Vectors{{1, 0}, {0.75, 0.25}, {0.5, 0.5}, {0.25, 0.75}, {0, 1}});
  const std::size_t agents = GENERATE(2, 3, 4, 6);
  const Vectors all = presets("lattice", agents);
  std::vector<std::vector<int>> expected;  // by counting in base five
  for (int code = 0; code < std::pow(5, agents); ++code) {
    std::vector<int> quarters;
    for (int rest = code; quarters.size() < agents; rest /= 5) quarters.push_back(rest % 5);
    if (std::accumulate(quarters.begin(), quarters.end(), 0) == 4) expected.push_back(quarters);
  }
  std::size_t formula = 1;  // (K + 3)! / (4! (K - 1)!)
  for (std::size_t i = 0; i < 4; ++i) formula *= agents + i;
  REQUIRE(expected.size() == formula / 24);
  REQUIRE(all.size() == expected.size());
  for (const auto& preset : all) {
    std::vector<int> quarters;
    for (const double w : preset) quarters.push_back(static_cast<int>(4 * w));
    REQUIRE(std::count(expected.begin(), expected.end(), quarters) == 1);
    REQUIRE(std::count(all.begin(), all.end(), preset) == 1);
    REQUIRE(simplex::is_on(preset));
    for (std::size_t k = 0; k < agents; ++k) REQUIRE(preset[k] == quarters[k] / 4.0);
  }
  for (const auto& preset : presets("lattice", agents, 800)) {  // 8 of 800
    REQUIRE(*std::min_element(preset.begin(), preset.end()) >= 0.01);
    REQUIRE(simplex::is_on(preset));
  }
}

TEST_CASE("floors are what is executed, and at most half of an even share") {
  const auto roomy = presets("vertices", 4, 800);  // 8 of 800
  REQUIRE(roomy[1][0] == 0.01);
  REQUIRE(roomy[1][1] == Approx(0.97));
  const auto tight = presets("vertices", 4, 20);  // 8 of 20 would be 0.4
  REQUIRE(tight[1][0] == 0.125);
  REQUIRE(tight[1][1] == Approx(0.625));
  for (const auto& preset : tight) REQUIRE(simplex::is_on(preset));
}

TEST_CASE("written presets are checked") {
  REQUIRE(listed({{0.25, 0.75}, {0.5, 0.5}}, 2) == Vectors{{0.25, 0.75}, {0.5, 0.5}});
  REQUIRE(simplex::is_on(listed({{0.3333333, 0.3333333, 0.3333333}}, 3)[0]));
  REQUIRE_THROWS_WITH(listed({{0.5, 0.5}, {1.0}}, 2), Catch::Contains("presets_list, row 2: 1 weights for 2 agents"));
  REQUIRE_THROWS_WITH(listed({{0.5, 0.4}}, 2), Catch::Contains("sum to 0.9; expected 1"));
  REQUIRE_THROWS_WITH(listed({{1.5, -0.5}}, 2), Catch::Contains("the weight of 'agent_1' is -0.5"));
  REQUIRE_THROWS_WITH(listed({{0.5, std::nan("")}}, 2), Catch::Contains("is nan"));
  REQUIRE_THROWS_WITH(listed({{1, 0}, {0, 1}, {1, 0}}, 2), Catch::Contains("rows 1 and 3 are the same weights"));
  REQUIRE_THROWS_AS(listed({{0.5, 0.4}}, 2), ConfigError);
  BanditOptions both;
  both.presets = "simplex";
  both.presets_list = {{1, 0}};
  REQUIRE_THROWS_AS(both.validate(), ConfigError);
}

TEST_CASE("weights and names of constant policies are checked") {
  const auto context = context_of(3);
  const auto fixed = [&](std::vector<double> w) {
    return make_policy("fixed", context, [&](Options& o) { set_option(o, "weights", w); });
  };
  REQUIRE_THROWS_WITH(fixed({0.5, 0.5}), Catch::Contains("2 weights for 3 agents; expected one for each of: agent_0"));
  REQUIRE_THROWS_WITH(fixed({0.5, 0.4, 0.2}), Catch::Contains("sum to 1.1"));
  REQUIRE_THROWS_WITH(make_policy("one_hot", context, [](Options& o) { set_option<std::string>(o, "agent", "agnt_1"); }),
                      Catch::Contains("did you mean 'agent_1'?"));
  REQUIRE_THROWS_WITH(policies().at("ucbb"), Catch::Contains("did you mean 'ucb'?"));
}

TEST_CASE("what a bandit asks of the runner is in its spec") {
  const auto context = context_of(3);
  REQUIRE(make_policy("ucb", context)->spec().scaler == "minmax_window");
  const auto policy = make_policy("discounted_ucb", context, [](Options& o) {
    set_option<std::string>(o, "reward", "forecast_relative");
    set_option<std::string>(o, "scaler", "logistic_zscore");
    set_option<std::string>(o, "presets", "vertices_centre");
  });
  REQUIRE(policy->spec().reward == "forecast_relative");
  REQUIRE(policy->spec().scaler == "logistic_zscore");
  REQUIRE(policy->spec().arms == 4);
  REQUIRE(policy->spec().learns);
  REQUIRE_FALSE(policy->spec().deterministic);
  REQUIRE(make_policy("ucb", context_of(1))->spec().deterministic);
}

TEST_CASE("a refused reward says which slot, what, and what to look at") {
  const auto context = context_of(3, 2);
  Console console(make_policy("ucb", context), context, 1);
  console.decide();
  REQUIRE_THROWS_WITH(console.learn({0.5, std::nan("")}),
                      Catch::Contains("the reward of slot 1 is nan") && Catch::Contains("env.reward"));
}

// [sweep] in an experiment file: which points it becomes, and how candidates are narrowed down.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "core/error.h"
#include "experiments/axes.h"
#include "experiments/config.h"
#include "experiments/halving.h"
#include "tests/scratch_folder.h"

using namespace fader;
using Catch::Contains;

namespace {

constexpr const char* kBandit = "# Which?\n[run]\nseeds = [0, 1]\n[env]\nkind = \"bandit-v0\"\n[[policies]]\nkind = \"ucb\"\n[[policies]]\nkind = \"uniform\"\n";
constexpr const char* kPretrain =
    "# Which?\n[env]\nkind = \"pretrain-v0\"\n[[agents]]\nkind = \"random\"\n[[agents]]\nkind = \"quality\"\n[[agents]]\nkind = \"length\"\n"
    "[[policies]]\nkind = \"uniform\"\n[[policies]]\nkind = \"one_hot\"\nname = \"only_quality\"\nagent = \"quality\"\n";

Experiment loaded(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const ScratchFolder scratch;
  std::ofstream(scratch / "try.toml") << text;
  return load_experiment((scratch / "try.toml").string(), overrides);
}

std::vector<std::string> slugs(const Experiment& e) {
  std::vector<std::string> out;
  for (const Point& p : e.points) out.push_back(p.slug);
  return out;
}

std::string setting(const Point& point, const std::string& path) {
  for (const Setting& s : settings(point))
    if (s.path() == path) return s.value;
  return "";
}

/// What candidates came to, by point.
struct Told final : Results {
  std::map<std::size_t, std::vector<double>> values;
  std::string metric = "return";
  std::vector<std::pair<std::int64_t, RunOutcome>> outcomes(std::size_t point) const override {
    std::vector<std::pair<std::int64_t, RunOutcome>> out;
    if (const auto found = values.find(point); found != values.end())
      for (std::size_t i = 0; i < found->second.size(); ++i) out.push_back({static_cast<std::int64_t>(i), {{metric, found->second[i]}}});
    return out;
  }
  std::filesystem::path run_file(std::size_t, std::int64_t) const override { return {}; }
};

}  // namespace

TEST_CASE("a grid is every combination, and an axis of one policy is that policy's alone") {
  const Experiment e = loaded(std::string(kBandit) + "[sweep.over]\npolicies.ucb.c = [0.5, 1]\nenv.horizon = [20, 40]\n");
  CHECK(slugs(e) == std::vector<std::string>{"policy=ucb,c=0.5,env.horizon=20", "policy=ucb,c=0.5,env.horizon=40", "policy=ucb,c=1,env.horizon=20",
                                             "policy=ucb,c=1,env.horizon=40", "policy=uniform,env.horizon=20", "policy=uniform,env.horizon=40"});
  CHECK(e.points[1].cell == "env.horizon=40");
  CHECK(e.points[1].varies == std::vector<std::string>{"policy.c=0.5", "env.horizon=40"});
  CHECK(e.points[5].cell == e.points[1].cell);
  CHECK(setting(e.points[2], "env.horizon") == "20");
  CHECK(setting(e.points[2], "policy.c") == "1.0");
  CHECK(e.points[2].origins.at("policy.c").find("try.toml:") == 0);
}

TEST_CASE("several keys can vary together, under a name of their own") {
  const Experiment e = loaded(std::string(kPretrain) + "[sweep.over]\nlength = [{ train.intervals = 40, train.steps_per_interval = 5 }, "
                                                       "{ name = \"short\", \"train.intervals\" = 10, \"train.steps_per_interval\" = 20 }]\n");
  REQUIRE(e.points.size() == 4);
  CHECK(e.points[0].cell == "length=40+5");
  CHECK(e.points[1].cell == "length=short");
  CHECK(e.points[1].train.intervals == 10);
  CHECK(e.points[1].train.steps_per_interval == 20);
}

TEST_CASE("agents can be left out, and then policies that speak of them are") {
  const Experiment e = loaded(std::string(kPretrain) + "[sweep.over]\nagents = \"subsets\"\n");
  std::set<std::string> cells;
  std::size_t only = 0;
  for (const Point& p : e.points) {
    cells.insert(p.cell);
    only += p.policy.name == "only_quality" ? 1 : 0;
    CHECK(p.cell.find(p.agents[0].name) != std::string::npos);
  }
  CHECK(cells.size() == 7);
  CHECK(only == 4);
  CHECK(loaded(std::string(kPretrain) + "[sweep.over]\nagents = [[\"length\", \"random\"]]\n").points.size() == 1);
}

TEST_CASE("draws depend on seed and index alone") {
  const std::string over = "[sweep]\nmethod = \"random\"\nsamples = SAMPLES\nseed = SEED\n[sweep.over]\npolicies.ucb.c = { low = 0.1, high = 10, scale = \"log\" }\n"
                           "env.horizon = { low = 10, high = 12 }\n";
  const auto with = [&](const std::string& samples, const std::string& seed) {
    std::string text = over;
    text.replace(text.find("SAMPLES"), 7, samples);
    text.replace(text.find("SEED"), 4, seed);
    return loaded(kBandit + text);
  };
  const Experiment few = with("5", "3"), many = with("40", "3"), other = with("5", "4");
  for (std::size_t i = 0; i < 5; ++i) CHECK(few.points[i].slug == many.points[i].slug);
  CHECK(few.points[0].slug != other.points[0].slug);
  std::set<std::string> horizons;
  std::size_t below_one = 0, ucbs = 0;
  for (const Point& p : many.points) {
    horizons.insert(setting(p, "env.horizon"));
    if (p.policy.name != "ucb") continue;
    const double c = std::stod(setting(p, "policy.c"));
    CHECK((c >= 0.1 && c <= 10));
    below_one += c < 1 ? 1 : 0;
    ++ucbs;
  }
  CHECK(ucbs == 40);
  CHECK((below_one > 10 && below_one < 30));  // half of a log range
  CHECK(horizons == std::set<std::string>{"10", "11", "12"});
  CHECK(many.points.size() == 43);  // uniform: once for every horizon
}

TEST_CASE("weights are drawn from a simplex or are a lattice") {
  const std::string fixed = std::string(kBandit) + "[[policies]]\nkind = \"fixed\"\nweights = [0.4, 0.3, 0.2, 0.1]\n";
  const Experiment lattice = loaded(fixed + "[sweep.over]\npolicies.fixed.weights = { lattice = 3, size = 4 }\n");
  CHECK(lattice.points.size() == 2 + 20);
  const Experiment drawn = loaded(fixed + "[sweep]\nmethod = \"random\"\nsamples = 30\n[sweep.over]\npolicies.fixed.weights = { dirichlet = 1, size = 4 }\n");
  CHECK(drawn.points.size() == 2 + 30);
  CHECK_THROWS_WITH(loaded(fixed + "[sweep.over]\npolicies.fixed.weights = { lattice = 3 }\n"), Contains("of how many agents"));
}

TEST_CASE("what is wrong with a sweep is said at its place") {
  const auto refused = [](const std::string& text, const std::string& words) {
    CAPTURE(text);
    CHECK_THROWS_WITH(loaded(std::string(kBandit) + text), Contains(words) && Contains("try.toml:"));
    CHECK_THROWS_AS(loaded(std::string(kBandit) + text), ConfigError);
  };
  refused("[sweep.over]\npolicies.ucb.cc = [1, 2]\n", "did you mean 'policies.ucb.c'");
  refused("[sweep.over]\npolicies.ucb.c = []\n", "an empty list");
  refused("[sweep.over]\npolicies.ucb.c = 3\n", "expected a list of values");
  refused("[sweep.over]\npolicies.ucb.c = [1, 1]\n", "is there twice");
  refused("[sweep.over]\npolicies.ucb.c = [1, -4]\n", "-4");
  refused("[sweep.over]\npolicies.ucb.c = { low = 1, high = 2 }\n", "a grid cannot go through");
  refused("[sweep]\nmethod = \"random\"\n[sweep.over]\npolicies.ucb.c = { low = 2, high = 1 }\n", "the first below the second");
  refused("[sweep]\nmethod = \"random\"\n[sweep.over]\npolicies.ucb.c = { low = 0, high = 1, scale = \"log\" }\n", "log scale");
  refused("[sweep]\nmethod = \"random\"\n[sweep.over]\npolicies.ucb.c = { low = 0, high = 1, scal = \"log\" }\n", "did you mean 'scale'");
  refused("[sweep]\nmethod = \"gird\"\n[sweep.over]\npolicies.ucb.c = [1, 2]\n", "grid");
  refused("[sweep]\nmethod = \"grid\"\n", "nothing varies");
  refused("[sweep]\nover = 3\n", "expected a table");
  refused("[sweep.over]\nagents = \"subsets\"\n", "has no agents");
  refused("[sweep.over]\nenv.horizon = [20, { a = 1 }]\n", "tables and other values");
  refused("[sweep]\nmethod = \"halving\"\nresource = \"env.noise\"\n[sweep.over]\npolicies.ucb.c = [1, 2]\n", "expected a whole number of the run");
  refused("[sweep]\nmethod = \"halving\"\nseeds = []\n[sweep.over]\npolicies.ucb.c = [1, 2]\n", "the list is empty");
  refused("[sweep.over]\nrun.threads = [1, 2]\nrun.pinned = [true, false]\n", "are the same configuration");
  refused("[[hypotheses]]\npolicy = \"ucb2\"\n", "no policy 'ucb2'");
  refused("[[hypotheses]]\npolicy = \"ucb\"\n", "compared with itself");
  refused("[[hypotheses]]\npolicy = \"uniform\"\ndirection = \"up\"\n", "direction");
  refused("[[hypotheses]]\npolicy = \"uniform\"\ncell = \"x\"\n", "no cell 'x'");
}

TEST_CASE("hypotheses are completed by what is compared") {
  const Experiment e = loaded(std::string(kBandit) + "[compare]\nbaseline = \"uniform\"\nmetric = \"return\"\n[[hypotheses]]\npolicy = \"ucb\"\ndirection = \"higher\"\n");
  REQUIRE(e.hypotheses.size() == 1);
  CHECK(e.hypotheses[0] == Hypothesis{"", "ucb", "uniform", "return", "higher", ""});
}

TEST_CASE("a hypothesis speaks of one of several points by its name") {
  const std::string swept = std::string(kBandit) + "[sweep.over]\npolicies.ucb.c = [0.5, 2]\n[[hypotheses]]\npolicy = \"policy=ucb,c=0.5\"\nagainst = ";
  CHECK(loaded(swept + "\"policy=ucb,c=2\"\n").hypotheses[0].against == "policy=ucb,c=2");
  CHECK_THROWS_WITH(loaded(swept + "\"policy=ucb,c=3\"\n"), Contains("nor a point of that name"));
}

TEST_CASE("halving: every rung keeps the best, the last one names the winner") {
  const Experiment e = loaded(std::string(kBandit) + "[sweep]\nmethod = \"halving\"\nrungs = 3\neta = 2\nseeds = [7, 8]\nresource = \"env.horizon\"\n"
                                                     "[sweep.over]\npolicies.ucb.c = [0.5, 1, 2, 3]\nenv.noise = [0.1]\n");
  // 3 rungs of 4 candidates, their winner; uniform has one candidate alone, and stands for itself
  REQUIRE(e.points.size() == 12 + 1 + 1);
  CHECK(e.points[0].slug == "search=ucb,rung=0,c=0.5,env.noise=0.1");
  CHECK(e.points[0].run.seeds == std::vector<std::int64_t>{7, 8});
  CHECK(e.points[0].stage == "search");
  CHECK(setting(e.points[0], "env.horizon") == "25");
  CHECK(setting(e.points[4], "env.horizon") == "50");
  CHECK(setting(e.points[8], "env.horizon") == "100");
  const Point& winner = e.points[12];
  CHECK(winner.slug == "policy=ucb");
  CHECK(winner.run.seeds == std::vector<std::int64_t>{0, 1});
  CHECK(winner.stage.empty());
  CHECK(winner.after == std::vector<std::size_t>{8, 9, 10, 11});
  CHECK(e.points[4].after == std::vector<std::size_t>{0, 1, 2, 3});

  Told told;
  told.values = {{0, {1, 2}}, {1, {5, 5}}, {2, {9}}, {3, {4, 4}}};  // 2 lacks a seed
  for (const auto& [point, wanted] : std::map<std::size_t, bool>{{4, false}, {5, true}, {6, false}, {7, true}}) {
    CAPTURE(point);
    CHECK(e.points[point].wanted(told) == wanted);
  }
  told.values[5] = {1, 1};
  told.values[7] = {1, 3};
  CHECK_FALSE(e.points[9].wanted(told));
  CHECK(e.points[11].wanted(told));
  told.values[11] = {1, 1};
  const Point played = winner.settle(told, 0);
  CHECK(setting(played, "policy.c") == "3.0");
  CHECK(setting(played, "env.horizon") == "100");
  CHECK(played.slug == winner.slug);
  CHECK_THROWS_WITH(winner.settle(Told(), 0), Contains("no candidate of the search for 'ucb'"));
}

TEST_CASE("without a resource every rung is whole, on seeds of its own, and a loss is better when it is lower") {
  const Experiment e = loaded(std::string(kBandit) + "[sweep]\nmethod = \"halving\"\nrungs = 2\nseeds = [7, 8]\nresource = \"none\"\nmetric = \"final/loss_test\"\n"
                                                     "[sweep.over]\npolicies.ucb.c = [0.5, 1]\n");
  CHECK(e.points[0].run.seeds == std::vector<std::int64_t>{7, 8});
  CHECK(e.points[2].run.seeds == std::vector<std::int64_t>{9, 10});
  CHECK(setting(e.points[0], "env.horizon") == setting(e.points[2], "env.horizon"));
  Told told;
  told.metric = "final/loss_test";
  told.values = {{0, {1, 2}}, {1, {5, 5}}};
  CHECK(e.points[2].wanted(told));
  CHECK_FALSE(e.points[3].wanted(told));
}

// What tool agents measures, on agents whose answers are known.
#include "experiments/agents_table.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "tests/integration/program.h"

using namespace fader;
using Catch::Contains;
using fader::testing::Scratch;
using fader::testing::small_experiment;

namespace {

const AgentRow& row(const AgentsTable& table, const std::string& name) {
  for (const AgentRow& r : table.agents)
    if (r.name == name) return r;
  throw std::runtime_error("no agent " + name);
}

}  // namespace

TEST_CASE("the table of agents says which are static, what they ask for, and how far they agree") {
  const Scratch scratch;
  const std::string file = scratch.write("small.toml", small_experiment(R"([[agents]]
kind = "length"
[[agents]]
kind = "length"
name = "short"
band = [0, 1]
[[agents]]
kind = "one_domain"
domain = "domain1"
[[agents]]
kind = "target_prior"
target = "natural"
[[policies]]
kind = "uniform"
)"));
  const Experiment experiment = load_experiment(file, {});
  NoProgress quiet;
  const AgentsTable table = measure_agents(experiment.points[0], 0, {.cases = 300, .steps = {}}, scratch.path() / "cache", quiet);
  REQUIRE(table.agents.size() == 7);
  CHECK(table.sample == 300);
  CHECK(table.pool > 300);
  for (const char* name : {"random", "one_domain", "length", "short", "quality", "target_prior"}) CHECK_FALSE(row(table, name).dynamic);
  const AgentRow& domain = row(table, "domain");
  CHECK(domain.dynamic);
  CHECK(domain.probes >= 2);
  CHECK(domain.probe_passages == 4 * domain.probes);
  CHECK(domain.probe_flops > 0);
  CHECK_FALSE(domain.column_seconds);
  CHECK(domain.highest > domain.lowest);  // it has heard of its probes
  CHECK(row(table, "length").column_seconds);
  CHECK(row(table, "length").read_seconds);
  CHECK(row(table, "one_domain").highest == 1);
  CHECK(row(table, "one_domain").lowest == 0);
  // agents: quality, domain, random, length, short, one_domain, target_prior
  CHECK(table.agreement[3][3] == Approx(1));
  CHECK(table.agreement[3][4] == Approx(-1));
  CHECK(table.agreement[4][3] == table.agreement[3][4]);
  CHECK(std::abs(table.agreement[2][3]) < 0.25);
  CHECK(std::isnan(table.agreement[6][6]));  // the natural mixture: all scores are equal
  CHECK_THAT(agreement_tsv(table), Contains("4\tlength\t5\tshort\t-1.0000\n") && Contains("7\ttarget_prior\t7\ttarget_prior\tNaN\n"));
  CHECK_THAT(agents_tsv(table), Contains("one_domain\tone_domain\tstatic\tNaN\tNaN\tNaN\t") && Contains("domain\tdomain\tdynamic\t"));
  CHECK_THAT(agents_text(table), Contains("-1.00") && Contains("5 short"));

  const AgentsTable all = measure_agents(experiment.points[0], 0, {.cases = 1'000'000, .steps = {}}, scratch.path() / "cache", quiet);
  CHECK(all.sample <= all.pool);
  CHECK(all.sample > 300);
  const AgentsTable again = measure_agents(experiment.points[0], 0, {.cases = 300, .steps = {}}, scratch.path() / "cache", quiet);
  CHECK(agreement_tsv(again) == agreement_tsv(table));
}

TEST_CASE("agents that ask the model meet one that has trained, with a reference gradient at hand") {
  const Scratch scratch;
  const std::string file = scratch.write("small.toml", small_experiment(R"([[agents]]
kind = "gradient_cosine"
budget = 1000
[[agents]]
kind = "loss"
budget = 1000
[[policies]]
kind = "uniform"
)"));
  const Experiment experiment = load_experiment(file, {});
  const auto measured = [&](std::optional<std::int64_t> steps) {
    NoProgress quiet;
    return measure_agents(experiment.points[0], 0, {.cases = 100, .steps = steps}, scratch.path() / "cache", quiet);
  };
  const AgentsTable fresh = measured(0), trained = measured({}), longer = measured(11);
  CHECK(fresh.steps == 0);
  CHECK(trained.steps == experiment.points[0].train.steps_per_interval);
  CHECK(row(trained, "gradient_cosine").highest > row(trained, "gradient_cosine").lowest);
  CHECK(row(trained, "loss").mean < row(fresh, "loss").mean);
  CHECK(row(longer, "loss").mean < row(trained, "loss").mean);
  CHECK_THROWS_AS(measured(1'000'000), ConfigError);
  CHECK_THROWS_AS(measured(-1), ConfigError);
}

TEST_CASE("an environment without agents has no table") {
  const Scratch scratch;
  const std::string file = scratch.write("bandit.toml", "name = \"bandit\"\n[env]\nkind = \"bandit-v0\"\n[[policies]]\nkind = \"uniform\"\n");
  NoProgress quiet;
  CHECK_THROWS_WITH(measure_agents(load_experiment(file, {}).points[0], 0, {}, scratch.path(), quiet), Contains("has no agents of its own"));
}

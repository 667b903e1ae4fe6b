// A study of credit, against episodes that are played by hand.
#include "experiments/credit_study.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/files.h"
#include "experiments/run.h"
#include "store/credit_table.h"
#include "tests/integration/program.h"

using namespace fader;
using Catch::Contains;
using fader::testing::Scratch;
using fader::testing::small_experiment;

namespace {

Experiment small(const Scratch& scratch, const std::string& more = "") {
  return load_experiment(scratch.write("small.toml", small_experiment("[[policies]]\nkind = \"uniform\"\n" + more)),
                         {"run.seeds=[3, 4]", "env.credit=[\"probe\", \"byproduct_regression\"]", "env.credit_passages=3"});
}

/// (interval, kind, agent, seed) -> value
std::map<std::string, double> values(const CreditTable& table) {
  std::map<std::string, double> out;
  for (const CreditRow& r : table.rows) {
    const bool first = out.emplace(fmt::format("{} {} {} {}", r.interval, r.kind, r.agent, r.seed), std::isnan(r.value) ? -777 : r.value).second;
    CHECK(first);
  }
  return out;
}

/// An episode by itself: equal weights, but for one interval in which one agent picks alone.
struct Alone {
  Alone(const Experiment& experiment, const std::filesystem::path& cache, std::int64_t seed, std::int64_t when, std::size_t agent) {
    NoProgress quiet;
    Cohort cohort = assemble(experiment.points[0], seed, corpus_of(experiment.points[0], cache, quiet), quiet);
    const EnvSpec& spec = cohort.env->spec();
    const int slot[] = {0};
    const std::uint64_t root[] = {static_cast<std::uint64_t>(seed)};
    Outcome out;
    out.fit(spec, 1);
    cohort.env->reset(slot, root, out);
    for (std::int64_t t = 0; t < spec.horizon; ++t) {
      std::vector<double> weights(3, t == when ? 0.0 : 1.0 / 3);
      if (t == when) weights[agent] = 1;
      out.fit(spec, 1);
      cohort.env->step(slot, {weights.data(), 1, 3}, out);
      if (t == when) reward = out.reward[0][0];
      if (when < 0) credit.emplace_back(out.credit[0].begin(), out.credit[0].end());
    }
    for (const Series& s : spec.finals)
      if (s.path == "final/loss_reference") loss = out.finals[0][s.offset];
  }
  double reward = NAN, loss = NAN;
  std::vector<std::vector<double>> credit;
};

}  // namespace

TEST_CASE("a study's truths are what an episode by itself comes to, and its credit is that of equal weights") {
  const Scratch scratch;
  const Experiment experiment = small(scratch);
  NoProgress quiet;
  CreditStudyOptions options;
  options.places = 2;  // intervals 1 and 2 of 4
  options.cache = scratch.path() / "cache";
  play_credit_study(experiment, options, scratch.path() / "credit.tsv", quiet);
  const CreditTable table = read_credit_table(scratch.path() / "credit.tsv");
  const auto found = values(table);
  CHECK(table.rows.size() == 2u * 2 * 3 * (2 + 5));  // places, seeds, agents; truths and credits
  const std::vector<std::string> agents = {"quality", "domain", "random"};
  for (const std::int64_t seed : {3, 4})
    for (const std::int64_t place : {1, 2})
      for (std::size_t a = 0; a < 3; ++a) {
        INFO("seed " << seed << ", interval " << place << ", agent " << agents[a]);
        const Alone alone(experiment, options.cache, seed, place, a);
        CHECK(found.at(fmt::format("{} interval {} {}", place, agents[a], seed)) == Approx(alone.reward).epsilon(1e-7));
        CHECK(found.at(fmt::format("{} episode {} {}", place, agents[a], seed)) == Approx(-alone.loss).epsilon(1e-7));
      }
  const Alone even(experiment, options.cache, 4, -1, 0);
  for (const std::int64_t place : {1, 2})
    for (std::size_t a = 0; a < 3; ++a) {
      CHECK(found.at(fmt::format("{} probe {} 4", place, agents[a])) == Approx(even.credit[static_cast<std::size_t>(place)][9 + a]).epsilon(1e-7));
      CHECK(found.at(fmt::format("{} byproduct_regression {} 4", place, agents[a])) ==
            Approx(even.credit[static_cast<std::size_t>(place)][12 + a]).epsilon(1e-7));
    }
}

TEST_CASE("a study goes on from what it has found, and leaves the file of another alone") {
  const Scratch scratch;
  const Experiment experiment = small(scratch);
  NoProgress quiet;
  CreditStudyOptions options;
  options.places = 1;
  options.cache = scratch.path() / "cache";
  const auto file = scratch.path() / "credit.tsv";
  play_credit_study(experiment, options, file, quiet);
  CreditTable whole = read_credit_table(file);
  CreditTable part = whole;
  part.rows.resize(4);                 // the first agent's truths
  part.rows[0].value = 123;            // kept as it is: not played again
  write_credit_table(part, file);
  play_credit_study(experiment, options, file, quiet);
  whole.rows[0].value = 123;
  CHECK(values(read_credit_table(file)) == values(whole));
  const std::string bytes = read_file(file);
  options.places = 2;
  CHECK_THROWS_WITH(play_credit_study(experiment, options, file, quiet), Contains("another study"));
  CHECK(read_file(file) == bytes);
}

TEST_CASE("a study says what it cannot be made of") {
  const Scratch scratch;
  NoProgress quiet;
  CreditStudyOptions options;
  options.cache = scratch.path() / "cache";
  const auto refused = [&](const std::vector<std::string>& set, const std::string& message) {
    const Experiment e = load_experiment(scratch.write("small.toml", small_experiment("[[policies]]\nkind = \"uniform\"\n")), set);
    CHECK_THROWS_WITH(play_credit_study(e, options, scratch.path() / "none.tsv", quiet), Contains(message));
  };
  refused({"run.seeds=[1]"}, "two seeds at least; found 4, 3 and 1");
  refused({"run.seeds=[1, 2]", "train.intervals=1"}, "two intervals");
  CHECK_FALSE(std::filesystem::exists(scratch.path() / "none.tsv"));
  const Experiment known = load_experiment(scratch.write("known.toml", "# Which arm?\nname = \"k\"\n[run]\nseeds = [1, 2]\n[env]\nkind = \"bandit-v0\"\n"
                                                                       "[[policies]]\nkind = \"uniform\"\n[compare]\nbaseline = \"uniform\"\n"), {});
  CHECK_THROWS_WITH(play_credit_study(known, options, scratch.path() / "none.tsv", quiet), Contains("an environment that trains"));
}

TEST_CASE("a console that names no credit learns from the first of env.credit, else from the first of all") {
  const Scratch scratch;
  NoProgress quiet;
  const auto learned = [&](const std::string& credit, const std::string& named) {
    const Experiment e = load_experiment(scratch.write("small.toml", small_experiment("[[policies]]\nkind = \"hedge\"\ncredit = \"" + named + "\"\n")),
                                         {"env.credit=" + credit});
    const Cohort cohort = assemble(e.points[0], 0, corpus_of(e.points[0], scratch.path() / "cache", quiet), quiet);
    return cohort.env->spec().credits.at(static_cast<std::size_t>(cohort.seats[0].credit));
  };
  CHECK(learned("[\"probe\", \"one_step\"]", "") == "probe");
  CHECK(learned("[\"probe\", \"one_step\"]", "one_step") == "one_step");
  CHECK(learned("[\"probe\"]", "training_loss") == "training_loss");
  CHECK(learned("[]", "") == "agent_reward");
}

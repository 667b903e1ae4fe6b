// Off-policy estimates from stored runs: what is read, what is refused and why, what is asked, what is said.
#include "analysis/markdown.h"
#include "analysis/ope_report.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "core/rng.h"
#include "tests/analysis/synthetic_runs.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;

namespace {

std::string in_markdown(const OffPolicyStudy& all) {
  ReportDocument out;
  add_off_policy(out, all);
  return markdown(out);
}

/// A run of a policy of two arms that draws arm 1 with probability 0.25 or 0.75, in turn; arm a earns a, "other" twice that.
struct ArmsRun {
  std::string policy = "drawer", point = "policy=drawer", cell;
  std::uint64_t seed = 0;
  std::size_t length = 40;
  std::vector<std::string> phases = {"learn"};
  std::vector<double> presets = {1, 0, 0, 1};
  double shift = 0;                             ///< added to every probability; NaN: not known
  bool certain = false;                         ///< what it draws it draws with probability one
  bool mixture = false;
  bool armless = false;                         ///< no columns of arms
};

Column column(std::string path, std::size_t size = 1, Rows rows = Rows::interval) {
  Column c{.path = std::move(path), .rows = rows, .size = size, .scalar = size == 1, .axes = size == 1 ? "interval" : "interval item"};
  return c;
}

void append_decision(RunWriter& writer, const ArmsRun& run, std::size_t e, std::size_t t, Rng& rng) {
  const double one = t % 2 == 0 ? 0.25 : 0.75, arm = rng.uniform() < one ? 1 : 0;
  const double p = run.certain ? arm : one + run.shift;
  writer.append(e, "actions", std::vector<double>{1 - arm, arm});
  writer.append(e, "observations", std::vector<double>{static_cast<double>(t) + 1, 5});
  writer.append(e, "rewards", arm);
  writer.append(e, "reward/first", arm);
  writer.append(e, "reward/other", 2 * arm);
  writer.append(e, "reward/other_se", 0.5);
  if (run.armless) return;
  writer.append(e, "console/arm", run.mixture ? -1 : arm);
  writer.append(e, "console/probability", std::vector<double>{1 - p, p});
}

void write_arms(const fs::path& experiment, const ArmsRun& run) {
  const fs::path folder = experiment / run.point / fmt::format("seed-{}", run.seed);
  make_folder(folder);
  std::vector<Column> columns = {column("actions", 2), column("observations", 2, Rows::interval_plus), column("rewards"), column("reward/first"),
                                 column("reward/other"), column("reward/other_se"), column("console/arm"), column("console/probability", 2),
                                 column("console/presets", 2, Rows::constant)};
  columns[2].note = "first, unscaled";
  columns[6].type = Type::i64;
  columns[8].axes = "preset agent";
  columns[8].labels = {"quality", "random"};
  columns[8].value = run.presets;
  if (run.armless) columns.resize(6);
  std::vector<Attributes> episodes;
  for (const std::string& phase : run.phases) episodes.push_back({{"env", std::string("pretrain-v0")}, {"policy", run.policy}, {"phase", phase}});
  Attributes root = {{"experiment", std::string("arms")}, {"policy_name", run.policy}, {"point", run.point}, {"seed", run.seed},
                     {"confidence", 0.9}, {"metric", std::string("return")}, {"baseline", std::string("drawer")}};
  if (!run.cell.empty()) root["cell"] = run.cell;
  RunWriter writer(folder / "run.h5", root, episodes, columns);
  for (std::size_t e = 0; e < episodes.size(); ++e) {
    Rng rng(run.seed, "arms of episode " + std::to_string(e));
    writer.append(e, "observations", std::vector<double>{0, 5});
    for (std::size_t t = 0; t < run.length; ++t) {
      append_decision(writer, run, e, t, rng);
      writer.commit(e);
    }
  }
  writer.status(RunStatus::complete);
  writer.close();
}

OffPolicyStudy study(const fs::path& experiment, const OpeOptions& options = {}) { return off_policy(collect_runs(experiment), options); }

const OpeTarget& target(const OpeLogger& logger, const std::string& begin) {
  for (const OpeTarget& t : logger.targets)
    if (t.name.starts_with(begin)) return t;
  throw std::runtime_error("no target " + begin);
}

std::string reason(const OffPolicyStudy& all, const std::string& place) {
  for (const LeftOut& run : all.refused)
    if (run.place == place) return run.reason;
  return "not refused";
}

}  // namespace

TEST_CASE("rounds are read from learning episodes, run by run, with what was seen before each decision") {
  const TemporaryFolder at;
  for (const std::uint64_t seed : {0, 1, 2}) write_arms(at.path(), {.seed = seed, .phases = {"learn", "evaluate", "learn"}});
  const LoggedArms all = read_arms(collect_runs(at.path()), {.observations = true});
  REQUIRE(all.policies.size() == 1);
  CHECK(all.reward == "first");
  const ArmsPlayed& played = all.policies[0];
  const ope::Rounds& rounds = played.rounds;
  REQUIRE(rounds.size() == 3 * 2 * 40);
  CHECK(rounds.runs() == 3);
  CHECK(rounds.episodes() == 6);
  CHECK(rounds.run[79] == 0);
  CHECK(rounds.run[80] == 1);
  CHECK(rounds.episode[39] == 0);
  CHECK(rounds.episode[40] == 1);
  CHECK(rounds.seen[0][0] == 0);   // of the reset: what the first decision saw
  CHECK(rounds.seen[41][0] == 1);
  double ones = 0;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    CHECK(rounds.reward[i] == static_cast<double>(rounds.arm[i]));
    CHECK(rounds.probability[i][1] == (i % 2 == 0 ? 0.25 : 0.75));
    ones += rounds.reward[i];
  }
  CHECK(played.frequency[1] == Approx(ones / 240));
  CHECK(played.presets == std::vector<std::vector<double>>{{1, 0}, {0, 1}});
  CHECK(arm_name(played, 1) == "arm 1 (random 1.00)");
  Rng rng(0, "arms of episode 2");  // the second of the learning episodes, not the one that evaluates
  CHECK(rounds.arm[40] == (rng.uniform() < 0.25 ? 1 : 0));
}

TEST_CASE("every arm, all alike, and what other policies of the same arms and cell drew are asked of every logger") {
  const TemporaryFolder at;
  for (const std::uint64_t seed : {0, 1, 2}) {
    write_arms(at.path(), {.seed = seed});
    write_arms(at.path(), {.policy = "sure", .point = "policy=sure", .seed = seed, .certain = true});
    write_arms(at.path(), {.policy = "foreign", .point = "policy=foreign", .seed = seed, .presets = {0.5, 0.5, 0, 1}});
    write_arms(at.path(), {.policy = "twin", .point = "policy=twin,c=1", .seed = seed});
    write_arms(at.path(), {.policy = "twin", .point = "policy=twin,c=2", .seed = seed});
    write_arms(at.path(), {.policy = "elsewhere", .point = "policy=elsewhere", .cell = "env.interval=2", .seed = seed});
  }
  const OffPolicyStudy all = study(at.path());
  REQUIRE(all.loggers.size() == 5);
  const auto at_drawer = std::ranges::find(all.loggers, "drawer", &OpeLogger::policy);
  REQUIRE(at_drawer != all.loggers.end());
  std::vector<std::string> names;
  for (const OpeTarget& t : at_drawer->targets) names.push_back(t.name);
  CHECK(names == std::vector<std::string>{"always arm 0 (quality 1.00)", "always arm 1 (random 1.00)", "all arms alike", "as often as sure",
                                          "as often as policy=twin,c=1", "as often as policy=twin,c=2"});
  for (const OpeTarget& t : at_drawer->targets) {
    CHECK(t.refusal.empty());
    CHECK(t.by(ope::Estimator::snipw).estimate.value == Approx(t.probability[1]).epsilon(0.2));
  }
  CHECK(target(*at_drawer, "always arm 1").by(ope::Estimator::snipw).estimate.value == Approx(1));
  CHECK(target(*at_drawer, "always arm 0").by(ope::Estimator::snipw).estimate.value == 0);
  CHECK(all.settings.confidence == 0.9);
  CHECK(reason(all, "policy=sure/seed-1") != "not refused");
}

TEST_CASE("runs that cannot be weighted are refused one by one, and the others are used") {
  const TemporaryFolder at;
  for (const std::uint64_t seed : {0, 1}) write_arms(at.path(), {.seed = seed});
  write_arms(at.path(), {.seed = 2, .shift = stats::kNaN});
  write_arms(at.path(), {.seed = 3, .presets = {0.9, 0.1, 0, 1}});
  write_arms(at.path(), {.seed = 4, .mixture = true});
  write_arms(at.path(), {.seed = 5, .phases = {"evaluate"}});
  write_arms(at.path(), {.seed = 6, .certain = true});
  write_arms(at.path(), {.seed = 7, .shift = 0.1});
  write_arms(at.path(), {.policy = "random", .point = "policy=random", .armless = true});
  const OffPolicyStudy all = study(at.path());
  REQUIRE(all.loggers.size() == 1);
  CHECK(all.loggers[0].runs == 3);
  CHECK_THAT(reason(all, "policy=drawer/seed-2"), Contains("the probability of 40 of 40 draws was not logged"));
  CHECK_THAT(reason(all, "policy=drawer/seed-3"), Contains("not those of the other runs of its point"));
  CHECK_THAT(reason(all, "policy=drawer/seed-4"), Contains("40 of 40 decisions played a mixture") && Contains("play = \"one\""));
  CHECK_THAT(reason(all, "policy=drawer/seed-5"), Contains("no decision of a learning episode"));
  CHECK_THAT(reason(all, "policy=drawer/seed-6"), Contains("the logger was deterministic"));
  CHECK_THAT(reason(all, "policy=random/seed-0"), Contains("its policy has no arms"));
  CHECK(reason(all, "policy=drawer/seed-0") == "not refused");
}

TEST_CASE("another reward is estimated where it is asked for, and a name that none has is an error") {
  const TemporaryFolder at;
  for (const std::uint64_t seed : {0, 1, 2}) write_arms(at.path(), {.seed = seed});
  const OffPolicyStudy all = study(at.path(), {.reward = "other"});
  CHECK(all.reward == "other");
  CHECK(target(all.loggers[0], "always arm 1").by(ope::Estimator::snipw).estimate.value == Approx(2));
  CHECK_THROWS_WITH(study(at.path(), {.reward = "othr"}), Contains("no run has a reward 'othr'; did you mean 'other'?"));
}

TEST_CASE("too few decisions in all are refused, in words and in the table") {
  const TemporaryFolder at;
  write_arms(at.path(), {.length = 29});
  const OffPolicyStudy all = study(at.path());
  CHECK_FALSE(all.estimated());
  CHECK_THAT(in_markdown(all), Contains("Nothing could be estimated") && Contains("29 decisions were logged; expected 30 at least"));
  CHECK_THAT(ope_text(all), Contains("29 decisions were logged"));
  CHECK_THAT(ope_tsv(all), Contains("\tnone\tNaN\t") && Contains("29 decisions were logged"));
}

TEST_CASE("the section says what it cannot say, and how sure it is") {
  const TemporaryFolder at;
  for (const std::uint64_t seed : {0, 1, 2}) write_arms(at.path(), {.seed = seed});
  const OffPolicyStudy several = study(at.path());
  for (const std::string& text : {in_markdown(several), ope_text(several)}) {
    CHECK_THAT(text, Contains("What other choices would have earned (off-policy estimates)"));
    CHECK_THAT(text, Contains("answers a question about one interval") && Contains("Changing early weights changes later states"));
    CHECK_THAT(text, Contains("training intervals of one pretraining run are not independent"));
    CHECK_THAT(text, Contains("90% t, clustered by run (n = 3 runs)"));
    CHECK_THAT(text, Contains(" of 120"));          // effective sample sizes
    CHECK_THAT(text, Contains("Highest of 3 targets by the doubly robust estimate: always arm 1") && Contains("Screening"));
    CHECK_THAT(text, Contains("none of 3 logged episodes plays as the target for all of its 40 decisions"));
  }
  const TemporaryFolder alone;
  write_arms(alone.path(), {.seed = 0});
  CHECK_THAT(in_markdown(study(alone.path())), Contains("90% t over 10 stretches of the time of one run. Decisions within a run are not independent"));
}

TEST_CASE("the table has a row for every estimator of every target, and reads back") {
  const TemporaryFolder at;
  for (const std::uint64_t seed : {0, 1, 2}) write_arms(at.path(), {.seed = seed});
  const OffPolicyStudy all = study(at.path());
  write_atomically(at.path() / "ope.tsv", ope_tsv(all));
  const auto table = read_table(at.path() / "ope.tsv");
  REQUIRE(table.size() == 1 + 1 + 3 * ope::kEstimators.size());
  for (const auto& row : table) CHECK(row.size() == table[0].size());
  CHECK(table[1][2] == "as logged");
  for (std::size_t e = 0; e < ope::kEstimators.size(); ++e) CHECK(table[2 + e][4] == ope::kEstimators[e]);
  const ope::Estimate& dr = target(all.loggers[0], "all arms alike").by(ope::Estimator::dr).estimate;
  const auto row = std::ranges::find_if(table, [](const auto& r) { return r[2] == "all arms alike" && r[4] == "dr"; });
  REQUIRE(row != table.end());
  CHECK(std::stod((*row)[5]) == dr.value);
  CHECK(std::stod((*row)[7]) == dr.interval.low);
  CHECK((*row)[10] == "decision");
  CHECK(std::stod((*row)[13]) == dr.effective);
  CHECK(ope_tsv(all) == ope_tsv(study(at.path())));
}

// Which files are taken, which are named and left out, which are refused.
#include "analysis/runs.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/error.h"
#include "tests/analysis/synthetic_runs.h"

using namespace fader;
using namespace fader::test;
using Catch::Matchers::Contains;

namespace {

std::string reason_of(const Collection& c, const std::string& place) {
  const auto item = std::ranges::find(c.left_out, place, &LeftOut::place);
  return item == c.left_out.end() ? "not named" : item->reason;
}

/// Message of the DataError that collecting ends with.
std::string refusal(const fs::path& folder) {
  try {
    collect_runs(folder);
  } catch (const DataError& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("a complete run is read as it was written") {
  const TemporaryFolder out;
  SyntheticRun run{.policy = "console", .seed = 3};
  run.arm = 2;
  run.weights = {{1, 0}, {0.5, 0.5}, {0, 1}, {0.25, 0.75}};
  write_run(out.path() / "x", run);
  const Collection c = collect_runs(out.path() / "x");
  REQUIRE(c.runs.size() == 1);
  const RunRecord& r = c.runs[0];
  CHECK(r.place == "policy=console/seed-3");
  CHECK(r.policy == "console");
  CHECK(r.seed == 3);
  CHECK(r.experiment == "synthetic");
  CHECK(r.question == "Does anything beat chance?");
  CHECK(r.value == 4.5);
  CHECK(r.loss_validation == 4.625);
  CHECK(r.loss_test_domain == std::vector<double>{4.5, 5.5});
  CHECK(r.budget() == 400);
  CHECK(r.reference == std::vector<double>{6, 5, 4.5, 4.25, 4});
  CHECK(r.agents == std::vector<std::string>{"quality", "random"});
  CHECK(r.weights[3][1] == 0.75);
  CHECK(r.adapts);
  CHECK(r.phases == std::vector<std::string>{"setup", "train", "score", "observe"});
  CHECK(r.seconds == std::vector<double>{2, 36, 4, 12});
  CHECK(r.total_seconds == 54);
}

TEST_CASE("a policy that never moves its weights does not adapt") {
  const TemporaryFolder out;
  write_run(out.path() / "x", {});
  CHECK_FALSE(collect_runs(out.path() / "x").runs[0].adapts);
}

TEST_CASE("what is not a complete run is named and left out") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x", point = x / "policy=random";
  write_run(x, {.seed = 0});
  write_run(x, {.seed = 1, .status = RunStatus::running});
  write_run(x, {.seed = 2, .status = RunStatus::failed});
  make_folder(point / "seed-3");                                                     // missing
  make_folder(point / "seed-4");
  write_atomically(point / "seed-4/run.h5", "this is no HDF5");                      // foreign
  fs::rename(write_run(x, {.seed = 5}), point / "seed-6");                           // moved
  const std::string bytes = read_file(point / "seed-0/run.h5");
  make_folder(point / "seed-7");
  write_atomically(point / "seed-7/run.h5", std::string_view(bytes).substr(0, bytes.size() / 2));  // half-written
  make_folder(point / "seed-x");
  make_folder(x / "notes");
  make_folder(x / "tables");
  const Collection c = collect_runs(x);
  REQUIRE(c.runs.size() == 1);
  CHECK(c.runs[0].seed == 0);
  CHECK(c.left_out.size() == 8);
  CHECK_THAT(reason_of(c, "policy=random/seed-1"), Contains("not complete: 4 intervals"));
  CHECK_THAT(reason_of(c, "policy=random/seed-2"), Contains("failed after 4 intervals"));
  CHECK_THAT(reason_of(c, "policy=random/seed-3"), Contains("no run.h5"));
  CHECK_THAT(reason_of(c, "policy=random/seed-4"), !Contains("not named"));
  CHECK_THAT(reason_of(c, "policy=random/seed-6"), Contains("is a run of seed 5"));
  CHECK_THAT(reason_of(c, "policy=random/seed-7"), !Contains("not named"));
  CHECK_THAT(reason_of(c, "policy=random/seed-x"), Contains("expected seed-<number>"));
  CHECK_THAT(reason_of(c, "notes"), Contains("holds no seed-<n>"));
}

TEST_CASE("runs that do not belong together are refused, with the reason") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_run(x, {.seed = 0});
  SECTION("token budget") {
    write_run(x, {.policy = "console", .tokens = {0, 100, 200, 300, 401}});
    CHECK_THAT(refusal(x), Contains("token budget") && Contains("400 tokens: 1 run") &&
                               Contains("401 tokens: 1 run, such as policy=console/seed-0"));
  }
  SECTION("corpus") {
    write_run(x, {.policy = "console", .corpus = "beef"});
    CHECK_THAT(refusal(x), Contains("corpus") && Contains("beef") && Contains("c0ffee"));
  }
  SECTION("model") {
    write_run(x, {.policy = "console", .model = "model-b"});
    CHECK_THAT(refusal(x), Contains("differ in model"));
  }
  SECTION("experiment") {
    write_run(x, {.policy = "console", .experiment = "another"});
    CHECK_THAT(refusal(x), Contains("differ in experiment"));
  }
  SECTION("configuration within a point") {
    write_run(x, {.seed = 1, .config = "another hash"});
    CHECK_THAT(refusal(x), Contains("seed-0") && Contains("seed-1") && Contains("configuration"));
  }
}

TEST_CASE("folders without a complete run are an error that says what was found") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  CHECK_THROWS_WITH(experiment_folders(x), Contains("no such folder"));
  make_folder(x);
  CHECK_THROWS_WITH(experiment_folders(x), Contains("holds no runs") && Contains("seed-<n>/run.h5"));
  write_run(x, {.status = RunStatus::running});
  CHECK_THAT(refusal(x), Contains("no complete run") && Contains("policy=random/seed-0") && Contains("not complete"));
  CHECK_THROWS_WITH(experiment_folders(x / "policy=random"), Contains("the folder of one point"));
}

TEST_CASE("a folder of experiments gives each of them") {
  const TemporaryFolder out;
  write_run(out.path() / "b", {});
  write_run(out.path() / "a", {});
  make_folder(out.path() / "empty");
  CHECK(experiment_folders(out.path()) == std::vector<fs::path>{out.path() / "a", out.path() / "b"});
  CHECK(experiment_folders(out.path() / "a") == std::vector<fs::path>{out.path() / "a"});
}

TEST_CASE("a run without the metric is left out, the return stands in when none has it") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_run(x, {.seed = 0, .loss_test = std::numeric_limits<double>::quiet_NaN()});
  Collection c = collect_runs(x);
  CHECK(c.metric_missing);
  CHECK(c.metric == "return");
  CHECK(c.runs[0].value == 2);  // 6 - 4
  write_run(x, {.seed = 1});
  c = collect_runs(x);
  REQUIRE(c.runs.size() == 1);
  CHECK(c.runs[0].seed == 1);
  CHECK_THAT(reason_of(c, "policy=random/seed-0"), Contains("final/loss_test is missing or not a number"));
  c = collect_runs(x, {.metric = "final/loss_reference"});
  REQUIRE(c.runs.size() == 2);
  CHECK(c.runs[0].value == 4);
}

TEST_CASE("a run of several episodes is judged by those that were played to evaluate") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_run(x, many_episodes({}, 1, true));
  Collection c = collect_runs(x);
  const RunRecord& r = c.runs.at(0);
  CHECK(r.episodes == 12);
  CHECK(r.members == 2);
  CHECK(r.judged == std::vector<std::size_t>{10, 11});
  CHECK_FALSE(r.value_of_shown);
  CHECK(r.value == 3.5);
  CHECK(r.judged_return() == 9);
  CHECK(r.played[0].number == 0);  // by number, not by when they ended
  CHECK(r.reference == std::vector<double>{7, 6, 5.5, 5.25, 5});  // of episode_1, the last one that was played to evaluate
  CHECK(r.loss_test == 5.5);
  CHECK(collect_runs(x, {.metric = "return"}).runs[0].value == 9);
  c = collect_runs(x, {.metric = "final/loss_validation"});  // which the summary does not have
  CHECK(c.runs[0].value == 5.625);
  CHECK(c.runs[0].value_of_shown);
}

TEST_CASE("a run of learning episodes alone is judged by its last round") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  SyntheticRun run = many_episodes({}, 1, false);
  write_run(x, run);
  CHECK(collect_runs(x).runs[0].value == 5 - 0.125 * 8.5);
  CHECK(collect_runs(x).runs[0].reference.back() == 5);  // of the last group
  run.members = 0;
  write_run(x, run);
  CHECK(collect_runs(x).runs[0].value == 5 - 0.125 * 9);
  run.members = 100;
  write_run(x, run);
  CHECK(collect_runs(x).runs[0].value == 5 - 0.125 * 4.5);
  for (auto& p : run.played) p.loss_test = std::numeric_limits<double>::quiet_NaN();
  run.members = 2;
  write_run(x, run);
  CHECK(collect_runs(x).metric_missing);  // that of an episode kept in full does not stand in
}

TEST_CASE("the return that stands in for a missing metric is the mean of the episodes that judge the run") {
  const TemporaryFolder out;
  SyntheticRun run = many_episodes({.loss_test = std::numeric_limits<double>::quiet_NaN()}, 1, true);
  for (auto& p : run.played) p.loss_test = std::numeric_limits<double>::quiet_NaN();
  write_run(out.path() / "x", run);
  const Collection c = collect_runs(out.path() / "x");
  CHECK(c.metric_missing);
  CHECK(c.runs[0].value == 9);
}

TEST_CASE("several episodes without a summary are judged by the last one kept in full") {
  const TemporaryFolder out;
  SyntheticRun run;
  run.phases = {"", "", ""};
  write_run(out.path() / "x", run);
  const Collection c = collect_runs(out.path() / "x");
  CHECK(c.runs[0].episodes == 3);
  CHECK(c.runs[0].value == 6.5);
  CHECK(c.runs[0].value_of_shown);
  CHECK(c.runs[0].judged_return() == 2);
}

TEST_CASE("what varies is a list of settings, or the run is left out") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  SyntheticRun good{.policy = "good"};
  good.varies = {"policy.c=1", "env.note=a=b"};
  good.cell = "env.note=a=b";
  write_run(x, good);
  SyntheticRun bad{.policy = "bad"};
  bad.varies = {"nothing"};
  write_run(x, bad);
  const Collection c = collect_runs(x);
  REQUIRE(c.runs.size() == 1);
  CHECK(c.runs[0].varies == good.varies);
  CHECK(c.runs[0].cell == "env.note=a=b");
  REQUIRE(c.left_out.size() == 1);
  CHECK_THAT(c.left_out[0].reason, Contains("varies 'nothing'") && Contains("expected key=value"));
}

TEST_CASE("a run in the folders of two points counts once, and one outside of a seed's folder is named") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_pairs(x, 2);
  fs::copy(x / "policy=console", x / "a copy", fs::copy_options::recursive);
  fs::copy(x / "policy=console/seed-0/run.h5", x / "stray.h5");
  fs::copy(x / "policy=console/seed-0/run.h5", x / "policy=random/run.h5");
  make_folder(x / "slurm");
  const Collection c = collect_runs(x);
  CHECK(c.runs.size() == 4);
  REQUIRE(c.left_out.size() == 4);
  CHECK(c.left_out[0].place == "stray.h5");
  CHECK(c.left_out[1].place == "policy=random/run.h5");
  CHECK_THAT(c.left_out[1].reason, Contains("not in the folder of a seed"));
  CHECK(c.left_out[2].place == "a copy/seed-0");
  CHECK_THAT(c.left_out[2].reason, Contains("a second run of point policy=console and seed 0, as policy=console/seed-0 is"));
  fs::remove_all(x / "policy=console");
  CHECK(collect_runs(x).runs.size() == 4);   // moved, and the only one
}

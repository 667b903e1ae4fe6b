// Cells of a sweep: compared each by itself, shown side by side.
#include "analysis/cells.h"

#include <catch2/catch.hpp>

#include "analysis/report.h"
#include "analysis/trend_tables.h"
#include "core/error.h"
#include "tests/analysis/synthetic_runs.h"

using namespace fader;
using namespace fader::test;
using Catch::Matchers::Contains;

namespace {

/// Seeds 0 to 5 of the baseline and of `ucb`, better by `gain` in every pair, in one cell.
void write_cell(const fs::path& x, const std::string& interval, double gain, const std::string& more = "") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SyntheticRun base{.seed = seed, .loss_test = 4.5 + 0.125 * static_cast<double>(seed)};
    base.cell = "env.interval=" + interval;
    base.varies = {base.cell};
    SyntheticRun ucb = base;
    ucb.policy = "ucb";
    ucb.loss_test -= gain + 0.0625 * static_cast<double>(seed % 2);
    if (!more.empty()) ucb.varies.push_back(more);
    if (more.empty() || more.ends_with("=1")) write_run(x, base);
    write_run(x, ucb);
  }
}

bool have_gnuplot() { return std::system("gnuplot --version >/dev/null 2>&1") == 0; }

}  // namespace

TEST_CASE("policies are compared within a cell, never across") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_cell(x, "20", 0.25);
  write_cell(x, "5", -0.5);
  write_run(x, {.policy = "ucb", .seed = 9, .status = RunStatus::failed});  // of a point without runs: of no cell
  const Study study = study_of(collect_runs(x));
  REQUIRE(study.cells.size() == 2);
  CHECK(study.cells[0].name == "env.interval=5");  // 5 before 20
  CHECK(study.cells[1].file == "env.interval=20/");
  REQUIRE(study.axes.size() == 1);
  CHECK(study.axes[0].name == "env.interval");
  CHECK(study.axes[0].values == std::vector<std::string>{"5", "20"});
  CHECK(study.cells[1].settings.at("env.interval") == "20");
  const Contender &few = study.cells[0].comparison.contenders[1], &many = study.cells[1].comparison.contenders[1];
  CHECK(few.name == "ucb");
  CHECK(few.paired->n == 6);
  CHECK(few.paired->difference == Approx(0.5 - 0.03125));
  CHECK(many.paired->difference == Approx(-0.25 - 0.03125));
  CHECK(study.left_out.size() == 1);
  CHECK(study.cells[0].collection.left_out.empty());
}

TEST_CASE("budgets and corpora may differ between cells, not within one") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_cell(x, "5", 0.25);
  SyntheticRun longer{.tokens = {0, 200, 400, 600, 800}, .corpus = "other", .model = "model-b"};
  longer.cell = "env.interval=10";
  longer.varies = {longer.cell};
  write_run(x, longer);
  CHECK(study_of(collect_runs(x)).cells.size() == 2);
  longer.cell = "env.interval=5";
  longer.varies = {longer.cell, "policy.c=1"};
  write_run(x, longer);
  CHECK_THROWS_WITH(collect_runs(x), Contains("they differ in corpus (cell env.interval=5)") && Contains("other: 1 run"));
  longer.corpus = "c0ffee";
  longer.model = "model-a";
  write_run(x, longer);
  CHECK_THROWS_WITH(collect_runs(x), Contains("they differ in token budget (cell env.interval=5)"));
}

TEST_CASE("points of one policy are named by the settings in which they differ, and make a sweep") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  for (const std::string c : {"1", "10", "2.5"}) write_cell(x, "5", 0.125, "policy.c=" + c);
  const Study study = study_of(collect_runs(x));
  REQUIRE(study.cells.size() == 1);
  CHECK(study.cells[0].file.empty());
  const Comparison& all = study.cells[0].comparison;
  REQUIRE(all.contenders.size() == 4);
  CHECK(all.contenders[1].name == "ucb policy.c=1");
  CHECK(all.contenders[1].file == "ucb_policy.c=1");
  const std::vector<Sweep> sweeps = sweeps_of(all);
  REQUIRE(sweeps.size() == 1);
  CHECK(sweeps[0].policy == "ucb");
  REQUIRE(sweeps[0].axes.size() == 1);
  CHECK(sweeps[0].axes[0].values == std::vector<std::string>{"1", "2.5", "10"});
  report(x, {.figures = false});
  const auto table = read_table(x / "tables/sweep_ucb.tsv");
  REQUIRE(table.size() == 4);
  CHECK(table[2][2] == "2");
  CHECK(table[2][3] == "2.5");
  CHECK(table[2][4] == "-0.15625");
  CHECK(table[2][7] == "6");
  CHECK(compare(collect_runs(x), "policy=ucb,env.interval=5,policy.c=10").baseline == "ucb policy.c=10");
}

TEST_CASE("over cells there is a line for one axis, maps for two, a table for more") {
  const TemporaryFolder out;
  const auto lay = [&](const std::string& name, const std::vector<std::vector<std::string>>& cells) {
    const fs::path x = out.path() / name;
    double gain = 0;
    for (const auto& settings : cells)
      for (std::uint64_t seed = 0; seed < 2; ++seed) {
        SyntheticRun base{.seed = seed};
        base.cell = fmt::format("{}", fmt::join(settings, ","));
        base.varies = settings;
        write_run(x, base);
        base.policy = "ucb";
        base.loss_test -= (gain += 0.0625);
        write_run(x, base);
      }
    return x;
  };
  const ReportOptions options{.figures = have_gnuplot(), .source = FADER_SOURCE_DIR};
  const fs::path line = lay("line", {{"env.a=1"}, {"env.a=2"}, {"env.a=10"}});
  CHECK(report(line, options).problems.empty());
  const auto along = read_table(line / "tables/cells.tsv");
  REQUIRE(along.size() == 4);
  CHECK(along[3][3] == "10");
  CHECK(cell(along, "difference", "value", "2") == "-0.21875");
  const fs::path map = lay("map", {{"env.a=1", "env.b=x"}, {"env.a=1", "env.b=y"}, {"env.a=2", "env.b=x"}});
  CHECK(report(map, options).problems.empty());
  const auto over = read_table(map / "tables/heat_ucb.tsv");
  REQUIRE(over.size() == 4);
  CHECK(over[3] == std::vector<std::string>{"2", "2", "1", "x", "-0.34375", over[3][5], over[3][6], "2"});
  CHECK_FALSE(fs::exists(map / "tables/cells.tsv"));
  CHECK(fs::exists(map / "tables/env.a=2,env.b=x/curves.tsv"));
  if (options.figures) CHECK_THAT(read_file(map / "report.md"), !Contains("| policy | env.a=1"));  // the maps say it
  const fs::path more = lay("more", {{"env.a=1", "env.b=x", "env.c=1"}, {"env.a=2", "env.b=y", "env.c=2"}});
  CHECK(report(more, options).problems.empty());
  CHECK_FALSE(fs::exists(more / "tables/cells.tsv"));
  CHECK_THAT(read_file(more / "report.md"), Contains("| policy | env.a=1,env.b=x,env.c=1 | env.a=2,env.b=y,env.c=2 |") &&
                                                Contains("| random | baseline | baseline |") && Contains("| ucb | -0.0938 [") &&
                                                Contains("], 2 pairs |"));
  for (const fs::path& x : {line, map, more}) {
    const std::string page = read_file(x / "report.html"), text = read_file(x / "report.md");
    CHECK_THAT(page, Contains("<h2 id=\"s3\">Over the cells</h2>") && Contains("Verdicts"));
    CHECK_THAT(text, Contains("## Over the cells") && Contains("## env.a=1") && Contains("### Policies"));
    if (options.figures) CHECK(page.find("<svg") != std::string::npos);
  }
  if (!options.figures) return;
  CHECK_THAT(read_file(line / "figures/cells.svg"),
             Contains("env.a (values spread evenly)") && Contains("difference in final test loss to random<") && Contains("(nats per token)"));
  CHECK_THAT(read_file(map / "figures/heat_ucb.svg"), Contains("env.b") && Contains("-0.344") && Contains("(better)"));
  CHECK_THAT(read_file(map / "report.md"), Contains("![heat_ucb](figures/heat_ucb.svg)") && Contains("(figures/env.a%3D1%2Cenv.b%3Dx/curves.svg)"));
}

TEST_CASE("names are put in an order in which people count") {
  std::vector<std::string> names = {"10", "b2", "9", "1e-3", "b10", "word", "0.5", "b1", "10.0"};
  std::ranges::sort(names, naturally_before);
  CHECK(names == std::vector<std::string>{"1e-3", "0.5", "9", "10", "10.0", "b1", "b2", "b10", "word"});
  for (const std::string& a : names)
    for (const std::string& b : names) CHECK((naturally_before(a, b) != naturally_before(b, a)) == (a != b));
}

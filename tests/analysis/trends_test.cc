// What happened along runs: domains, credit, rewards, FLOPs, regret, profiles, phases, on runs whose numbers are known.
#include "analysis/trends.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "analysis/report.h"
#include "analysis/trend_tables.h"
#include "tests/analysis/synthetic_runs.h"

using namespace fader;
using namespace fader::test;
using Catch::Matchers::Contains;

namespace {

const double kNaN = stats::kNaN;

void write_trends(const fs::path& x) {
  write_pairs(x, 2);
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    SyntheticRun run{.policy = "fixed", .seed = seed, .reference = {6, 4.5, 4, 3.75, 3.5}, .loss_test = 4.0};
    run.domain_tokens = seed == 0 ? std::vector<std::vector<double>>{{10, 30}, {20, 20}, {30, 10}, {40, 0}}
                                  : std::vector<std::vector<double>>{{30, 10}, {20, 20}, {10, 30}, {0, 40}};
    run.credit = {{1, -1}, {kNaN, kNaN}, {seed == 0 ? kNaN : 3, 0}, {2, 1}};
    write_run(x, run);
  }
}

const Contender& named(const Comparison& all, const std::string& name) { return *std::ranges::find(all.contenders, name, &Contender::name); }

}  // namespace

TEST_CASE("exposure and credit are means over the seeds that tell") {
  const TemporaryFolder out;
  write_trends(out.path() / "x");
  const Collection runs = collect_runs(out.path() / "x");
  const Comparison all = compare(runs);
  const Trends& t = named(all, "fixed").trends;
  CHECK(t.exposure.from == std::vector<double>{0, 100, 200, 300});
  CHECK(t.exposure.to == std::vector<double>{100, 200, 300, 400});
  CHECK(t.exposure.values == std::vector<std::vector<double>>(4, {0.5, 0.5}));
  const RunRecord& first = *named(all, "fixed").runs[0];
  CHECK(first.trained[0][0] == 0.25);
  CHECK(first.trained[3][1] == 0);
  CHECK(first.trained_domains == std::vector<std::string>{"books", "code"});
  CHECK(first.credit_name == "byproduct_regression");
  CHECK(t.credit.values[0] == std::vector<double>{1, -1});
  CHECK(std::isnan(t.credit.values[1][0]));
  CHECK(t.credit.values[2] == std::vector<double>{3, 0});  // of one seed it is not known
  CHECK(named(all, "console").trends.credit.from.empty());
  CHECK(named(all, "console").trends.exposure.from.empty());
}

TEST_CASE("rewards, FLOPs with all overhead, and regret against the best fixed policy") {
  const TemporaryFolder out;
  write_trends(out.path() / "x");
  const Collection runs = collect_runs(out.path() / "x");
  const Comparison all = compare(runs);
  const Trends& t = named(all, "fixed").trends;
  CHECK(t.reward.x == std::vector<double>{100, 200, 300, 400});
  CHECK(t.reward.mean == std::vector<double>{1.5, 0.5, 0.25, 0.25});
  CHECK(t.reward.band[0].width() == 0);
  // set-up 1, train 8, score 1 million an interval; the 5 of observe are free
  CHECK(t.by_flops.x == std::vector<double>{1e6, 1e7, 2e7, 3e7, 4e7});
  CHECK(t.by_flops.mean == std::vector<double>{6, 4.5, 4, 3.75, 3.5});
  CHECK(all.best_fixed == "fixed");
  CHECK(t.regret.x.empty());
  // random earns 1, 0.5, 0.25, 0.25 where fixed earns 1.5, 0.5, 0.25, 0.25
  const Curve& behind = named(all, "random").trends.regret;
  CHECK(behind.x == std::vector<double>{0, 1, 2, 3, 4});
  CHECK(behind.mean == std::vector<double>{0, 0.5, 0.5, 0.5, 0.5});
  CHECK(behind.n == 2);
  // console earns more than random by 1/4 of its gain in each interval: 0.25 and 0.3125
  CHECK(named(all, "console").trends.regret.mean.back() == Approx(0.5 - (0.25 + 0.3125) / 2));
  // one that adapts may be the best of all; it is not fixed
  for (std::uint64_t seed = 0; seed < 2; ++seed)
    write_run(out.path() / "x", {.policy = "star", .seed = seed, .weights = {{1, 0}, {0, 1}, {1, 0}, {0, 1}}, .loss_test = 1});
  const Collection more = collect_runs(out.path() / "x");
  const Comparison again = compare(more);
  CHECK(again.contenders[again.ranking[0]].name == "star");
  CHECK(again.best_fixed == "fixed");
}

TEST_CASE("runs of several episodes have no FLOPs of their own, and nothing trained has none") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_run(x, many_episodes({}, 0, true));
  const Collection runs = collect_runs(x);
  CHECK(runs.runs[0].spent.empty());
  CHECK(compare(runs).contenders[0].trends.by_flops.x.empty());
}

TEST_CASE("tables of trends hold what figures are drawn from") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x", tables = x / "tables";
  write_trends(x);
  report(x, {.figures = false});
  const auto exposure = read_table(tables / "exposure.tsv"), credit = read_table(tables / "credit.tsv");
  CHECK(exposure[0] == std::vector<std::string>{"policy", "line", "from", "to", "books", "code"});
  CHECK(exposure.size() == 5);
  CHECK(credit[2][4] == "NaN");
  CHECK(credit[3][4] == "3");
  CHECK_THAT(read_file(tables / "credit.tsv"), Contains("byproduct_regression"));
  CHECK(cell(read_table(tables / "flops.tsv"), "mean", "tokens", "40000000") == "3.5");
  CHECK(read_table(tables / "rewards.tsv").size() == 1 + 3 * 4);
  CHECK(read_table(tables / "regret.tsv").size() == 1 + 2 * 5);
  // of 4 phases the shares of 13 seconds a interval and 2 of set-up, added up
  const auto phases = read_table(tables / "phases.tsv");
  CHECK(phases.size() == 1 + 3 * 4);
  CHECK(phases[2][1] == "fixed");
  CHECK(phases[2][3] == "train");
  CHECK(std::stod(phases[2][4]) == Approx(2.0 / 54));
  CHECK(std::stod(phases[2][5]) == Approx(38.0 / 54));
  CHECK(std::stod(phases[4][7]) == Approx(1));
  // fixed scores 0.5625 above the mean of the baseline in both runs, which are above 0.5624 but not above 0.5625
  const auto profiles = read_table(tables / "profiles.tsv");
  std::vector<std::vector<std::string>> fixed;
  for (const auto& row : profiles)
    if (row[0] == "fixed") fixed.push_back(row);
  REQUIRE(fixed.size() == 3);
  CHECK(fixed[0][3] == "1");
  CHECK(fixed[1][2] == "0.5625");
  CHECK(fixed[1][3] == "0");
  CHECK(fixed[1][4] == "2");
  const Collection runs = collect_runs(x);
  const Comparison all = compare(runs);
  CHECK(scores_of(all, named(all, "random")) == std::vector<double>{0.0625, -0.0625});
}

TEST_CASE("every figure is drawn from its table, and stands in a page of equal bytes on every run") {
  if (std::system("gnuplot --version >/dev/null 2>&1") != 0) return;
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_trends(x);
  const ReportOptions options{.source = FADER_SOURCE_DIR};
  CHECK(report(x, options).problems.empty());
  const std::string page = read_file(x / "report.html"), text = read_file(x / "report.md");
  for (const std::string name : {"curves", "forest", "weights_console", "exposure", "rewards", "credit", "regret", "flops", "profiles", "phases"}) {
    CAPTURE(name);
    CHECK(fs::file_size(x / ("figures/" + name + ".pdf")) > 1000);
    CHECK_THAT(page, Contains("figures/" + name + ".svg") && !Contains("cannot be shown"));
    CHECK_THAT(text, Contains("](figures/" + name + ".svg)"));
    CHECK_THAT(page, Contains("The numbers: tables/" + (name == "forest" ? "paired" : name) + ".tsv"));
  }
  CHECK_THAT(page, Contains("Regret against fixed, the best by final test loss of the policies whose weights are fixed, chosen after looking") && Contains("mean over 2 seeds that pair up") &&
                       Contains("improvement in final test loss over the mean of random"));
  report(x, options);
  CHECK(read_file(x / "report.html") == page);
  CHECK(read_file(x / "report.md") == text);
}

TEST_CASE("the new scripts refuse a missing or foreign table and keep the old figure") {
  if (std::system("gnuplot --version >/dev/null 2>&1") != 0) return;
  const TemporaryFolder out;
  write_atomically(out.path() / "foreign.tsv", "a\tb\n1\t2\n");
  write_atomically(out.path() / "old.svg", "the figure of last time");
  for (const std::string script : {"exposure", "credit_time", "phases", "profiles", "sweep", "heat"})
    for (const std::string table : {"missing.tsv", "foreign.tsv", ""}) {
      const std::string command = fmt::format("cd '{}' && gnuplot -c '{}/analysis/plots/{}.gp' old.svg {} >/dev/null 2>&1", out.path().string(),
                                              FADER_SOURCE_DIR, script, table);
      CAPTURE(command);
      CHECK(WEXITSTATUS(std::system(command.c_str())) == 3);
      CHECK(read_file(out.path() / "old.svg") == "the figure of last time");
    }
}

TEST_CASE("a policy whose name is markup or a command is text in tables, figures and pages") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x", harmed = out.path() / "harmed";
  const std::string hostile = "<script>'$(touch " + harmed.string() + ")`touch " + harmed.string() + "`\"<b>";
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    write_run(x, {.seed = seed});
    SyntheticRun run{
        .policy = hostile, .seed = seed, .weights = {{1, 0}, {0, 1}, {1, 0}, {0, 1}}, .arm = 1, .loss_test = 4, .question = "Is <b>this</b> & that?"};
    run.domain_tokens = std::vector<std::vector<double>>(4, {1, 1});
    run.credit = std::vector<std::vector<double>>(4, {1, 2});
    run.question = "Is <b>this</b> & that?";
    const fs::path folder = write_run(x / "aside", run);  // its own name cannot be that of a folder
    make_folder(x / "policy=hostile");
    fs::rename(folder, x / fmt::format("policy=hostile/seed-{}", seed));
  }
  fs::remove_all(x / "aside");
  const bool drawn = std::system("gnuplot --version >/dev/null 2>&1") == 0;
  const Report done = report(x, {.baseline = "random", .figures = drawn, .source = FADER_SOURCE_DIR});
  CHECK(done.problems.empty());
  CHECK_FALSE(fs::exists(harmed));
  const std::string page = read_file(x / "report.html");
  CHECK_THAT(page, !Contains("<script") && !Contains("<b>") && Contains("&lt;script&gt;") && !Contains("cannot be shown"));
  CHECK_THAT(read_file(x / "report.md"), !Contains(" <script") && Contains("\\<script>"));
  for (const auto& file : fs::recursive_directory_iterator(x))
    CHECK_THAT(file.path().filename().string(), !Contains("<") && !Contains("$") && !Contains("`"));
}

TEST_CASE("regret is against the tuned fixed weights where they are there, never against a run on more tokens") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_trends(x);
  const auto add = [&](const std::string& policy, double loss, const std::string& stage) {
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      SyntheticRun run{.policy = policy, .seed = seed, .loss_test = loss};
      run.reference[4] = 2 + static_cast<double>(seed);   // earns 4 and 3 in all, random 2
      run.stage = stage;
      if (!stage.empty()) run.tokens = {0, 200, 400, 600, 800};
      write_run(x, run);
    }
  };
  add("b9_random_same_flops", 1, "same_flops");
  const Collection before = collect_runs(x);
  CHECK(compare(before).best_fixed == "fixed");   // b9 ends with the lowest loss of all
  add("b4_tuned_fixed", 9, "");
  const Collection runs = collect_runs(x);
  const Comparison all = compare(runs);
  CHECK(all.best_fixed == "b4_tuned_fixed");   // though it ends with the highest
  const Curve& behind = named(all, "random").trends.regret;
  CHECK(behind.n == 2);
  CHECK(behind.mean.back() == Approx(1.5));
  CHECK(behind.band.back().low == Approx(1.5 - 12.7062047 * 0.5));   // t of one degree of freedom, standard error 1/2
  CHECK(behind.band.back().high == Approx(1.5 + 12.7062047 * 0.5));
  CHECK(behind.band.front().width() == 0);
}

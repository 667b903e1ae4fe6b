// Final losses over several budgets of training: which runs may stand on one curve, and what is read off it.
#include "analysis/budgets.h"

#include <catch2/catch.hpp>

#include "analysis/cells.h"
#include "analysis/report.h"
#include "tests/analysis/synthetic_runs.h"

using namespace fader;
using namespace fader::test;
using Catch::Matchers::Contains;

namespace {

double law(double tokens) { return 2 + 20 / std::sqrt(tokens); }

/// A run of so many intervals of `tokens` tokens, whose losses on the way are far below its last one.
SyntheticRun run_of(const std::string& policy, std::uint64_t seed, std::size_t intervals, double faster = 1, double tokens = 100) {
  SyntheticRun run{.policy = policy, .seed = seed};
  run.tokens.clear();
  run.reference.clear();
  for (std::size_t t = 0; t <= intervals; ++t) {
    run.tokens.push_back(tokens * static_cast<double>(t));
    run.reference.push_back(0.5);
  }
  run.loss_test = law(faster * run.tokens.back()) + 0.01 * static_cast<double>(seed);
  run.toml = fmt::format("name = \"x\"  # any\n[run]\nseeds = [{}]\n[train]\nintervals = {}   # file:{}\nsteps_per_interval = {:.0f}\nbatch = 16  # default\n[policy]\nkind = \"{}\"\n",
                         seed, intervals, seed, tokens, policy);
  run.cell = fmt::format("train.intervals={}", intervals);
  run.varies = {run.cell};
  run.planned = static_cast<std::int64_t>(intervals);
  return run;
}

const std::vector<std::size_t> kLengths = {2, 4, 8, 16};

/// The baseline and a console that needs half the tokens and has more overhead, three seeds each.
void write_lengths(const fs::path& x, const std::vector<std::size_t>& lengths = kLengths) {
  for (const std::size_t n : lengths)
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      write_run(x, run_of("random", seed, n));
      SyntheticRun console = run_of("console", seed, n, 2);
      console.score_flops = 5e6;   // 14e6 an interval, the baseline's are 10e6
      write_run(x, console);
    }
}

std::vector<BudgetFamily> families_in(const fs::path& x) { return study_of(collect_runs(x)).budgets; }

}  // namespace

TEST_CASE("a policy that needs half the tokens has a speed-up of two, less its overhead in FLOPs") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_lengths(x);
  const std::vector<BudgetFamily> families = families_in(x);
  REQUIRE(families.size() == 1);
  const BudgetFamily& family = families[0];
  CHECK(family.length == "train.intervals");
  CHECK(family.name.empty());
  CHECK(family.cut_short == 0);
  REQUIRE(family.policies.size() == 2);
  const BudgetPolicy &base = family.policies[0], &console = family.policies[1];
  CHECK(base.is_baseline);
  CHECK(base.name == "random");
  REQUIRE(base.tokens.measured.size() == 4);
  CHECK(base.tokens.measured[0].budget == 200);
  CHECK(base.tokens.measured[3].n == 3);
  CHECK(base.tokens.measured[3].mean == Approx(law(1600) + 0.01));
  CHECK(base.tokens.measured[3].interval.holds(law(1600) + 0.01));
  CHECK(base.flops.measured[3].budget == Approx(16 * 10e6));
  CHECK(console.flops.measured[3].budget == Approx(16 * 14e6));
  CHECK(console.tokens.target == Approx(law(1600) + 0.01));
  CHECK(base.tokens.to_target.budget == Approx(1600));
  CHECK(console.tokens.to_target.budget == Approx(800).epsilon(1e-4));
  CHECK(console.tokens.speed_up.factor == Approx(2).epsilon(1e-4));
  CHECK(console.tokens.speed_up.interval.low == Approx(2).epsilon(1e-3));   // seeds shift both curves alike
  CHECK(console.tokens.speed_up.interval.high == Approx(2).epsilon(1e-3));
  CHECK(console.tokens.seeds == 3);
  CHECK(console.flops.speed_up.factor == Approx(2 * 10.0 / 14).epsilon(1e-4));
  CHECK(console.tokens.fit.exponent == Approx(0.5).epsilon(1e-3));
  CHECK(console.tokens.fit.floor == Approx(2.01).epsilon(1e-3));
  CHECK(std::isnan(base.tokens.speed_up.factor));
}

TEST_CASE("seeds that gain unequally give the speed-up an interval that holds it") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  for (const std::size_t n : kLengths)
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      write_run(x, run_of("random", seed, n));
      if (seed < 4 || n > 2) write_run(x, run_of("console", seed, n, 1.6 + 0.2 * static_cast<double>(seed)));
    }
  const BudgetCurveOf& curve = families_in(x)[0].policies[1].tokens;
  CHECK(curve.seeds == 4);   // the fifth has no run at the least budget
  CHECK(curve.measured[0].n == 4);
  CHECK(curve.measured[1].n == 5);
  CHECK(curve.speed_up.interval.low > 1.5);
  CHECK(curve.speed_up.interval.high < 2.3);
  CHECK(curve.speed_up.interval.width() > 0.1);
  CHECK(curve.speed_up.interval.holds(curve.speed_up.factor));
  const BudgetCurveOf again = families_in(x)[0].policies[1].tokens;
  CHECK(again.speed_up.interval.low == curve.speed_up.interval.low);
}

TEST_CASE("one budget makes no curve") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_lengths(x, {4});
  CHECK(families_in(x).empty());
  report(x, {.figures = false});
  CHECK_THAT(read_file(x / "report.md"), !Contains("to a loss"));
  CHECK_FALSE(fs::exists(x / "tables/budget.tsv"));
}

TEST_CASE("lengths of runs that differ in anything else are not on one curve") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_lengths(x, {2, 4});
  const auto add = [&](auto change) {
    SyntheticRun longer = run_of("random", 0, 32);
    change(longer);
    write_run(x, longer);
    const std::vector<BudgetFamily> families = families_in(x);
    REQUIRE(families.size() == 1);
    return families[0].cells.size();
  };
  CHECK(add([](SyntheticRun& r) { r.corpus = "another"; }) == 2);
  CHECK(add([](SyntheticRun& r) { r.model = "larger"; }) == 2);
  CHECK(add([](SyntheticRun& r) { r.toml.replace(r.toml.find("batch = 16"), 10, "batch = 32"); }) == 2);
  CHECK(add([](SyntheticRun& r) { r.toml.clear(); }) == 2);
  CHECK(add([](SyntheticRun& r) { r.toml.replace(r.toml.find("# default"), 9, "# elsewhere"); }) == 3);
}

TEST_CASE("a run that was cut short is no point of a curve") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_lengths(x);
  for (const std::string policy : {"random", "console"})
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      SyntheticRun run = run_of(policy, seed, 16);
      run.planned = 17;
      write_run(x, run);
    }
  const BudgetFamily family = families_in(x).at(0);
  CHECK(family.cut_short == 6);
  REQUIRE(family.policies[0].tokens.measured.size() == 3);
  CHECK(family.policies[0].tokens.measured.back().budget == 800);
  report(x, {.figures = false});
  CHECK_THAT(read_file(x / "report.md"), Contains("6 complete runs that did not play all of their intervals are left out here"));
}

TEST_CASE("of two lengths that vary the intervals make the curves, each for one length of interval") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  for (const std::size_t n : {2, 4})
    for (const double tokens : {100.0, 200.0})
      for (const std::string policy : {"random", "console"}) {
        SyntheticRun run = run_of(policy, 0, n, 1, tokens);
        run.varies = {fmt::format("train.intervals={}", n), fmt::format("train.steps_per_interval={:.0f}", tokens)};
        run.cell = run.varies[0] + "," + run.varies[1];
        write_run(x, run);
      }
  const std::vector<BudgetFamily> families = families_in(x);
  REQUIRE(families.size() == 2);
  CHECK(families[0].name == "train.steps_per_interval=100");
  CHECK(families[0].file == "budget_train.steps_per_interval=100");
  CHECK(families[0].cells.size() == 2);
  CHECK(families[1].policies[0].tokens.measured[1].budget == 800);
  const fs::path y = out.path() / "y";
  for (const double tokens : {100.0, 200.0}) {
    SyntheticRun run = run_of("random", 0, 4, 1, tokens);
    run.cell = fmt::format("train.steps_per_interval={:.0f}", tokens);
    run.varies = {run.cell};
    write_run(y, run);
  }
  REQUIRE(families_in(y).size() == 1);
  CHECK(families_in(y)[0].length == "train.steps_per_interval");
}

TEST_CASE("nothing is said beyond the measured budgets, and why stands in the table and the report") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_lengths(x);
  for (const std::size_t n : kLengths)
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      write_run(x, run_of("slow", seed, n, 0.25));
      SyntheticRun all = run_of("at_once", seed, n);
      all.loss_test = 1 - 0.01 * static_cast<double>(n);
      write_run(x, all);
    }
  report(x, {.figures = false});
  const auto table = read_table(x / "tables/budget.tsv");
  CHECK(cell(table, "to_target", "policy", "slow") == "NaN");
  CHECK_THAT(cell(table, "to_target_note", "policy", "slow"), Contains("no measured budget reaches"));
  CHECK(std::stod(cell(table, "speed_up", "policy", "slow")) == Approx(0.25).epsilon(1e-3));
  CHECK(cell(table, "speed_up", "policy", "at_once") == "NaN");
  CHECK_THAT(cell(table, "to_target_note", "policy", "at_once"), Contains("the least budget already has a loss"));
  CHECK_THAT(cell(table, "speed_up_note", "policy", "at_once"), Contains("least budget is already below"));
  const std::string text = read_file(x / "report.md");
  CHECK_THAT(text, Contains("## Tokens and FLOPs to a loss") && Contains("4 lengths of training, 200 to 1600 tokens, by train.intervals") &&
                       Contains("| console | 800 | 2.00 [2.00, 2.00] |") && Contains("no measured budget reaches") && Contains("Nothing is extrapolated") &&
                       Contains("half-way of a longer run never stands in"));
  CHECK_THAT(read_file(x / "report.html"), Contains("Tokens and FLOPs to a loss"));
}

TEST_CASE("without a baseline there is no target, and a metric that is no loss has no curve") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x", y = out.path() / "y";
  for (const std::size_t n : {2, 4}) {
    SyntheticRun run = run_of("console", 0, n);
    run.baseline = "";
    write_run(x, run);
    run.metric = "final/unknown";
    write_run(y, run);
  }
  const BudgetFamily family = families_in(x).at(0);
  CHECK(family.baseline.empty());
  CHECK(std::isnan(family.policies[0].tokens.target));
  CHECK(family.policies[0].tokens.fit.points.size() > 2);
  report(x, {.figures = false});
  CHECK_THAT(read_file(x / "report.md"), Contains("no baseline in all of them, so there is no target") && !Contains("Speed-up"));
  CHECK_THAT(families_in(y).at(0).note, Contains("the metric is return"));
  report(y, {.figures = false});
  CHECK_THAT(read_file(y / "report.md"), Contains("No curves: "));
  CHECK_FALSE(fs::exists(y / "tables/budget.tsv"));
}

TEST_CASE("figures of budgets are drawn from their tables, the same bytes each time") {
  if (std::system("gnuplot --version >/dev/null 2>&1") != 0) return;
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_lengths(x);
  const ReportOptions options{.source = FADER_SOURCE_DIR};
  REQUIRE(report(x, options).problems.empty());
  const std::string tokens = read_file(x / "figures/budget_tokens.svg");
  CHECK_THAT(tokens, Contains("console") && Contains("tokens seen") && Contains("target"));
  CHECK_THAT(read_file(x / "figures/budget_flops.svg"), Contains("FLOPs with all overhead"));
  CHECK_THAT(read_file(x / "report.md"), Contains("mean over 3 seeds a budget, bars are 95% t intervals of that mean") && Contains("power laws E + A D^-b"));
  const auto table = read_table(x / "tables/budget_tokens_curve.tsv");
  CHECK(table[0] == std::vector<std::string>{"policy", "line", "budget", "loss"});
  CHECK(table.back()[0] == "random");   // the baseline on top
  report(x, options);
  CHECK(read_file(x / "figures/budget_tokens.svg") == tokens);
}

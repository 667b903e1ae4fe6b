// Words, tables and figures of a report on synthetic runs.
#include "analysis/report.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "analysis/gnuplot.h"
#include "analysis/tables.h"
#include "core/error.h"
#include "tests/analysis/synthetic_runs.h"

using namespace fader;
using namespace fader::test;
using Catch::Matchers::Contains;

namespace {

const fs::path kPlots = fs::path(FADER_SOURCE_DIR) / "analysis/plots";

bool have_gnuplot() {
  if (std::system("gnuplot --version >/dev/null 2>&1") == 0) return true;
  WARN("skipped: gnuplot is not installed");
  return false;
}

/// Exit status of a script run by hand in `folder`.
int plot(const fs::path& folder, const std::string& arguments) {
  const std::string command = fmt::format("cd '{}' && gnuplot -c '{}/'{} >/dev/null 2>&1", folder.string(), kPlots.string(), arguments);
  return WEXITSTATUS(std::system(command.c_str()));
}

Comparison with_pairs(double difference, double half_width, std::size_t pairs) {
  Comparison all;
  all.experiment = "x";
  all.quantity = "final test loss (nats per token)";
  all.baseline = "random";
  all.contenders.resize(2);
  all.contenders[0].name = "random";
  all.contenders[0].is_baseline = true;
  all.contenders[1].name = "console";
  stats::Paired p;
  p.n = pairs;
  p.difference = difference;
  p.interval = {difference - half_width, difference + half_width};
  all.contenders[1].paired = p;
  all.ranking = difference < 0 ? std::vector<std::size_t>{1, 0} : std::vector<std::size_t>{0, 1};
  return all;
}

}  // namespace

TEST_CASE("a verdict needs six pairs and an interval without zero") {
  CHECK_THAT(verdict(with_pairs(-0.2, 0.1, 6)),
             Contains("console beats random") && Contains("-0.2000 [-0.3000, -0.1000], 6 pairs") && Contains("screening"));
  CHECK_THAT(verdict(with_pairs(-0.2, 0.3, 6)), Contains("No difference to random could be shown"));
  CHECK_THAT(verdict(with_pairs(-0.2, 0.1, 5)), Contains("Screening only") && !Contains("beats"));
  CHECK_THAT(verdict(with_pairs(0.2, 0.1, 6)), Contains("No policy has a lower mean final test loss than the baseline random"));
  Comparison screening = with_pairs(-0.2, 0.1, 6);
  screening.screening = true;
  CHECK_THAT(verdict(screening), Contains("A screening of 2 policies, without verdicts") && !Contains("beats"));
  CHECK(reading(screening, screening.contenders[1]) == "screening");
  CHECK(reading(with_pairs(-0.2, 0.1, 6), with_pairs(-0.2, 0.1, 6).contenders[1]) == "better");
  CHECK(reading(with_pairs(0.2, 0.1, 6), with_pairs(0.2, 0.1, 6).contenders[1]) == "worse");
  CHECK(reading(with_pairs(0.2, 0.3, 9), with_pairs(0.2, 0.3, 9).contenders[1]) == "no difference shown");
  CHECK(reading(with_pairs(0.2, 0.1, 5), with_pairs(0.2, 0.1, 5).contenders[1]) == "too few pairs (5)");
}

TEST_CASE("cells of a table cannot break it, and numbers read back to the same bits") {
  TableText table({"two\nlines"}, {"name", "an agent"});
  table.add("tab\there \"and\" # more\n").add(1.0 / 3).end_row();
  CHECK(table.text() == "# two lines\nname\tan_agent\ntab here  and    more \t0.3333333333333333\n");
  CHECK(std::stod("0.3333333333333333") == 1.0 / 3);
  CHECK_THROWS_AS(table.add("one cell only").end_row(), Defect);
}

TEST_CASE("tables hold what was compared") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x", tables = x / "tables";
  write_pairs(x, 6);
  write_run(x, {.seed = 9, .status = RunStatus::failed});
  make_folder(tables);
  make_folder(tables / "gone");
  for (const fs::path name : {"weights_gone.tsv", "gone/curves.tsv"}) write_atomically(tables / name, "# of an earlier report\n# experiment synthetic; metric x\n");
  write_atomically(tables / "my_own.tsv", "a table\nof the user\n");
  const Report done = report(x, {.figures = false});
  CHECK_FALSE(fs::exists(tables / "weights_gone.tsv"));
  CHECK_FALSE(fs::exists(tables / "gone"));
  CHECK(fs::exists(tables / "my_own.tsv"));
  fs::remove(tables / "my_own.tsv");
  CHECK(cell(read_table(tables / "paired.tsv"), "difference", "policy", "console") == "-0.28125");
  CHECK(cell(read_table(tables / "paired.tsv"), "wins", "policy", "console") == "6");
  CHECK(cell(read_table(tables / "policies.tsv"), "mean", "policy", "random") == "4.8125");
  CHECK(cell(read_table(tables / "policies.tsv"), "left_out", "policy", "random") == "1");
  CHECK(cell(read_table(tables / "pairs.tsv"), "difference", "seed", "1") == "-0.3125");
  CHECK(cell(read_table(tables / "runs.tsv"), "seconds_train", "policy", "console") == "36");
  CHECK(cell(read_table(tables / "domains.tsv"), "mean", "domain", "code") == "5.8125");
  CHECK(cell(read_table(tables / "differences.tsv"), "mean", "tokens", "400") == "-0.28125");
  CHECK(cell(read_table(tables / "weights_console_one_run.tsv"), "quality", "from", "300") == "1");
  CHECK_THAT(cell(read_table(tables / "left_out.tsv"), "reason", "place", "policy=random/seed-9"), Contains("failed"));
  CHECK(read_table(tables / "runs.tsv").size() == 13);
  CHECK(read_table(tables / "intervals.tsv").size() == 1 + 12 * 5);
  for (const auto& file : fs::directory_iterator(tables)) {
    const auto table = read_table(file.path());
    for (const auto& row : table) CHECK(row.size() == table[0].size());
  }
  CHECK_THAT(done.summary, Contains("Left out (1):\n  policy=random/seed-9: failed after 4 intervals"));
  CHECK_THAT(read_file(x / "report.md"), Contains("\n## Found and left out\n\n- policy=random/seed-9: failed after 4 intervals\n") &&
                                             Contains("1 item was found and left out, named below"));
  CHECK_THAT(read_file(x / "report.html"), Contains("<li>policy=random/seed-9: failed after 4 intervals</li>"));
}

TEST_CASE("the summary is aligned and says who won") {
  const TemporaryFolder out;
  write_pairs(out.path() / "x", 6);
  const std::string text = report(out.path() / "x", {.figures = false}).summary;
  CHECK_THAT(text, Contains("synthetic: Does anything beat chance?"));
  CHECK_THAT(text, Contains("\n  policy    runs   final test loss         difference to random   wins   overhead\n"));
  CHECK_THAT(text, Contains("\n  console      6   4.5312 ± 0.2262   -0.2812 [-0.3172, -0.2453]    6/6      10.0%\n"));
  CHECK_THAT(text, Contains("\n  random       6   4.8125 ± 0.2339                     baseline             10.0%\n"));
  CHECK_THAT(text, Contains("console beats random"));
  const std::string page = read_file(out.path() / "x/report.md");
  CHECK_THAT(page, Contains("# Does anything beat chance?") && Contains("| console | 6 | -0.2812 |") && Contains("| better |"));
}

TEST_CASE("runs that cannot be compared leave nothing behind") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x";
  write_run(x, {});
  write_run(x, {.policy = "console", .tokens = {0, 100, 200, 300, 401}});
  CHECK_THROWS_AS(report(x, {.figures = false}), DataError);
  CHECK_FALSE(fs::exists(x / "tables"));
  CHECK_FALSE(fs::exists(x / "report.md"));
}

TEST_CASE("without gnuplot there are tables and a line that says so") {
  const TemporaryFolder out;
  write_pairs(out.path() / "x", 2);
  const Report done = report(out.path() / "x", {.source = FADER_SOURCE_DIR, .gnuplot = "no-such-gnuplot"});
  CHECK_THAT(done.summary, Contains("No figures: gnuplot is not installed"));
  CHECK(done.problems.empty());
  CHECK(fs::exists(out.path() / "x/tables/curves.tsv"));
  for (const std::string form : {"md", "html"})
    CHECK_THAT(read_file(out.path() / ("x/report." + form)), Contains("gnuplot is not installed") && Contains("What was compared") &&
                                                                 Contains("What pairing gained") && Contains("How to repeat it") && !Contains("figures/"));
}

TEST_CASE("figures are drawn in three kinds, equal bytes on every run") {
  if (!have_gnuplot()) return;
  const TemporaryFolder out;
  const fs::path x = out.path() / "x", figures = x / "figures";
  write_pairs(x, 3);
  const ReportOptions options{.source = FADER_SOURCE_DIR};
  const Report done = report(x, options);
  CHECK(done.problems.empty());
  std::map<std::string, std::string> bytes;
  for (const std::string name : {"curves", "forest", "weights_console"}) {
    for (const std::string kind : {".svg", ".png", ".pdf"}) CHECK(fs::file_size(figures / (name + kind)) > 1000);
    bytes[name] = read_file(figures / (name + ".svg"));
  }
  CHECK_THAT(bytes["curves"], Contains("console") && Contains("tokens seen") && Contains("difference to random"));
  CHECK_THAT(bytes["weights_console"], Contains("console: mean of 3 seeds") && Contains("quality"));
  CHECK_FALSE(fs::exists(figures / "weights_random.svg"));
  report(x, options);
  for (const auto& [name, before] : bytes) CHECK(read_file(figures / (name + ".svg")) == before);
  for (const auto& file : fs::directory_iterator(figures)) CHECK_THAT(file.path().string(), !Contains(".part"));
}

TEST_CASE("learning has tables and a figure where runs have several episodes, and they go when there are none any more") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x", tables = x / "tables";
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    write_run(x, many_episodes({.seed = seed}, 0, true));
    write_run(x, many_episodes({.policy = "console", .seed = seed}, 1 + static_cast<double>(seed), seed != 1));
  }
  const ReportOptions options{.figures = have_gnuplot(), .source = FADER_SOURCE_DIR};
  const Report done = report(x, options);
  CHECK(done.problems.empty());
  const auto learning = read_table(tables / "learning.tsv"), evaluation = read_table(tables / "evaluation.tsv");
  CHECK(learning.size() == 1 + 2 * 10);
  CHECK(learning[1][0] == "console");
  CHECK(learning[1][1] == "2");
  CHECK(learning[11][0] == "random");  // the baseline comes last, so that it is drawn on top
  CHECK(learning[11][1] == "1");
  CHECK(cell(learning, "n", "policy", "console") == "3");
  CHECK(evaluation.size() == 1 + 2 * 3 + 2 * 2);
  CHECK(cell(evaluation, "return", "policy", "console") == "8");
  CHECK(cell(evaluation, "value", "policy", "console") == "3");
  CHECK_THAT(read_file(x / "report.md"), Contains("evaluation episodes (policy=console, policy=random)"));
  if (options.figures) {
    const std::string svg = read_file(x / "figures/learning.svg");
    CHECK_THAT(svg, Contains("return (sum of rewards)") && Contains("learning episode") && Contains("evaluation") && Contains("console") &&
                        Contains("mean of the last 6 episodes, band: ± SD, 3 seeds"));
    CHECK_THAT(read_file(x / "report.md"), Contains("gnuplot -c \"$PLOTS/learning.gp\" figures/learning.svg tables/learning.tsv tables/evaluation.tsv"));
    for (const std::string kind : {".png", ".pdf"}) CHECK(fs::file_size(x / "figures" / ("learning" + kind)) > 1000);
    report(x, options);
    CHECK(read_file(x / "figures/learning.svg") == svg);
    // either side alone
    CHECK(plot(x, "learning.gp alone.svg tables/learning.tsv ''") == 0);
    CHECK_THAT(read_file(x / "alone.svg"), Contains("learning episode") && !Contains("evaluation"));
    CHECK(plot(x, "learning.gp alone.svg '' tables/evaluation.tsv") == 0);
    CHECK_THAT(read_file(x / "alone.svg"), Contains("evaluation episode") && !Contains("learning"));
  }
  fs::remove_all(x / "policy=random");
  fs::remove_all(x / "policy=console");
  write_run(x, {});
  report(x, {.figures = false});
  CHECK_FALSE(fs::exists(tables / "learning.tsv"));
  CHECK_FALSE(fs::exists(tables / "evaluation.tsv"));
}

TEST_CASE("of many policies figures name the baseline, the best four and the worst, the others are grey") {
  const TemporaryFolder out;
  const fs::path x = out.path() / "x", tables = x / "tables";
  const auto write_many = [&](std::size_t policies) {
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      write_run(x, {.seed = seed, .loss_test = 4.5});
      for (std::size_t i = 1; i < policies; ++i)
        write_run(x, {.policy = fmt::format("p{:02}", i), .seed = seed, .loss_test = 4 + 0.1 * static_cast<double>((7 * i) % 13)});
    }
  };
  write_many(kCurvesNamed);
  report(x, {.figures = false});
  for (const auto& row : read_table(tables / "curves.tsv")) CHECK(row[1] != "0");  // all
  write_many(kCurvesNamed + 2);
  const ReportOptions options{.figures = have_gnuplot(), .source = FADER_SOURCE_DIR};
  const Report done = report(x, options);
  CHECK(done.problems.empty());
  const std::vector<std::pair<std::string, std::string>> expected = {{"random", "1"}, {"p02", "2"}, {"p04", "3"}, {"p06", "4"}, {"p11", "5"}, {"p13", "6"}};
  for (const std::string name : {"curves", "differences"}) {
    const auto table = read_table(tables / (name + ".tsv"));
    std::vector<std::pair<std::string, std::string>> named;
    std::size_t grey = 0;
    for (std::size_t i = 1; i < table.size(); ++i) {
      const std::pair<std::string, std::string> line{table[i][0], table[i][1]};
      if (line.second == "0") CHECK(named.empty());  // drawn first, below the others
      if (line.second == "0") ++grey;
      else if (named.empty() || named.front() != line) named.insert(named.begin(), line);
    }
    CHECK(grey == 8 * 5);
    CHECK(named == std::vector(expected.begin() + (name == "curves" ? 0 : 1), expected.end()));
  }
  if (!options.figures) return;
  const std::string svg = read_file(x / "figures/curves.svg");
  CHECK_THAT(svg, Contains("6 of 14 policies named") && Contains(">random<") && Contains(">p13<") && !Contains(">p01<") && !Contains(">p03<"));
  CHECK_THAT(read_file(x / "report.md"), Contains("6 of 14 policies are named: random (the baseline), the best 4 and the worst by final test loss"));
}

TEST_CASE("one run of one policy is drawn too, without bands") {
  if (!have_gnuplot()) return;
  const TemporaryFolder out;
  write_run(out.path() / "x", {.policy = "console", .arm = 0, .baseline = "console"});
  const Report done = report(out.path() / "x", {.source = FADER_SOURCE_DIR});
  CHECK(done.problems.empty());
  CHECK_THAT(done.summary, Contains("nothing to compare"));
  CHECK(fs::exists(out.path() / "x/figures/curves.svg"));
  CHECK_FALSE(fs::exists(out.path() / "x/figures/forest.svg"));
}

TEST_CASE("a script refuses a missing or foreign table and keeps the old figure") {
  if (!have_gnuplot()) return;
  const TemporaryFolder out;
  const fs::path x = out.path();
  write_atomically(x / "foreign.tsv", "a\tb\n1\t2\n");
  write_atomically(x / "curves.tsv", "policy\tline\ttokens\tmean\tlo\thi\tn\nu\t1\t0\t2\tNaN\tNaN\t1\nu\t1\t9\t1\tNaN\tNaN\t1\n");
  write_atomically(x / "empty.tsv", "policy\tline\ttokens\tmean\tlo\thi\tn\n");
  write_atomically(x / "words.tsv", "policy\tline\ttokens\tmean\tlo\thi\tn\nu\t1\t0\tno\tnumbers\there\t1\nu\t1\t9\tno\tnumbers\there\t1\n");
  write_atomically(x / "old.svg", "the figure of last time");
  CHECK(plot(x, "curves.gp old.svg missing.tsv") == 3);
  CHECK(plot(x, "curves.gp old.svg foreign.tsv") == 3);
  CHECK(plot(x, "curves.gp old.svg curves.tsv missing.tsv") == 3);
  CHECK(plot(x, "weights.gp old.svg missing.tsv") == 3);
  CHECK(plot(x, "weights.gp old.svg foreign.tsv") == 3);
  CHECK(plot(x, "forest.gp old.svg missing.tsv missing.tsv") == 3);
  CHECK(plot(x, "forest.gp old.svg foreign.tsv foreign.tsv") == 3);
  CHECK(plot(x, "learning.gp old.svg missing.tsv") == 3);
  CHECK(plot(x, "learning.gp old.svg '' foreign.tsv") == 3);
  CHECK(plot(x, "learning.gp old.svg") == 2);
  CHECK(plot(x, "curves.gp old.bmp curves.tsv") == 2);
  CHECK(plot(x, "curves.gp") != 0);
  CHECK(plot(x, "curves.gp old.svg empty.tsv") == 3);
  CHECK(plot(x, "curves.gp old.svg words.tsv") != 0);  // fails while it draws
  CHECK(read_file(x / "old.svg") == "the figure of last time");
  CHECK(plot(x, "curves.gp old.svg curves.tsv") == 0);
  CHECK_THAT(read_file(x / "old.svg"), Contains("<svg"));
}

TEST_CASE("a figure that fails is a problem named in the report, not a crash") {
  if (!have_gnuplot()) return;
  const TemporaryFolder out;
  const Drawing drawing = draw({{.name = "curves", .arguments = {"curves.gp", "tables/none.tsv"}}}, out.path(), kPlots);
  CHECK(drawing.done.empty());
  REQUIRE(drawing.problems.size() == 3);
  CHECK_THAT(drawing.problems[0],
             Contains("figures/curves.svg") && Contains("ended with 3") && Contains("tables/none.tsv: no table, or no rows"));
}

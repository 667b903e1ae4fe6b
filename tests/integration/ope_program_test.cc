// ./report --ope as a user would ask for it, on runs that the program played.
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "core/files.h"
#include "tests/analysis/synthetic_runs.h"
#include "tests/integration/program.h"

using namespace fader;
using namespace fader::testing;
using Catch::Contains;

namespace {

std::string bandit(const std::string& policies) {
  return R"(name = "logged"
[run]
seeds = [0, 1, 2, 3, 4, 5]
[env]
kind = "bandit-v0"
horizon = 80
means = [0.1, 0.5, 0.9]
noise = 0.1
)" + policies;
}

Ran report(const std::string& arguments) { return shell(fmt::format("'{}/fader_report' --no-figures {}", FADER_BINARY_DIR, arguments)); }

}  // namespace

TEST_CASE("what a bandit logged tells what its other arms would have earned") {
  const Scratch at;
  const std::string file = at.write("logged.toml", bandit("[[policies]]\nkind = \"boltzmann\"\ntau = 0.5\n[[policies]]\nkind = \"ucb\"\n"
                                                          "[[policies]]\nkind = \"uniform\"\n"));
  REQUIRE(run_fader(file + " --quiet --out " + at.path().string()).code == 0);
  const auto folder = at / "logged";
  const Ran ran = report("--ope " + folder.string());
  INFO(ran.text);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.text, Contains("What other choices would have earned") && Contains("Logged by boltzmann (point policy=boltzmann): 6 runs, 6 "
                                "episodes, 480 decisions, 3 arms"));
  CHECK_THAT(ran.text, Contains("arm 0 was impossible in") && Contains("policy=uniform/seed-0") && Contains("has no arms"));
  CHECK_THAT(ran.text, Contains("Changing early weights changes later states") && Contains("effective sample size"));
  CHECK_THAT(read_file(folder / "report.md"), Contains("## What other choices would have earned (off-policy estimates)") && Contains("| always arm 2"));
  CHECK_THAT(read_file(folder / "tables" / "ope.tsv"), Contains("boltzmann\tpolicy=boltzmann\tas often as ucb\t"));
  const auto table = test::read_table(folder / "tables" / "ope.tsv");
  const double means[] = {0.1, 0.5, 0.9};
  std::size_t seen = 0;
  for (const auto& row : table) {
    if (row[2].rfind("always arm ", 0) != 0 || (row[4] != "snipw" && row[4] != "dr")) continue;
    const double truth = means[row[2][11] - '0'], value = std::stod(row[5]), error = std::stod(row[6]);
    INFO(row[2] << " " << row[4] << ": " << value << " +- " << error);
    CHECK(std::abs(value - truth) < 4 * error);
    CHECK(error < 0.05);
    CHECK(std::stod(row[13]) > 10);
    ++seen;
  }
  CHECK(seen == 6);

  REQUIRE(report(folder.string()).code == 0);  // without being asked there is nothing of it, and nothing old is left
  CHECK_FALSE(std::filesystem::exists(folder / "tables" / "ope.tsv"));
  CHECK_THAT(read_file(folder / "report.md"), !Contains("off-policy"));
}

TEST_CASE("runs that logged nothing to weight are named, and when there are no others the exit says so") {
  const Scratch at;
  const std::string file = at.write("logged.toml", bandit("[[policies]]\nkind = \"hedge\"\n[[policies]]\nkind = \"uniform\"\n"));
  REQUIRE(run_fader(file + " --quiet --out " + at.path().string()).code == 0);
  const Ran ran = report("--ope " + (at / "logged").string());
  INFO(ran.text);
  CHECK(ran.code == 3);
  CHECK_THAT(ran.text, Contains("Nothing could be estimated from these runs") && Contains("policy=hedge/seed-5: 80 of 80 decisions played a mixture"));
  CHECK_THAT(read_file(at / "logged" / "report.md"), Contains("Runs that nothing can be estimated from"));
  const Ran wrong = report("--ope-reward rewart " + (at / "logged").string());
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.text, Contains("no run has a reward 'rewart'; did you mean 'reward'?"));
}

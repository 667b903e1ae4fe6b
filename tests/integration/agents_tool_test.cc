// tool agents, as a user runs it.
#include <catch2/catch.hpp>

#include "core/files.h"
#include "tests/integration/program.h"

using namespace fader;
using namespace fader::testing;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

bool have_gnuplot() {
  if (shell("gnuplot --version").code == 0) return true;
  WARN("skipped: gnuplot is not installed");
  return false;
}

}  // namespace

TEST_CASE("tool agents: a table on the screen, and with --out as files and a figure") {
  const Scratch scratch;
  const std::string file = scratch.write("small.toml", small_experiment("[[agents]]\nkind = \"rules\"\n[[agents]]\nkind = \"stored\"\n" + ucb_policy()));
  const std::string tool = "tool agents '" + file + "' --cases 200 --runs '" + (scratch.path() / "runs").string() + "' --set 'corpus.ratings=[\"meta.quality\"]'";
  const Ran plain = run_fader(tool);
  CHECK(plain.code == 0);
  CHECK_THAT(plain.text, Contains("Rank correlations over 200 passages of the pool") && Contains("rules") && Contains("dynamic") && Contains("5 stored"));
  CHECK_THAT(plain.text, !Contains("agreement.tsv"));
  if (!have_gnuplot()) return;
  const fs::path a = scratch.path() / "a", b = scratch.path() / "b";
  const Ran first = run_fader(tool + " --out '" + a.string() + "'"), second = run_fader(tool + " --out '" + b.string() + "'");
  CHECK(first.code == 0);
  CHECK(second.code == 0);
  CHECK_THAT(first.text, Contains((a / "agreement.tsv").string()) && Contains("figures/agents.svg"));
  CHECK(read_file(a / "agreement.tsv") == read_file(b / "agreement.tsv"));
  CHECK_THAT(read_file(a / "agents.tsv"), Contains("agent\tkind\tscores\tcolumn_seconds"));
  for (const std::string kind : {"svg", "png"}) CHECK(read_file(a / ("figures/agents." + kind)) == read_file(b / ("figures/agents." + kind)));
  CHECK(fs::exists(a / "figures/agents.pdf"));
  const std::string svg = read_file(a / "figures/agents.svg");
  CHECK_THAT(svg, Contains("quality") && Contains("stored") && Contains("1.00") && Contains("200 of") && !Contains("NaN"));
  // a table that is none leaves the figure of last time alone
  write_atomically(a / "agreement.tsv", "something else\n");
  const Ran broken = shell(std::string("'") + FADER_BINARY_DIR + "/fader_report' '" + a.string() + "'");
  CHECK(broken.code == 4);
  CHECK_THAT(broken.text, Contains("with columns row agent column other correlation"));
  CHECK(read_file(a / "figures/agents.svg") == svg);
}

TEST_CASE("tool agents: what it cannot do is a message with the exit code of its kind") {
  const Scratch scratch;
  const std::string file = scratch.write("small.toml", small_experiment(ucb_policy())), quoted = "tool agents '" + file + "' ";
  const std::string runs = " --runs '" + (scratch.path() / "runs").string() + "'";
  const auto refused = [](const std::string& arguments, int code, const std::string& message) {
    const Ran ran = run_fader(arguments);
    CHECK(ran.code == code);
    CHECK_THAT(ran.text, Contains(message));
  };
  refused("tool agents", 2, "nothing is named");
  refused("tool agents one.toml two.toml", 2, "2 named, at most 1 expected");
  refused("tool agents /nowhere.toml", 2, "/nowhere.toml");
  refused(quoted + "--case 3", 2, "--case");
  refused(quoted + "--cases 1", 2, "--cases is 1; expected at least 2");
  refused(quoted + "--point 1", 2, "--point is 1; the experiment has points 0 to 0");
  refused(quoted + "--set agents.0.kind=qualty", 2, "qualty");
  refused(quoted + "--set 'corpus.ratings=[\"meta.nothing\"]'" + runs, 2, "corpus.ratings: no record has 'meta.nothing'");
  const std::string bandit = scratch.write("bandit.toml", "name = \"bandit\"\n[env]\nkind = \"bandit-v0\"\n[[policies]]\nkind = \"uniform\"\n");
  refused("tool agents '" + bandit + "'" + runs, 2, "has no agents of its own");
  const Ran help = run_fader("tool agents --help");
  CHECK(help.code == 0);
  CHECK_THAT(help.text, Contains("EXPERIMENT.toml") && Contains("--cases"));
}

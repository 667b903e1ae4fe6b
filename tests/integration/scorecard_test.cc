// tool scorecard, as a user runs it.
#include <catch2/catch.hpp>

#include "core/files.h"
#include "tests/integration/program.h"

using namespace fader;
using namespace fader::testing;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const std::string kSmall = "tool scorecard --policy ucb --policy uniform --policy aioli --env delayed --env curves --seeds 2 --jobs ";

bool have_gnuplot() {
  if (shell("gnuplot --version").code == 0) return true;
  WARN("skipped: gnuplot is not installed");
  return false;
}

}  // namespace

TEST_CASE("tool scorecard: a table on the screen, and with --out as a file and a figure, equal bytes on every run") {
  const Scratch scratch;
  const fs::path a = scratch.path() / "a", b = scratch.path() / "b";
  const Ran plain = run_fader(kSmall + "1");
  CHECK(plain.code == 0);
  CHECK_THAT(plain.text, Contains("Share of the way from equal weights (0)") && Contains("| policy | delayed | curves |") &&
                             Contains("| uniform | 0.00 | 0.00 |") && Contains("| aioli | |"));
  CHECK_THAT(plain.text, !Contains("scorecard.tsv"));
  if (!have_gnuplot()) return;
  const Ran first = run_fader(kSmall + "1 --out '" + a.string() + "'"), second = run_fader(kSmall + "2 --out '" + b.string() + "'");
  CHECK(first.code == 0);
  CHECK(second.code == 0);
  CHECK_THAT(first.text, Contains(plain.text) && Contains((a / "scorecard.tsv").string()) && Contains("figures/scorecard.svg"));
  CHECK(read_file(a / "scorecard.tsv") == read_file(b / "scorecard.tsv"));
  for (const std::string kind : {"svg", "png"})
    CHECK(read_file(a / ("figures/scorecard." + kind)) == read_file(b / ("figures/scorecard." + kind)));
  CHECK(fs::exists(a / "figures/scorecard.pdf"));
  const std::string svg = read_file(a / "figures/scorecard.svg");
  CHECK_THAT(svg, Contains("best fixed mix") && Contains("stochastic") && Contains("mixing laws") && Contains("aioli") && Contains("delayed") &&
                      Contains("0.42") && Contains("2 seeds, one episode each") && Contains("cannot be played there") &&
                      Contains("across episodes not known"));
  CHECK_THAT(svg, !Contains("NaN") && !Contains("nan<"));
  // drawn anew from the table alone
  fs::remove_all(a / "figures");
  const Ran again = shell(std::string("'") + FADER_BINARY_DIR + "/fader_report' '" + a.string() + "'");
  CHECK(again.code == 0);
  CHECK(read_file(a / "figures/scorecard.svg") == svg);
  // a table that is none leaves the figure of last time alone
  write_atomically(a / "scorecard.tsv", "something else\n");
  const Ran broken = shell(std::string("'") + FADER_BINARY_DIR + "/fader_report' '" + a.string() + "'");
  CHECK(broken.code == 4);
  CHECK_THAT(broken.text, Contains("with the columns of a scorecard"));
  CHECK(read_file(a / "figures/scorecard.svg") == svg);
}

TEST_CASE("tool scorecard: without gnuplot there is the table, and a line that says so") {
  const Scratch scratch;
  const fs::path out = scratch.path() / "out";
  const Ran ran = shell(std::string("PATH=/nowhere; '") + FADER_BINARY_DIR + "/fader' " + kSmall + "1 --out '" + out.string() + "'");
  CHECK(ran.code == 0);
  CHECK_THAT(ran.text, Contains("No figure: gnuplot is not installed"));
  CHECK(fs::exists(out / "scorecard.tsv"));
  CHECK_FALSE(fs::exists(out / "figures"));
}

TEST_CASE("tool scorecard: what it refuses it says, with exit code 2, and leaves nothing") {
  const Scratch scratch;
  const auto refused = [](const std::string& options, const std::string& what) {
    const Ran ran = run_fader("tool scorecard " + options);
    CAPTURE(options);
    CHECK(ran.code == 2);
    CHECK_THAT(ran.text, Contains(what));
  };
  refused("--seeds 0", "tool scorecard: --seeds is 0; expected at least 1");
  refused("--jobs -1", "tool scorecard: --jobs is -1; expected at least 1");
  refused("--episodes many", "usage: run_experiment tool scorecard");
  refused("--seed 3", "usage: run_experiment tool scorecard");
  refused("a_file", "takes no files");
  refused("--policy upper", "no policy 'upper'");
  refused("--env pretrain-v0", "no case 'pretrain-v0' in the scorecard");
  // where it could not write, it does not play for an hour first
  const std::string file = scratch.write("file", "x");
  const Ran ran = run_fader(kSmall + "1 --out '" + file + "'");
  CHECK(ran.code == 4);
  CHECK_THAT(ran.text, Contains(file) && !Contains("| policy |"));
}

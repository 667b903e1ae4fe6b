// Which runs rewards may compare with, and how they are found.
#include "experiments/baseline.h"

#include <catch2/catch.hpp>

#include <fstream>

#include "core/error.h"
#include "tests/experiments/point_of.h"
#include "tests/scratch_folder.h"

using namespace fader;
using testing::point_of;

namespace {

std::string refused(const std::filesystem::path& path) {
  try {
    read_baseline(path, 3, Point(), "");
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a table of reference losses is read by its names, and what is wrong with it is said with its place") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "losses.tsv";
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  write("# a mean over seeds\ninterval\tloss_reference\ttokens\n0\t6.5\t0\n1\t5.25\t1000\n\n2\t5\t2000\n");
  const Baseline b = read_baseline(file, 3, Point(), "");
  CHECK(b.loss == std::vector<double>{6.5, 5.25, 5});
  CHECK(b.tokens == std::vector<double>{0, 1000, 2000});
  CHECK(b.name == file.string());
  write("loss_reference\n6.5\n5.25\n");
  CHECK(read_baseline(file, 3, Point(), "").tokens.empty());
  write("loss\n6.5\n");
  CHECK_THAT(refused(file), Catch::Contains("has no column 'loss_reference'"));
  write("tokens\tloss_reference\n0\t6.5\n1000\t5.x\n");
  CHECK_THAT(refused(file), Catch::Contains("row 3, column 'loss_reference' is '5.x'"));
  write("tokens\tloss_reference\n0\n");
  CHECK_THAT(refused(file), Catch::Contains("column 'loss_reference' is ''"));
}

TEST_CASE("a folder without a run, or without this seed's, says what is expected") {
  const ScratchFolder scratch;
  CHECK_THAT(refused(scratch.path()), Catch::Contains("has neither a run.h5 nor a seed-3"));
  CHECK_THAT(refused(scratch.path() / "nowhere"), Catch::Contains("play the baseline first"));
}

// The kills of tests/integration/survival_test.cc, many times over.
#include <catch2/catch.hpp>

#include "tests/integration/program.h"

using namespace fader::testing;

TEST_CASE("killed with SIGKILL at random moments and resumed, forty runs are the run that was never killed") {
  const Ran ran = shell("'" FADER_SOURCE_DIR "/tests/integration/kill_resume' 40 7 '" FADER_BINARY_DIR "/fader'");
  INFO(ran.text);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.text, Catch::Contains("40 of 40 equal"));
}

#include "store/plan_file.h"

#include <catch2/catch.hpp>

#include <fstream>

#include "core/error.h"
#include "tests/scratch_folder.h"

using namespace fader;
using Catch::Contains;

TEST_CASE("a plan is read as it was written") {
  const ScratchFolder scratch;
  CHECK_FALSE(read_plan(scratch.path()));
  const PlanFile plan{"try", "Which, \"and\" why?", "uniform", "final/loss_test", 0.9, true,
                      {{"it adapts", "ucb", "uniform", "return", "higher", "env.noise=0.1"}},
                      {{"policy=ucb", "ucb", "env.noise=0.1", "", "abc", {"env.noise=0.1", "policy.c=2"}, {0, 1, 9007199254740993}}, {"search=x", "x", "", "search", "", {}, {}}}};
  write_plan(scratch.path(), plan);
  CHECK(read_plan(scratch.path()) == plan);
}

TEST_CASE("a file that is no plan is named") {
  const ScratchFolder scratch;
  for (const char* text : {"", "{", "[]", "{}", "{\"fader_plan\":2}", "{\"fader_plan\":\"1\"}", "{\"fader_plan\":1,\"experiment\":3}"}) {
    CAPTURE(text);
    std::ofstream(scratch / "plan.json") << text;
    CHECK_THROWS_AS(read_plan(scratch.path()), DataError);
    CHECK_THROWS_WITH(read_plan(scratch.path()), Contains("plan.json: is no plan"));
  }
}

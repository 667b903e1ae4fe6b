// A run that is compared with another as it is played: by the seed, and only where there is something to compare.
#include <catch2/catch.hpp>

#include <cmath>

#include "store/store.h"
#include "tests/integration/program.h"

using namespace fader;
using namespace fader::testing;
using Catch::Contains;

TEST_CASE("baseline_relative is zero when its baseline is played again, seed by seed, and a baseline that does not match is refused") {
  const Scratch at;
  const std::string text = small_experiment("[[policies]]\nkind = \"one_hot\"\nagent = \"random\"\n");
  const std::string file = at.write("small.toml", text), seeds = " --set run.seeds=[0,1]";
  const std::string base = (at / "first").string();
  const Ran first = run_fader(file + seeds + " --out " + base);
  INFO(first.text);
  REQUIRE(first.code == 0);
  const std::string folder = base + "/small/base", with = " --set env.reward_baseline=" + folder;
  const Ran second = run_fader(file + seeds + with + " --set env.reward=baseline_relative --out " + (at / "second").string());
  INFO(second.text);
  REQUIRE(second.code == 0);
  for (const char* seed : {"seed-0", "seed-1"}) {
    const RunReader plain(at / "first" / "small" / "base" / seed / "run.h5"), again(at / "second" / "small" / "base" / seed / "run.h5");
    CHECK_FALSE(plain.has("reward/baseline_relative"));
    for (const double r : again.read(0, "rewards")) CHECK(r == 0);
    CHECK(again.read(0, "reward/reference_loss_drop") == plain.read(0, "rewards"));
    for (const double r : again.read(0, "reward/progress_fraction")) CHECK(std::abs(r) < 1e-9);
  }
  const auto refused = [&](const std::string& more, const std::string& message) {
    const Ran ran = run_fader(file + with + more + " --out " + (at / "third").string());
    INFO(ran.text);
    CHECK(ran.code == 2);
    CHECK_THAT(ran.text, Contains(message));
  };
  refused(" --set run.seeds=[2]", "seed-2");
  refused(" --set train.learning_rate=0.001", "train.learning_rate");
  refused(" --set env.reference_passages=20", "env.reference_passages");
  const Ran without = run_fader(file + " --set env.reward=baseline_relative --out " + (at / "third").string());
  CHECK(without.code == 2);
  CHECK_THAT(without.text, Contains("env.reward_baseline is empty"));
}

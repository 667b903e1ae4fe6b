// Consoles that learn across episodes, with the program as people use it: members in lockstep, stopped and resumed, judged by
// evaluation, deployed on another model and another corpus.
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <chrono>

#include "core/files.h"
#include "store/check.h"
#include "store/store.h"
#include "tests/integration/program.h"

using namespace fader;
using namespace fader::testing;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

const std::string kPpo = "[[policies]]\nkind = \"ppo\"\nn_steps = 12\nhidden = [8]\n";
const std::string kMany = " --set run.episodes=6 --set run.members=2 --set run.evaluation_episodes=3 --set train.steps_per_interval=8 --set env.candidates=1.5 --quiet";

std::string text_of(const fs::path& file) { return read_file(file); }

/// Stopped in order after so many seconds.
Ran run_fader_for(double seconds, const std::string& arguments) {
  return shell(fmt::format("timeout --preserve-status -s TERM {} '{}/fader' {}", seconds, FADER_BINARY_DIR, arguments));
}

std::vector<double> column(const RunReader& run, const char* path) { return run.summary(path); }

}  // namespace

TEST_CASE("a run of many episodes, stopped in its middle and resumed, is the run that was never stopped") {
  const Scratch at;
  const std::string file = at.write("small.toml", small_experiment(kPpo));
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(run_fader(file + kMany + " --out " + (at / "whole").string()).code == 0);
  const double whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();  // here, now
  fs::create_directories(at / "parts");
  fs::copy(at / "whole" / "cache", at / "parts" / "cache", fs::copy_options::recursive);
  const std::string parts = file + kMany + " --set run.checkpoint_seconds=0.05 --out " + (at / "parts").string();
  int code = 0, stops = 0;
  double first = 0.3 * whole;  // less, where the machine has become so much faster since that it ends before
  for (; stops < 60; ++stops) {
    Ran ran = run_fader_for(first + 0.1 * whole * stops, parts + (stops > 0 ? " --resume" : ""));
    for (; stops == 0 && ran.code == 0 && first > 0.01; ran = run_fader_for(first, parts)) first /= 2;
    INFO(ran.text);
    code = ran.code;
    if (code == 0) break;
    REQUIRE(code == 143);
  }
  CHECK(code == 0);
  CHECK_THAT(text_of(at / "parts" / "small" / "journal.jsonl"), Contains("resumed at checkpoint"));
  const auto run = [&](const char* name) { return at / name / "small" / "base" / "seed-0"; };
  const Ran compared = run_fader("--compare " + run("whole").string() + " " + run("parts").string());
  INFO(compared.text);
  CHECK(compared.code == 0);
  CHECK(text_of(run("whole") / "console.bin") == text_of(run("parts") / "console.bin"));
  for (const Problem& problem : check_run(run("parts") / "run.h5").problems) FAIL_CHECK(problem.text);

  const RunReader reader(run("whole") / "run.h5");
  CHECK(column(reader, "episode") == std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(column(reader, "evaluation") == std::vector<double>{0, 0, 0, 0, 0, 0, 1, 1, 1});
  CHECK(reader.episodes() == 9);
}

TEST_CASE("a console is deployed, frozen or still learning, on another model size, corpus and reward set") {
  const Scratch at;
  const std::string file = at.write("small.toml", small_experiment(kPpo)), out = (at / "out").string();
  REQUIRE(run_fader(file + kMany + " --out " + out).code == 0);
  const fs::path trained = at / "out" / "small" / "base" / "seed-0";
  REQUIRE(fs::exists(trained / "console.bin"));
  const std::string elsewhere = " --quiet --set model.width=16 --set train.intervals=3 --set corpus.synthetic.seed=5 "
                                "--set 'corpus.reference.domains=[\"domain0\",\"domain1\"]' --set policies.ppo.init_from=" + trained.string();
  const auto deploy = [&](const std::string& name, const std::string& more) {
    const Ran ran = run_fader(file + elsewhere + more + " --out " + (at / name).string());
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    return at / name / "small" / "base" / "seed-0";
  };
  const fs::path frozen = deploy("frozen", " --set policies.ppo.frozen=true"), learning = deploy("learning", "");
  CHECK(text_of(frozen / "console.bin") == text_of(trained / "console.bin"));
  CHECK_THAT(text_of(frozen / "config.toml"), Contains("init_sha256 = \"" + sha256(text_of(trained / "console.bin")) + "\""));
  for (const double density : RunReader(frozen / "run.h5").read(0, "console/log_density")) CHECK(density == 0);
  // other agents are refused, before anything is trained
  const Ran refused = run_fader(file + elsewhere + " --set 'agents=[{kind=\"random\"}]' --out " + (at / "refused").string());
  CHECK(refused.code == 2);
  CHECK_THAT(refused.text, Contains("expected the same, in the same order"));
}

// Does the program keep its promises? Whole runs, exit codes, messages.
#include <catch2/catch.hpp>
#include <zstd.h>

#include <cmath>
#include <numeric>

#include "core/error.h"
#include "store/store.h"
#include "tests/integration/program.h"
#include "trainer/cuda/cuda_bank.h"

using namespace fader;
using namespace fader::testing;
namespace fs = std::filesystem;
using Catch::Contains;

TEST_CASE("a run leaves every dataset of the schema, finite or NaN as documented") {
  const Scratch at;
  const std::string file = at.write("small.toml", small_experiment(ucb_policy()));
  const Ran ran = run_fader(file + " --out " + (at / "out").string());
  INFO(ran.text);
  REQUIRE(ran.code == 0);
  for (const char* left : {"summary.tsv", "journal.jsonl", "report.md", "report.html", "base/seed-0/run.h5", "base/seed-0/config.toml"})
    CHECK(fs::exists(at / "out" / "small" / left));

  const RunReader run(at / "out" / "small" / "base" / "seed-0" / "run.h5");
  CHECK(run.status() == RunStatus::complete);
  CHECK(run.committed(0).intervals == 4);
  CHECK(run.committed(0).steps == 12);
  for (const char* path : {"observations", "actions", "rewards", "terminations", "truncations", "infos/tokens", "infos/loss_train",
                           "infos/loss_reference", "console/arm", "console/weights_asked", "console/reward_fed", "console/probability",
                           "reward/reference_loss_drop", "reward/reference_loss_drop_se", "final/loss_reference", "final/loss_validation",
                           "final/loss_test", "final/loss_test_domain", "cost/seconds", "cost/flops", "cost/tokens", "train/loss"})
    CHECK(run.has(path));
  for (const Column& column : run.columns()) {
    if (column.type != Type::f64) continue;
    const bool may_be_nan = column.path == "infos/loss_validation" || column.path == "infos/loss_train" || column.path == "console/value" ||
                            column.path.starts_with("credit/") || column.path.starts_with("console/diag/") || column.path == "agents/propensity";
    if (may_be_nan) continue;
    INFO(column.path);
    for (const double x : run.read(0, column.path)) CHECK(std::isfinite(x));
  }

  const auto actions = run.read(0, "actions");
  for (std::size_t t = 0; t < 4; ++t) {
    double total = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(actions[3 * t + k] >= 0);
      total += actions[3 * t + k];
    }
    CHECK(std::abs(total - 1) <= 1e-12);
  }
  const auto seconds = run.read(0, "cost/seconds"), total = run.read(0, "cost/total_seconds");
  const std::size_t phases = seconds.size() / 4;
  const double sum = std::accumulate(seconds.end() - static_cast<std::ptrdiff_t>(phases), seconds.end(), 0.0);
  CHECK(sum == Approx(total.back()).epsilon(0.01));
  CHECK(run.read(0, "terminations") == std::vector<double>{0, 0, 0, 1});
  CHECK(run.read(0, "truncations") == std::vector<double>{0, 0, 0, 0});
}

TEST_CASE("equal seeds give equal runs whatever is watched, other seeds do not") {
  const Scratch at;
  const std::string file = at.write("small.toml", small_experiment(ucb_policy()));
  const auto play = [&](const std::string& out, const std::string& more) {
    const Ran ran = run_fader(file + " --out " + (at / out).string() + " " + more);
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    return (at / out / "small" / "base").string();
  };
  const std::string first = play("a", "");
  const auto same = [&](const std::string& other, int seed = 0) {
    return run_fader("--compare " + first + "/seed-0 " + other + "/seed-" + std::to_string(seed)).code;
  };
  CHECK(same(play("b", "--quiet --jobs 1")) == 0);
  CHECK(same(play("c", "--set env.validation_every=1")) == 0);
  const std::string both = play("d", "--seed 0 --seed 1 --jobs 2");
  CHECK(same(both) == 0);
  CHECK(same(both, 1) == 5);
  CHECK_THAT(run_fader("--compare " + first + "/seed-0 " + both + "/seed-1").text, Contains("actions") || Contains("observations"));

  // the resolved file runs again by itself to the same bits
  const Ran again = run_fader(first + "/seed-0/config.toml --out " + (at / "e").string());
  INFO(again.text);
  REQUIRE(again.code == 0);
  CHECK(same((at / "e" / "small" / "base").string()) == 0);
}

TEST_CASE("earlier results are moved aside, and --resume keeps complete runs") {
  const Scratch at;
  const std::string file = at.write("small.toml", small_experiment(ucb_policy()));
  const std::string out = " --out " + (at / "out").string();
  REQUIRE(run_fader(file + out).code == 0);
  const fs::path run = at / "out" / "small" / "base" / "seed-0" / "run.h5";
  const auto written = fs::last_write_time(run);
  REQUIRE(run_fader(file + out + " --resume --seed 0 --seed 1").code == 0);
  CHECK(fs::last_write_time(run) == written);
  CHECK(fs::exists(at / "out" / "small" / "base" / "seed-1" / "run.h5"));

  const Ran other = run_fader(file + out + " --resume --set train.learning_rate=0.001");
  CHECK(other.code == 2);
  CHECK_THAT(other.text, Contains("another configuration"));

  const Ran fresh = run_fader(file + out);
  REQUIRE(fresh.code == 0);
  CHECK_THAT(fresh.text, Contains("small.old-1"));
  CHECK(fs::exists(at / "out" / "small.old-1" / "base" / "seed-1" / "run.h5"));
}

TEST_CASE("TERM and a terminal's INT stop in order, and what is left can be continued") {
  const Scratch at;
  const std::string file = at.write("small.toml", small_experiment(ucb_policy()));
  const std::string program = std::string("'") + FADER_BINARY_DIR + "/fader'";
  const std::string longer = " --set train.intervals=150 --set train.steps_per_interval=20 --set env.candidates=1.5 --set corpus.synthetic.megabytes=3";
  REQUIRE(run_fader(file + " --out " + (at / "whole").string() + longer).code == 0);
  for (const auto& [name, code] : {std::pair{"TERM", 143}, {"INT", 130}}) {
    const std::string out = (at / name).string();
    REQUIRE(shell("mkdir -p " + out + " && cp -r " + (at / "whole" / "cache").string() + " " + out + "/cache").code == 0);
    const std::string journal = out + "/small/journal.jsonl";
    // INT as a terminal sends it: to every process of the group
    const std::string group = code == 130 ? "-- -" : "";
    const Ran ran = shell("setsid " + program + " " + file + " --out " + out + longer + " & pid=$!; for i in $(seq 600); do grep -q start " + journal +
                          " && break; sleep 0.02; done; sleep 0.1; kill -s " + name + " " + group + "$pid; wait $pid");
    INFO(ran.text);
    CHECK(ran.code == code);
    CHECK_THAT(ran.text, Contains("--resume"));
    CHECK_THAT(shell("cat " + journal).text, Contains("\"stopped\""));
    const auto kinds = RunReader(fs::path(out) / "small/base/seed-0/run.h5").read_text(0, "events/kind");
    CHECK(kinds == std::vector<std::string>{"signal"});  // the run itself had time to say so
    REQUIRE(run_fader(file + " --resume --out " + out + longer).code == 0);
    CHECK(run_fader("--compare " + (at / "whole" / "small/base/seed-0").string() + " " + out + "/small/base/seed-0").code == 0);
  }
}

TEST_CASE("a run that fails never fails its neighbours") {
  const Scratch at;
  const std::string file = at.write("small.toml", small_experiment("[[policies]]\nkind = \"uniform\"\n[[policies]]\nkind = \"uniform\"\nname = \"wild\"\n"
                                                                   "set = { \"train.learning_rate\" = 1000.0, \"train.clip\" = 0.0, \"train.warmup\" = 0.0 }\n"));
  const Ran ran = run_fader(file + " --out " + (at / "out").string());
  INFO(ran.text);
  const std::string summary = shell("cat " + (at / "out/small/summary.tsv").string()).text;
  INFO(summary);
  if (ran.code == 0) FAIL("the learning rate was meant to be too high");
  CHECK(ran.code == 4);
  CHECK_THAT(summary, Contains("complete") && Contains("failed"));
  CHECK_THAT(shell("cat " + (at / "out/small/journal.jsonl").string()).text, Contains("not finite"));
}

TEST_CASE("a known-answer environment runs through the whole program") {
  const Scratch at;
  const std::string file = at.write("bandit.toml", "# Which arm?\nname = \"bandit\"\n[run]\nseeds = [0, 1, 2]\n[env]\nkind = \"bandit-v0\"\n"
                                                   "[[policies]]\nkind = \"ucb\"\n[[policies]]\nkind = \"uniform\"\n[compare]\nbaseline = \"uniform\"\n");
  const Ran ran = run_fader(file + " --out " + (at / "out").string());
  INFO(ran.text);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.text, Contains("ucb"));
}

TEST_CASE("bad input: one located message, its exit code, and nothing that looks complete") {
  const Scratch at;
  const std::string small = at.write("small.toml", small_experiment(ucb_policy()));
  const std::string out = " --out " + (at / "out").string();
  const auto refused = [&](const std::string& arguments, int code, const std::string& message) {
    const Ran ran = run_fader(arguments);
    INFO(arguments << "\n" << ran.text);
    CHECK(ran.code == code);
    CHECK_THAT(ran.text, Contains(message));
    CHECK_FALSE(fs::exists(at / "out" / "small"));
  };
  refused("no_such_file.toml" + out, 2, "no_such_file.toml");
  refused(small + out + " --set policies.discounted_ucb.gama=0.9", 2, "gamma");
  refused(small + out + " --set train.batch=many", 2, "whole number");
  refused(small + out + " --set train.batch=0", 2, "train.batch is 0");
  refused(small + out + " --set corpus.train=nowhere.jsonl", 3, "nowhere.jsonl");
  refused(at.write("policy.toml", small_experiment("[[policies]]\nkind = \"ucbb\"\n")) + out, 2, "did you mean 'ucb'");
  refused(small + out + " --set policies.discounted_ucb.reward=loss_drop", 2, "did you mean 'loss_drop_rate'?");
  refused(at.write("topic.toml", small_experiment(ucb_policy()) + "") + out + " --set train.intervals=4000", 2, "the pool holds");

  const std::string corpus = at.write("empty.jsonl", "");
  refused(small + out + " --set corpus.train=" + corpus, 3, "empty.jsonl");
  refused(small + out + " --set corpus.train=" + at.write("text.jsonl", "{\"txt\": \"a\"}\n"), 3, "text.jsonl:1");
  refused(small + out + " --set corpus.train=" + at.write("utf8.jsonl", "{\"text\": \"\xff\xfe\"}\n"), 3, "utf8.jsonl:1");
  std::string many, packed(1 << 16, '\0');
  for (int i = 0; i < 2000; ++i) many += "{\"text\": \"line " + std::to_string(i) + "\"}\n";
  packed.resize(ZSTD_compress(packed.data(), packed.size(), many.data(), many.size(), 3));
  at.write("cut.jsonl.zst", packed.substr(0, packed.size() / 2));
  refused(small + out + " --set corpus.train=" + (at / "cut.jsonl.zst").string(), 3, "cut.jsonl.zst");
  std::string lines;
  for (int i = 0; i < 50; ++i) lines += "{\"text\": \"some words of document " + std::to_string(i) + "\", \"meta\": {\"work\": \"w" + std::to_string(i % 5) + "\"}}\n";
  refused(small + out + " --set corpus.train=" + at.write("train.jsonl", lines) + " --set corpus.test=" + at.write("test.jsonl", lines.substr(0, lines.find('\n') + 1)) +
              " --set 'corpus.group_by=[\"meta.work\"]'", 3, "w0");
  try {
    first_gpu();
    WARN("not tried: what device = cuda says where there is no GPU, since there is one");
  } catch (const ConfigError&) {
    refused(small + out + " --set run.device=cuda", 2, "device = \"cuda\"");
  }
  refused(small + out + " --set run.device=cuda --set run.processes=2", 2, "shared among processes");
  const std::string in_the_way = at.write("file", "");
  refused(small + " --out " + in_the_way + "/runs", 4, "is not a folder");
}

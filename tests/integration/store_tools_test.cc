// tool check, repair and minari, as a user runs them.
#include <catch2/catch.hpp>

#include <signal.h>

#include <cstdlib>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"
#include "experiments/guarded.h"
#include "store/check.h"
#include "store/repair.h"
#include "store/store.h"
#include "tests/integration/program.h"

using namespace fader;
using namespace fader::testing;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

constexpr const char* kOneRun = " --point 0 --seed 0";

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

Ran tool(const std::string& arguments) { return run_fader("tool " + arguments); }

/// The folder of a known-answer experiment: two policies, two seeds, three episodes each, or what `only` leaves of them.
fs::path bandit_runs(const Scratch& at, const std::string& only = "") {
  const std::string file = at.write("bandit.toml", "# Which arm?\nname = \"bandit\"\n[run]\nseeds = [0, 1]\nepisodes = 3\n[env]\nkind = \"bandit-v0\"\nhorizon = 30\n"
                                                   "[[policies]]\nkind = \"ucb\"\n[[policies]]\nkind = \"uniform\"\n[compare]\nbaseline = \"uniform\"\n");
  const Ran ran = run_fader(file + " --quiet --out " + quoted(at / "out") + only);
  INFO(ran.text);
  REQUIRE(ran.code == 0);
  return at / "out" / "bandit";
}

void damage(const fs::path& file, std::size_t bytes) { fs::resize_file(file, fs::file_size(file) - bytes); }

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("tool check: every run below a folder, a line each, exit 3 when one is damaged") {
  const Scratch at;
  const fs::path runs = bandit_runs(at);
  const Ran fine = tool("check " + quoted(runs));
  INFO(fine.text);
  CHECK(fine.code == 0);
  CHECK_THAT(fine.text, Contains("seed-0/run.h5: ok: complete, 3 episodes in full of 3 played, 90 intervals, 0 step rows, 0 events") && Contains("4 of 4 files are fine"));

  const fs::path cut = runs / "policy=ucb" / "seed-1" / "run.h5";
  const auto size = fs::file_size(cut);
  damage(cut, 1000);
  const Ran bad = tool("check " + quoted(runs));
  CHECK(bad.code == 3);
  CHECK_THAT(bad.text, Contains(cut.string() + ": damaged: 1 problem\n  is cut short: " + std::to_string(size - 1000) + " of " + std::to_string(size)) &&
                           Contains("3 of 4 files are fine"));
  fs::create_symlink(runs, at / "link");
  CHECK(tool("check " + quoted(cut.parent_path().parent_path() / "seed-0" / "run.h5")).code == 0);

  fs::create_directory(at / "empty");
  const auto refused = [&](const std::string& arguments, int code, const std::string& why) {
    const Ran ran = tool(arguments);
    INFO(arguments << "\n" << ran.text);
    CHECK(ran.code == code);
    CHECK_THAT(ran.text, Contains(why));
  };
  refused("check " + quoted(at / "empty"), 3, "no run.h5 is in it or below it");
  refused("check " + quoted(at / "absent"), 3, "there is no such file");
  refused("check /dev/full", 3, "is not a file");
  refused("check " + quoted(at / "bandit.toml"), 3, "is not an HDF5 file");
  refused("check", 2, "usage: run_experiment tool check FILE|FOLDER...");
  refused("check --all x", 2, "unrecognised option");
}

TEST_CASE("tool repair: puts the saved file in the place of the damaged one, and keeps that") {
  const Scratch at;
  const fs::path folder = bandit_runs(at, kOneRun) / "policy=ucb" / "seed-0", file = folder / "run.h5";
  const auto before = names_in(folder);
  const Ran nothing = tool("repair " + quoted(file));
  CHECK(nothing.code == 0);
  CHECK(nothing.text == file.string() + ": nothing to repair\n");
  CHECK(names_in(folder) == before);

  std::ofstream(file, std::ios::app | std::ios::binary) << "garbage";
  const std::string damaged = read_file(file);
  const Ran beside = tool("repair " + quoted(file) + " --out " + quoted(at / "saved.h5"));
  INFO(beside.text);
  CHECK(beside.code == 0);
  CHECK(read_file(file) == damaged);
  CHECK(names_in(folder) == before);
  CHECK(tool("check " + quoted(at / "saved.h5")).code == 0);

  for (const char* kept : {"run.h5.damaged", "run.h5.damaged-1"}) {
    const Ran ran = tool("repair " + quoted(file));
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    CHECK_THAT(ran.text, Contains("repaired; kept: complete, 3 episodes, 90 of 90 intervals") && Contains("lost: 7 bytes follow its end") && Contains(kept));
    CHECK(read_file(folder / kept) == damaged);
    CHECK(tool("check " + quoted(file)).code == 0);
    CHECK(run_fader("--compare " + quoted(file) + " " + quoted(at / "saved.h5")).code == 0);
    std::ofstream(file, std::ios::binary) << damaged;
  }
  fs::create_symlink(file, at / "link.h5");
  CHECK(tool("repair " + quoted(at / "link.h5")).code == 0);
  CHECK(fs::is_symlink(at / "link.h5"));
  CHECK(fs::exists(folder / "run.h5.damaged-2"));
}

TEST_CASE("tool repair: what it refuses, it leaves as it was") {
  const Scratch at;
  const fs::path folder = bandit_runs(at, kOneRun) / "policy=ucb" / "seed-0", file = folder / "run.h5";
  fs::resize_file(file, 400);
  const auto before = names_in(folder);
  const auto refused = [&](const std::string& arguments, int code, const std::string& why) {
    const Ran ran = tool("repair " + arguments);
    INFO(arguments << "\n" << ran.text);
    CHECK(ran.code == code);
    CHECK_THAT(ran.text, Contains(why));
    CHECK(names_in(folder) == before);
    CHECK(fs::file_size(file) == 400);
  };
  refused(quoted(file), 3, file.string() + ": ");
  refused(quoted(file) + " --out " + quoted(at / "new.h5"), 3, file.string() + ": ");
  CHECK_FALSE(fs::exists(at / "new.h5"));
  refused(quoted(file) + " --out " + quoted(at / "bandit.toml"), 2, "is there already");
  refused(quoted(file) + " --out " + quoted(at / "bandit.toml" / "new.h5"), 2, "is not a folder");
  refused(quoted(file) + " --out " + quoted(at / "absent" / "new.h5"), 2, "is not a folder");
  refused(quoted(file) + " --out /dev/full", 2, "is there already");
  refused(quoted(folder), 3, "is not a file");
  refused(quoted(at / "absent.h5"), 3, "there is no such file");
  refused("/dev/null", 3, "is not a file");
  refused("", 2, "nothing is named");
  refused("a b", 2, "2 named, at most 1 expected");
}

TEST_CASE("tool repair: not under the hands of a writer") {
  const Scratch at;
  const fs::path file = at / "run.h5";
  const std::vector<Column> columns = {{.path = "rewards", .axes = "interval"}};
  RunWriter writer(file, {}, std::vector<Attributes>(1), columns);
  writer.append(0, "rewards", 1.0);
  writer.commit(0);
  const Ran seen = tool("check " + quoted(file));
  CHECK(seen.code == 0);
  CHECK_THAT(seen.text, Contains("ok: running, 1 episode, 1 interval,") && Contains("was not closed (its writer was killed or is still at work); readable; `tool repair` closes it"));
  const Ran ran = tool("repair " + quoted(file));
  INFO(ran.text);
  if (ran.code == 0) {
    WARN("the file system of " << at.path() << " cannot tell whether a file is being written");
  } else {
    CHECK(ran.code == 3);
    CHECK_THAT(ran.text, Contains("another process is writing it at this moment"));
    CHECK(names_in(at.path()) == std::vector<std::string>{"run.h5"});
  }
}

TEST_CASE("a run that was killed and damaged is repaired, goes on and ends like any other") {
  const Scratch at;
  const std::string experiment = at.write("bandit.toml", "# Which arm?\nname = \"bandit\"\n[run]\nseeds = [0]\n[env]\nkind = \"bandit-v0\"\nhorizon = 5000\n"
                                                         "[[policies]]\nkind = \"ucb\"\n[[policies]]\nkind = \"uniform\"\n[compare]\nbaseline = \"uniform\"\n");
  const std::string program = std::string("'") + FADER_BINARY_DIR + "/fader' ", only = " --quiet --point 0";
  const fs::path file = at / "out" / "bandit" / "policy=ucb" / "seed-0" / "run.h5";
  const Ran killed = shell(program + experiment + only + " --out " + quoted(at / "out") + " & pid=$!; for i in $(seq 3000); do [ -s " + quoted(file) +
                           " ] && break; sleep 0.01; done; sleep 0.3; kill -9 $pid; wait $pid; sleep 0.3");
  INFO(killed.text);
  const Ran seen = tool("check " + quoted(file));
  INFO(seen.text);
  REQUIRE(seen.code == 0);
  REQUIRE_THAT(seen.text, Contains("running") && Contains("was not closed"));
  const auto committed = RunReader(file).committed(0).intervals;
  REQUIRE(committed > 10);
  damage(file, 3000);
  const Ran repaired = tool("repair " + quoted(file));
  INFO(repaired.text);
  REQUIRE(repaired.code == 0);
  REQUIRE_THAT(repaired.text, Contains("kept: running, 1 episode, "));
  CHECK(RunReader(file).committed(0).intervals <= committed);
  CHECK(RunReader(file).status() == RunStatus::running);
  const Ran resumed = run_fader(experiment + only + " --resume --out " + quoted(at / "out"));
  INFO(resumed.text);
  REQUIRE(resumed.code == 0);
  REQUIRE(run_fader(experiment + only + " --out " + quoted(at / "whole")).code == 0);
  CHECK(run_fader("--compare " + quoted(file) + " " + quoted(at / "whole" / "bandit" / "policy=ucb" / "seed-0" / "run.h5")).code == 0);
}

TEST_CASE("a file that takes its reader down, or asks for too much, is damaged beyond reading") {
  const Scratch at;
  const fs::path file = at.write("run.h5", "x");
  const auto said = [&](const std::function<nlohmann::json()>& work) {
    try {
      guarded(file, work);
      return std::string();
    } catch (const DataError& e) {
      return std::string(e.what());
    }
  };
  CHECK_THAT(said([]() -> nlohmann::json {
               ::signal(SIGSEGV, SIG_DFL);
               ::raise(SIGSEGV);
               return 1;
             }), Contains(file.string() + ": is damaged beyond reading: its process was ended by signal 11"));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK_THAT(said([]() -> nlohmann::json { return std::string(std::size_t{3} << 30, 'x').size(); }), Contains("asks for more memory than its size allows"));
#endif
  CHECK(guarded(file, [] { return nlohmann::json{{"a", 1}}; }) == nlohmann::json{{"a", 1}});
  CHECK_THROWS_AS(guarded(file, []() -> nlohmann::json { throw Defect("broken"); }), Defect);
  try {
    guarded(file, []() -> nlohmann::json { throw RunError("full"); });
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    CHECK(e.code() == Exit::run);
    CHECK(std::string(e.what()) == "full");
  }
  CHECK(plain_line("a\x1b[31m\nb\x7f") == "a?[31m b?");
}

TEST_CASE("bytes changed anywhere: check answers, and what repair makes of it is fine") {
  const Scratch at;
  const fs::path file = bandit_runs(at, kOneRun) / "policy=ucb" / "seed-0" / "run.h5", copy = at / "copy.h5", saved = at / "saved.h5";
  const std::string whole = read_file(file);
  Rng rng(1, "test/damage");
  int fine = 0, repaired = 0, refused = 0, fatal = 0;
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    std::string bytes = whole;
    const std::size_t spots = 1 + rng.below(3);
    for (std::size_t s = 0; s < spots; ++s) {
      const std::size_t length = 1 + rng.below(64), start = rng.below(bytes.size() - length);
      for (std::size_t k = 0; k < length; ++k) bytes[start + k] = static_cast<char>(rng.below(256));
    }
    std::ofstream(copy, std::ios::binary) << bytes;
    fs::remove(saved);
    const auto checked = [](const fs::path& path) {
      return guarded(path, [&] { return nlohmann::json(check_run(path).problems.size()); }).get<std::size_t>();
    };
    try {
      if (checked(copy) == 0) {
        ++fine;  // what was changed is not used, or is a number that may as well be true
        continue;
      }
      guarded(copy, [&] { return nlohmann::json(salvage_run(copy, saved).kept); });
      ++repaired;
      CHECK(checked(saved) == 0);
    } catch (const Error& e) {
      INFO(e.what());
      CHECK(e.code() == Exit::data);
      (std::string(e.what()).find("beyond reading") == std::string::npos ? refused : fatal) += 1;
    }
  }
  INFO(fine << " fine, " << repaired << " repaired, " << refused << " refused, " << fatal << " beyond reading");
  CHECK(repaired >= 10);
  CHECK(fine + repaired + refused + fatal == 60);
}

TEST_CASE("tool minari: exports what is complete, and says what it leaves out") {
  const Scratch at;
  const fs::path runs = bandit_runs(at), out = at / "sets";
  const auto refused = [&](const std::string& arguments, int code, const std::string& why) {
    const Ran ran = tool("minari " + arguments);
    INFO(arguments << "\n" << ran.text);
    CHECK(ran.code == code);
    CHECK_THAT(ran.text, Contains(why));
  };
  const fs::path other = runs / "policy=uniform" / "seed-1" / "run.h5";
  {
    const std::vector<Column> columns = {{.path = "rewards", .axes = "interval"}};
    RunWriter(other, {}, std::vector<Attributes>(1), columns).close();
  }
  const Ran ran = tool("minari " + quoted(runs) + " --out " + quoted(out));
  INFO(ran.text);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.text, Contains(other.string() + ": skipped: the run is not complete") && Contains("bandit-v0: 9 episodes, 270 steps"));
  const auto metadata = nlohmann::json::parse(read_file(out / "bandit-v0" / "data" / "metadata.json"));
  CHECK(metadata["algorithm_name"] == "ucb, uniform");
  CHECK(names_in(out / "bandit-v0" / "data") == std::vector<std::string>{"main_data.hdf5", "metadata.json"});

  refused(quoted(runs) + " --out " + quoted(out), 2, "there is such a dataset already");
  refused(quoted(other) + " --out " + quoted(out) + " --id a-v0", 3, "none of 1 runs is complete");
  refused(quoted(runs) + " --out " + quoted(out) + " --id ../a-v0", 2, "is no name of a Minari dataset");
  refused(quoted(runs) + " --out " + quoted(at / "bandit.toml"), 4, "is not a folder");
  refused(quoted(runs), 2, "--out names the folder");
  const fs::path cut = runs / "policy=ucb" / "seed-1" / "run.h5";
  damage(cut, 100);
  refused(quoted(runs) + " --out " + quoted(out) + " --id a-v0", 3, cut.string() + ": is damaged (is cut short");
  CHECK(names_in(out) == std::vector<std::string>{"bandit-v0"});
}

namespace {

/// An interpreter that has minari and h5py: FADER_PYTHON when it has them, else one in an environment below the build folder, made on
/// first use from the network. Empty, with the reason in `why`, when there is none.
std::string python_with_minari(std::string& why) {
  const std::string works = " -c 'import h5py, PIL, minari' >/dev/null 2>&1";
  if (const char* chosen = std::getenv("FADER_PYTHON"); chosen && shell(std::string(chosen) + works).code == 0) return chosen;
  const fs::path folder = fs::path(FADER_BINARY_DIR) / "python_with_minari", python = folder / "bin" / "python";
  const FileLock lock(folder.string() + ".lock");
  if (shell(quoted(python) + works).code == 0) return quoted(python);
  const Ran made = shell("timeout 120 sh -c 'python3 -m venv --clear \"$0\" && \"$0/bin/python\" -m pip install --quiet --disable-pip-version-check --retries 1 "
                         "--timeout 15 \"minari[hdf5]\" h5py pillow' " + quoted(folder));
  if (made.code == 0 && shell(quoted(python) + works).code == 0) return quoted(python);
  why = made.text.empty() ? "it took longer than 120 s" : plain_line(made.text, 300);
  return "";
}

}  // namespace

// Pillow is named since minari 0.5.4 imports it and does not ask for it.
TEST_CASE("Python's minari opens, iterates and samples what tool minari wrote (network on first use)") {
  std::string why;
  const std::string python = python_with_minari(why);
  if (python.empty()) {
    WARN("skipped: no Python with minari and h5py, and none can be installed: " << why);
    return;
  }
  const Scratch at;
  const fs::path runs = bandit_runs(at);
  const std::string three = quoted(runs / "policy=ucb/seed-0/run.h5") + " " + quoted(runs / "policy=ucb/seed-1/run.h5") + " " +
                            quoted(runs / "policy=uniform/seed-0/run.h5");
  REQUIRE(tool("minari " + three + " --id fader/bandit-v3 --out " + quoted(at / "sets")).code == 0);
  const Ran ran = shell("MINARI_DATASETS_PATH=" + quoted(at / "sets") + " HOME=" + quoted(at.path()) + " timeout 100 " + python + " '" + FADER_SOURCE_DIR +
                        "/tests/integration/minari_round_trip.py' fader/bandit-v3 " + three);
  INFO(ran.text);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.text, Contains("9 episodes equal: Python 3."));
  if (std::getenv("FADER_VERBOSE")) WARN(ran.text);
}

// Runs that survive: killed, stopped, out of space, watched, resumed; and the same numbers whatever happened.
#include <catch2/catch.hpp>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "core/error.h"
#include "store/store.h"
#include "tests/integration/program.h"

using namespace fader;
using namespace fader::testing;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

/// The program at work beside the test, in a process group of its own.
class Background {
 public:
  explicit Background(const std::string& arguments) {
    const std::string command = "exec '" FADER_BINARY_DIR "/fader' " + arguments + " >/dev/null 2>&1";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Background() {
    if (pid_ > 0) send(SIGKILL), wait();
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  void send(int signal) const { ::kill(pid_, signal); }
  bool ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) note(status);
    return pid_ < 0;
  }
  int wait() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, 0) == pid_) note(status);
    return code_;
  }

 private:
  void note(int status) {
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
    pid_ = -1;
  }
  pid_t pid_ = -1;
  int code_ = -1;
};

/// Waits until `there` or the program has ended; false: it has, or a minute went by.
bool until(Background& program, const std::function<bool()>& there) {
  for (int i = 0; i < 6000; ++i) {
    if (there()) return true;
    if (program.ended()) return there();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

std::vector<std::string> checkpoints(const fs::path& run) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (fs::directory_iterator it(run / "checkpoints", ignored), end; !ignored && it != end; it.increment(ignored))
    if (fs::exists(it->path() / "manifest.json")) out.push_back(it->path().filename().string());
  return out;
}

/// About a second of steps, so that there is time to disturb it.
std::string longer_experiment() { return small_experiment(ucb_policy()); }
const std::string kLonger = " --set train.intervals=40 --set train.steps_per_interval=15 --set env.candidates=1.5 --quiet";

/// An experiment with an undisturbed run of it.
struct Whole {
  Scratch at;
  std::string file = at.write("small.toml", longer_experiment());
  Whole() {
    const Ran ran = run_fader(file + kLonger + out("whole"));
    INFO(ran.text);
    REQUIRE(ran.code == 0);
  }
  /// --out NAME, the corpus already built.
  std::string out(const std::string& name) const {
    if (name != "whole") fs::create_directories(at / name), fs::copy(at / "whole" / "cache", at / name / "cache", fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    return " --out " + (at / name).string();
  }
  fs::path run(const std::string& name) const { return at / name / "small" / "base" / "seed-0"; }
  bool equal(const std::string& name) const {
    const Ran ran = run_fader("--compare " + run("whole").string() + " " + run(name).string());
    UNSCOPED_INFO(ran.text);
    return ran.code == 0;
  }
};

}  // namespace

TEST_CASE("killed with SIGKILL at random moments and resumed, a run is the run that was never killed") {
  const Ran ran = shell("'" FADER_SOURCE_DIR "/tests/integration/kill_resume' 4 1 '" FADER_BINARY_DIR "/fader'");
  INFO(ran.text);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.text, Contains("4 of 4 equal"));
}

TEST_CASE("a reader follows a growing run: a thousand reads, no error, no torn row") {
  const Scratch at;
  const std::string file = at.write("bandit.toml", "# Which arm?\nname = \"bandit\"\n[env]\nkind = \"bandit-v0\"\nhorizon = 40000\n[[policies]]\nkind = \"ucb\"\n");
  Background program(file + " --quiet --out " + (at / "out").string());
  const fs::path run = at / "out/bandit/base/seed-0/run.h5";
  REQUIRE(until(program, [&] { return fs::exists(run); }));
  std::uint64_t rows = 0, grown = 0, while_written = 0;
  std::vector<double> actions, rewards;
  for (int i = 0; i < 1000; ++i) {
    const RunReader reader(run);
    const Committed now = reader.committed(0);
    REQUIRE(now.intervals >= rows);
    grown += now.intervals > rows;
    while_written += reader.status() == RunStatus::running;
    rows = now.intervals;
    actions = reader.read(0, "actions");
    rewards = reader.read(0, "rewards");
    const std::size_t k = reader.labels("actions").size();
    REQUIRE(actions.size() == rows * k);
    REQUIRE(rewards.size() == rows);
    REQUIRE(reader.read(0, "observations").size() % (rows == 0 ? 1 : rows + 1) == 0);
    std::size_t torn = 0;
    for (std::size_t t = 0; t < rows; ++t) {
      double sum = 0;
      for (std::size_t a = 0; a < k; ++a) sum += actions[t * k + a];
      torn += !(std::abs(sum - 1) <= 1e-12) || !std::isfinite(rewards[t]);
    }
    REQUIRE(torn == 0);
  }
  CHECK(while_written > 500);
  CHECK(grown > 500);
  program.send(SIGTERM);
  const int code = program.wait();
  CHECK((code == 143 || code == 0));  // 0: on a slow machine, or with sanitisers, the run ends before the reader does
  const RunReader last(run);  // what was read was final
  const auto all = last.read(0, "actions");
  CHECK(std::equal(actions.begin(), actions.end(), all.begin()));
}

TEST_CASE("USR1 asks for a checkpoint and the run goes on, TERM leaves one, and the run goes on from there") {
  const Whole whole;
  Background program(whole.file + kLonger + whole.out("a") + " --set run.checkpoint_seconds=0");
  REQUIRE(until(program, [&] { return fs::exists(whole.run("a") / "run.h5") && RunReader(whole.run("a") / "run.h5").committed(0).intervals > 0; }));
  CHECK(checkpoints(whole.run("a")).empty());
  program.send(SIGUSR1);
  REQUIRE(until(program, [&] { return checkpoints(whole.run("a")).size() == 1; }));
  program.send(SIGTERM);
  CHECK(program.wait() == 143);
  CHECK(checkpoints(whole.run("a")).size() == 2);
  const RunReader stopped(whole.run("a") / "run.h5");
  CHECK(stopped.status() == RunStatus::running);
  CHECK(stopped.read_text(0, "events/kind") == std::vector<std::string>{"checkpoint", "signal"});

  const Ran ran = run_fader(whole.file + kLonger + whole.out("a") + " --resume");
  INFO(ran.text);
  REQUIRE(ran.code == 0);
  CHECK(whole.equal("a"));
  CHECK(RunReader(whole.run("a") / "run.h5").read_text(0, "events/kind") == std::vector<std::string>{"checkpoint", "signal", "resume"});
  CHECK_FALSE(fs::exists(whole.run("a") / "checkpoints"));  // complete: none is needed any more
}

TEST_CASE("equal runs whatever is observed, logged, checkpointed, shown or watched, under any number of jobs") {
  const Whole whole;
  const auto play = [&](const std::string& name, const std::string& more) {
    const Ran ran = run_fader(whole.file + kLonger + whole.out(name) + more);
    INFO(ran.text);
    REQUIRE(ran.code == 0);
  };
  play("observed", " --set env.validation_every=1");
  CHECK(whole.equal("observed"));
  play("unlogged", " --set run.log_steps=false");
  CHECK(whole.equal("unlogged"));
  CHECK(RunReader(whole.run("unlogged") / "run.h5").committed(0).steps == 0);
  play("checkpointed", " --set run.checkpoint_seconds=0.001 --set run.checkpoint_intervals=10");
  CHECK(whole.equal("checkpointed"));
  CHECK(checkpoints(whole.run("checkpointed")).size() == 3);  // 10, 20, 30; the 40th is the end
  play("jobs", " --seed 0 --seed 1 --seed 2 --jobs 3");
  CHECK(whole.equal("jobs"));
  const Ran shown = run_fader(whole.file + " --set train.intervals=40 --set train.steps_per_interval=15 --set env.candidates=1.5" + whole.out("shown"));
  REQUIRE(shown.code == 0);
  CHECK(whole.equal("shown"));

  Background watched(whole.file + kLonger + whole.out("watched"));
  const fs::path file = whole.run("watched") / "run.h5";
  int reads = 0;
  until(watched, [&] {
    if (fs::exists(file)) reads += RunReader(file).read(0, "rewards").size() > 0;
    return false;
  });
  CHECK(watched.wait() == 0);
  CHECK(reads > 3);
  CHECK(whole.equal("watched"));
}

TEST_CASE("a resume refuses another configuration and lists what differs, but not what cannot change a result") {
  const Whole whole;
  const auto resume = [&](const std::string& more) { return run_fader(whole.file + kLonger + whole.out("whole") + " --resume" + more); };
  const Ran refused = resume(" --set train.learning_rate=0.001 --set policies.discounted_ucb.gamma=0.5 --set env.reference_passages=8");
  CHECK(refused.code == 2);
  CHECK_THAT(refused.text, Contains("train.learning_rate: 0.003 before, 0.001 now (--set)") && Contains("policy.gamma: ") &&
                               Contains("env.reference_passages: 16 before, 8 now") && Contains("config.toml"));
  CHECK(count_of(refused.text, " before, ") == 3);
  CHECK(resume(" --set run.checkpoint_seconds=5 --set run.checkpoints_kept=9 --set env.validation_every=2 --set run.log_steps=false --jobs 2").code == 0);

  std::string lines;
  for (int i = 0; i < 4000; ++i) lines += "{\"text\": \"some words of document " + std::to_string(i) + " and of no other, number " + std::to_string(7 * i) + "\"}\n";
  const std::string corpus = whole.at.write("train.jsonl", lines);
  const std::string args = whole.at.write("own.toml", "# Own text.\nname = \"own\"\n[model]\nvocabulary = 320\nwidth = 16\nlayers = 1\nheads = 2\ncontext = 32\n[train]\nintervals = 2\n"
                                                      "steps_per_interval = 2\nbatch = 2\n[env]\nkind = \"pretrain-v0\"\nreference_passages = 8\nevaluation_passages = 8\n"
                                                      "[corpus]\ntrain = \"train.jsonl\"\n[[agents]]\nkind = \"random\"\n[[policies]]\nkind = \"uniform\"\n") +
                           " --quiet --out " + (whole.at / "own").string();
  const Ran first = run_fader(args);
  INFO(first.text);
  REQUIRE(first.code == 0);
  whole.at.write("train.jsonl", lines + "{\"text\": \"one more document\"}\n");
  const Ran changed = run_fader(args + " --resume");
  CHECK(changed.code == 3);
  CHECK_THAT(changed.text, Contains("another content of the corpus"));
}

TEST_CASE("a disk that takes no more is a recorded failure, or costs a checkpoint only, with room again the run goes on") {
  const Whole whole;
  const std::string program = "'" FADER_BINARY_DIR "/fader' " + whole.file + kLonger;
  const auto blocks = [](const fs::path& file) { return fs::file_size(file) / 1024; };
  const auto whole_size = blocks(whole.run("whole") / "run.h5");
  // run.h5 cannot grow to its end
  const Ran cut = shell("ulimit -f " + std::to_string(whole_size * 2 * 2 / 3) + "; " + program + whole.out("cut") + " --set run.checkpoint_seconds=0.01");
  INFO(cut.text << whole_size);
  CHECK(cut.code == 4);
  CHECK_THAT(cut.text, Contains("run.h5"));
  CHECK_THAT(text_of(whole.at / "cut/small/journal.jsonl"), Contains("\"failed\""));
  REQUIRE(run_fader(whole.file + kLonger + whole.out("cut") + " --resume").code == 0);
  CHECK(whole.equal("cut"));
}

TEST_CASE("a checkpoint that cannot be written costs the checkpoint, not the run") {
  const Whole whole;
  fs::create_directories(whole.run("a"));
  Background program(whole.file + kLonger + whole.out("a") + " --resume --set run.checkpoint_seconds=0");
  whole.at.write("a/small/base/seed-0/checkpoints", "");  // a file in the way
  REQUIRE(until(program, [&] { return fs::exists(whole.run("a") / "run.h5"); }));
  program.send(SIGUSR1);
  CHECK(program.wait() == 0);
  CHECK_THAT(text_of(whole.at / "a/small/journal.jsonl"), Contains("checkpoint failed") && Contains("is not a folder"));
  const auto kinds = RunReader(whole.run("a") / "run.h5").read_text(0, "events/kind");
  CHECK(std::find(kinds.begin(), kinds.end(), "checkpoint_failed") != kinds.end());
  CHECK(whole.equal("a"));
}

TEST_CASE("a broken newest checkpoint gives way to the one before, where none can be used, the user decides") {
  const Whole whole;
  const std::string dense = " --set run.checkpoint_seconds=0.01";
  Background program(whole.file + kLonger + whole.out("a") + dense);
  REQUIRE(until(program, [&] { return checkpoints(whole.run("a")).size() == 2; }));
  program.send(SIGTERM);
  REQUIRE(program.wait() == 143);
  const fs::path folder = whole.run("a") / "checkpoints";
  fs::copy(whole.at / "a", whole.at / "b", fs::copy_options::recursive);
  std::vector<std::pair<std::int64_t, std::int64_t>> moments;
  for (const std::string& name : checkpoints(whole.run("a"))) moments.push_back({std::stoll(name), std::stoll(name.substr(name.find('.') + 1))});
  const auto newest = *std::max_element(moments.begin(), moments.end());
  fs::resize_file(folder / (std::to_string(newest.first) + "." + std::to_string(newest.second)) / "state.bin", 1000);
  const Ran ran = run_fader(whole.file + kLonger + whole.out("a") + " --resume" + dense);
  INFO(ran.text);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.text, Contains("cannot be used"));
  CHECK_THAT(text_of(whole.at / "a/small/journal.jsonl"), Contains("checkpoint refused") && Contains("\"resume\""));
  CHECK(whole.equal("a"));

  for (const std::string& name : checkpoints(whole.run("b"))) fs::remove(whole.run("b") / "checkpoints" / name / "state.bin");
  const Ran none = run_fader(whole.file + kLonger + whole.out("b") + " --resume");
  INFO(none.text);
  CHECK(none.code == 4);
  CHECK_THAT(none.text, Contains("no other is left") && Contains("remove"));
  fs::remove_all(whole.run("b") / "checkpoints");
  REQUIRE(run_fader(whole.file + kLonger + whole.out("b") + " --resume").code == 0);
  CHECK(whole.equal("b"));
}

TEST_CASE("a corpus that goes bad under a run fails that run, and the run goes on with a new build of it") {
  const Whole whole;
  Background program(whole.file + kLonger + whole.out("a") + " --set run.checkpoint_seconds=0.01");
  REQUIRE(until(program, [&] { return !checkpoints(whole.run("a")).empty(); }));
  for (const auto& entry : fs::recursive_directory_iterator(whole.at / "a" / "cache"))
    if (entry.is_regular_file()) fs::resize_file(entry.path(), entry.file_size() > 4096 ? 4096 : entry.file_size());
  CHECK(program.wait() == 4);
  CHECK_THAT(text_of(whole.at / "a/small/journal.jsonl"), Contains("\"failed\"") && Contains("corpus cache"));
  const std::string again = whole.file + kLonger + " --out " + (whole.at / "a").string() + " --resume";
  const Ran damaged = run_fader(again);
  CHECK(damaged.code == 3);
  CHECK_THAT(damaged.text, Contains("is damaged") && Contains("delete the folder"));
  fs::remove_all(whole.at / "a" / "cache");
  const Ran ran = run_fader(again);
  INFO(ran.text);
  REQUIRE(ran.code == 0);
  CHECK(whole.equal("a"));
}

TEST_CASE("two sweeps never write into one folder") {
  const Whole whole;
  Background program(whole.file + kLonger + whole.out("a"));
  REQUIRE(until(program, [&] { return fs::exists(whole.run("a") / "run.h5"); }));
  const Ran second = run_fader(whole.file + kLonger + whole.out("a"));
  if (program.ended()) return;  // too slow a machine to tell
  CHECK(second.code == 4);
  CHECK_THAT(second.text, Contains("another run_experiment is at work"));
  CHECK(program.wait() == 0);
  CHECK(whole.equal("a"));
}

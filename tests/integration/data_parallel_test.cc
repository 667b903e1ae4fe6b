// One model over two processes of the real program: the run of one process; and what becomes of it when one is killed or stopped.
#include <catch2/catch.hpp>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <thread>

#include "store/store.h"
#include "tests/integration/program.h"
#include "tests/trainer/group.h"

using namespace fader;
using namespace fader::testing;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

const std::string kProgram = "'" FADER_BINARY_DIR "/fader' ";

/// One process of a launch, in a process group of its own; what it says goes to a file.
class Process {
 public:
  Process(int rank, int size, int port, const std::string& arguments, const fs::path& log) : log_(log) {
    const std::string command = "RANK=" + std::to_string(rank) + " WORLD_SIZE=" + std::to_string(size) + " MASTER_PORT=" + std::to_string(port) +
                                " RES_OPTIONS='timeout:1 attempts:1' exec " + kProgram + arguments + " >'" + log.string() + "' 2>&1";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ > 0) send(SIGKILL), wait();
  }
  void send(int signal) const {
    if (pid_ > 0) ::kill(pid_, signal);
  }
  bool ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) note(status);
    return pid_ < 0;
  }
  /// The exit code; 256 and more: died of a signal. A process that does not end within a minute is killed.
  int wait() {
    for (int i = 0; i < 12000 && !ended(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (!ended()) ::kill(pid_, SIGKILL);
    while (!ended()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return code_;
  }
  std::string text() const {
    std::ifstream in(log_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  void note(int status) {
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
    pid_ = -1;
  }
  fs::path log_;
  pid_t pid_ = -1;
  int code_ = -1;
};

/// An experiment, its run by two processes that nobody disturbed, and its corpus.
struct Launches {
  Scratch at;
  std::string file = at.write("small.toml", small_experiment(ucb_policy()));
  std::string options = file + " --set train.intervals=16 --set train.steps_per_interval=12 --set train.learning_rate=0.001 --set train.precision=float32 --set env.candidates=1.5 --quiet";
  int launched = 0;

  static Launches& with_whole() {
    static Launches one;
    if (!fs::exists(one.at / "whole")) CHECK(one.both("whole", "") == std::pair(0, 0));
    return one;
  }

  fs::path run(const std::string& name) const { return at / name / "small" / "base" / "seed-0"; }
  std::string arguments(const std::string& name, const std::string& more) {
    if (fs::exists(at / "whole") && !fs::exists(at / name / "cache")) {
      fs::create_directories(at / name);
      fs::copy(at / "whole" / "cache", at / name / "cache", fs::copy_options::recursive);
    }
    return options + " --set run.processes=2 --out '" + (at / name).string() + "'" + more;
  }
  struct Two {
    Process zero, one;
  };
  /// Two ranks at once; `other`: of rank 1, where it is to differ.
  std::unique_ptr<Two> start(const std::string& name, const std::string& more = "", const std::string& other = "") {
    const int port = group::free_port();
    const std::string log = "log" + std::to_string(launched++);
    const std::string first = arguments(name, more), second = other.empty() ? first : other;
    return std::unique_ptr<Two>(new Two{{0, 2, port, first, at / (log + ".0")}, {1, 2, port, second, at / (log + ".1")}});
  }
  std::pair<int, int> both(const std::string& name, const std::string& more) {
    const auto two = start(name, more);
    const std::pair<int, int> codes = {two->zero.wait(), two->one.wait()};
    UNSCOPED_INFO(two->zero.text() << two->one.text());
    return codes;
  }
  bool equal(const std::string& name) const {
    const Ran ran = run_fader("--compare '" + run("whole").string() + "' '" + run(name).string() + "'");
    UNSCOPED_INFO(ran.text);
    return ran.code == 0;
  }
};

/// Waits until some rows of the run are there; false: the launch ended before, or a minute went by.
bool rows_there(Launches::Two& two, const fs::path& run, std::uint64_t rows) {
  for (int i = 0; i < 12000 && !two.zero.ended(); ++i) {
    try {
      if (RunReader(run / "run.h5").committed(0).intervals >= rows) return true;
    } catch (const std::exception&) {  // not there yet
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

std::size_t checkpoints(const fs::path& run) {
  std::size_t n = 0;
  std::error_code ignored;
  for (fs::directory_iterator it(run / "checkpoints", ignored), end; !ignored && it != end; it.increment(ignored)) n += fs::exists(it->path() / "manifest.json");
  return n;
}

double farthest(const std::vector<double>& a, const std::vector<double>& b) {
  double out = a.size() == b.size() && !a.empty() ? 0 : INFINITY;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) out = std::max(out, std::abs(a[i] - b[i]));
  return out;
}

}  // namespace

TEST_CASE("two processes play the run of one, to 1e-6 in loss over 100 steps") {
  Launches& launches = Launches::with_whole();
  const Ran one = run_fader(launches.options + " --out " + (launches.at / "one").string());
  INFO(one.text);
  REQUIRE(one.code == 0);
  const RunReader alone(launches.at / "one/small/base/seed-0/run.h5"), together(launches.run("whole") / "run.h5");
  std::vector<double> a = alone.read(0, "train/loss"), b = together.read(0, "train/loss");
  CHECK(a.size() == 192);
  CHECK(farthest(alone.read(0, "cost/tokens"), together.read(0, "cost/tokens")) == 0);
  a.resize(100);
  b.resize(100);
  const double apart = farthest(a, b);
  CAPTURE(apart);
  CHECK(apart < 1e-6);
  CHECK(apart > 0);  // else it was not two that did it
  CHECK(together.status() == RunStatus::complete);
}

TEST_CASE("a process that is killed ends the other at once with a message and a checkpoint, both go on to the same bits") {
  Launches& launches = Launches::with_whole();
  for (const int victim : {1, 0}) {
    CAPTURE(victim);
    const std::string name = "killed " + std::to_string(victim);
    // rank 0 leaves a checkpoint when it is the other that goes; when it goes itself there is the last of those in between
    const auto two = launches.start(name, victim == 1 ? " --set run.checkpoint_seconds=0" : " --set run.checkpoint_seconds=0.02");
    REQUIRE(rows_there(*two, launches.run(name), 5));
    (victim == 1 ? two->one : two->zero).send(SIGKILL);
    Process& other = victim == 1 ? two->zero : two->one;
    const auto killed = std::chrono::steady_clock::now();
    CHECK(other.wait() == 4);
    CHECK(std::chrono::steady_clock::now() - killed < std::chrono::seconds(10));
    INFO(other.text());
    CHECK_THAT(other.text(), Contains("rank " + std::to_string(victim) + " of 2 is lost") && Contains("--resume"));
    if (victim == 0) CHECK_THAT(other.text(), Contains("rank 1: "));
    CHECK(checkpoints(launches.run(name)) > 0);
    const RunReader left(launches.run(name) / "run.h5");
    CHECK(left.committed(0).intervals >= 5);
    CHECK(left.status() == (victim == 1 ? RunStatus::failed : RunStatus::running));
    CHECK(launches.both(name, " --resume") == std::pair(0, 0));
    CHECK(launches.equal(name));
  }
}

TEST_CASE("a stop that is asked of one process stops all after the same step") {
  Launches& launches = Launches::with_whole();
  const auto two = launches.start("stopped", " --set run.checkpoint_seconds=0");
  REQUIRE(rows_there(*two, launches.run("stopped"), 3));
  two->one.send(SIGTERM);
  CHECK(two->zero.wait() == 143);
  CHECK(two->one.wait() == 143);
  CHECK_THAT(two->zero.text(), Contains("To continue") && Contains("--resume"));
  CHECK(two->one.text().empty());
  CHECK(checkpoints(launches.run("stopped")) == 1);

  // one that does not see the checkpoint is told what it needs
  const auto apart = launches.start("stopped", " --resume", launches.arguments("elsewhere", " --resume"));
  CHECK(apart->zero.wait() == 4);
  CHECK(apart->one.wait() == 4);
  CHECK_THAT(apart->zero.text() + apart->one.text(), Contains("all processes must see the same --out folder") && Contains("is missing"));
  CHECK(checkpoints(launches.run("stopped")) == 1);
  CHECK(!fs::exists(launches.at / "elsewhere" / "small"));  // only rank 0 writes

  CHECK(launches.both("stopped", " --resume") == std::pair(0, 0));
  CHECK(launches.equal("stopped"));
}

TEST_CASE("processes that were not started as the experiment wants are refused with the command that does") {
  Launches launches;
  const std::string arguments = launches.arguments("a", "");
  const Ran alone = run_fader(arguments);
  CHECK(alone.code == 2);
  CHECK_THAT(alone.text, Contains("this is one process alone") && Contains("mpirun -n 2 ./run_experiment FILE"));
  Process three(0, 3, 1, arguments, launches.at / "three");
  CHECK(three.wait() == 2);
  CHECK_THAT(three.text(), Contains("run.processes is 2, and 3 processes were started (WORLD_SIZE)"));
  Process waiting(0, 2, group::free_port(), arguments + " --set run.rank_seconds=1", launches.at / "waiting");
  CHECK(waiting.wait() == 4);
  CHECK_THAT(waiting.text(), Contains("1 of 2 processes did not come within 1 s"));
  const auto mixed = launches.start("a", "", launches.arguments("a", " --set train.learning_rate=0.002"));
  CHECK(mixed->zero.wait() == 4);
  CHECK(mixed->one.wait() == 4);
  for (const Process* process : {&mixed->zero, &mixed->one}) CHECK_THAT(process->text(), Contains("differ in what is to be run") && Contains("configuration "));
}

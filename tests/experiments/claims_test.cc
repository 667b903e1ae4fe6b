// Who plays which run: claims of processes that share a journal.
#include "experiments/claims.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "core/error.h"
#include "tests/scratch_folder.h"

using namespace fader;
using Catch::Contains;
using nlohmann::json;

namespace {

const std::vector<RunKey> kRuns = {{"a", 0}, {"b", 0}, {"a", 1}};
const Claims::Standings kReady = [](std::size_t) { return Claims::Standing::ready; };

/// A process that has joined, taken a run if it could, and waits to be killed.
class Other {
 public:
  Other(const std::filesystem::path& folder, const std::string& launch) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      Claims claims(folder, launch);
      claims.join("plan", kRuns, json::object());
      const auto claim = claims.next(kReady);
      const char took = claim ? static_cast<char>('0' + claim->run) : '-';
      if (::write(ends[1], &took, 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    char took = 0;
    REQUIRE(::read(ends[0], &took, 1) == 1);
    ::close(ends[0]);
    ::close(ends[1]);
    if (took != '-') run = static_cast<std::size_t>(took - '0');
  }
  ~Other() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  std::optional<std::size_t> run;

 private:
  pid_t pid_ = -1;
};

void append(const std::filesystem::path& folder, const std::string& text) { std::ofstream(folder / "journal.jsonl", std::ios::app) << text; }

std::string time_ago(int seconds) {
  const std::time_t then = std::time(nullptr) - seconds;
  char out[32];
  std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&then));
  return out;
}

}  // namespace

TEST_CASE("every run is taken once, in order") {
  const ScratchFolder scratch;
  Claims claims(scratch.path(), "");
  claims.join("plan", kRuns, json::object());
  std::vector<Claim> held;
  for (std::size_t expected = 0; expected < 3; ++expected) {
    auto claim = claims.next(kReady);
    REQUIRE(claim);
    CHECK(claim->run == expected);
    held.push_back(std::move(*claim));
  }
  CHECK_FALSE(claims.next(kReady));
  CHECK_FALSE(claims.all_ended(kReady));
  claims.complete(0, {{"hash", "h"}, {"bytes", 5u}, {"values", {{"return", 2.5}}}});
  claims.failed(1, 4, "no luck");
  claims.stopped(2);
  CHECK(claims.ended() == 2);
  CHECK(claims.state(0).outcome.at("return") == 2.5);
  CHECK(claims.state(0).ends == 1);
  CHECK_FALSE(claims.next(kReady));  // the lock of the one that was stopped is still held
  held.clear();
  const auto again = claims.next(kReady);
  REQUIRE(again);
  CHECK(again->run == 2);
  claims.complete(2, json::object());
  CHECK(claims.all_ended(kReady));
}

TEST_CASE("what is waiting is not taken, what is out is not waited for") {
  const ScratchFolder scratch;
  Claims claims(scratch.path(), "");
  claims.join("plan", kRuns, json::object());
  using enum Claims::Standing;
  const Claims::Standings standings = [](std::size_t run) { return run == 0 ? waiting : run == 1 ? out : ready; };
  const auto claim = claims.next(standings);
  REQUIRE(claim);
  CHECK(claim->run == 2);
  claims.complete(2, json::object());
  CHECK_FALSE(claims.next(standings));
  CHECK_FALSE(claims.all_ended(standings));
  CHECK(claims.all_ended([](std::size_t run) { return run < 2 ? out : ready; }));
}

TEST_CASE("what a process has taken is free when it is killed, not before") {
  const ScratchFolder scratch;
  Other other(scratch.path(), "");
  REQUIRE(other.run == std::size_t{0});
  Claims claims(scratch.path(), "");
  claims.join("plan", kRuns, json::object());
  CHECK(claims.other("plan"));
  {
    const auto claim = claims.next(kReady);
    REQUIRE(claim);
    CHECK(claim->run == 1);
    claims.stopped(1);
  }
  other.kill();
  CHECK_FALSE(claims.other("plan"));
  const auto claim = claims.next(kReady);
  REQUIRE(claim);
  CHECK(claim->run == 0);
}

TEST_CASE("a run is not taken while a process that plays it lives on, whatever became of the one that took it") {
  const ScratchFolder scratch;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    Claims claims(scratch.path(), "");
    claims.join("plan", kRuns, json::object());
    const auto claim = claims.next(kReady);
    const pid_t child = ::fork();
    if (child == 0)
      while (true) ::pause();
    if (::write(ends[1], &child, sizeof child) < 0) ::_exit(1);
    while (true) ::pause();
  }
  pid_t child = 0;
  REQUIRE(::read(ends[0], &child, sizeof child) == static_cast<ssize_t>(sizeof child));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  Claims claims(scratch.path(), "");
  claims.join("plan", kRuns, json::object());
  {
    const auto claim = claims.next(kReady);
    REQUIRE(claim);
    CHECK(claim->run == 1);
  }
  claims.stopped(1);
  ::kill(child, SIGKILL);
  bool taken = false;
  for (int i = 0; i < 200 && !taken; ++i) {
    ::usleep(10000);
    const auto claim = claims.next(kReady);
    REQUIRE(claim);
    taken = claim->run == 0;
    claims.stopped(claim->run);
  }
  CHECK(taken);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("of a process on another machine its beats tell whether it is there") {
  const ScratchFolder scratch;
  const auto line = [&](const std::string& event, int seconds) {
    return json{{"event", event}, {"worker", "elsewhere:7:7"}, {"launch", "x"}, {"plan", "plan"}, {"point", "a"}, {"seed", 0}, {"time", time_ago(seconds)}}.dump() + "\n";
  };
  append(scratch.path(), line("sweep", 500) + line("start", 500));
  SECTION("silent for long") {
    Claims claims(scratch.path(), "");
    claims.join("plan", kRuns, json::object());
    CHECK_FALSE(claims.other("plan"));
    CHECK(claims.next(kReady)->run == 0);
  }
  SECTION("a beat of late") {
    append(scratch.path(), json{{"event", "beat"}, {"worker", "elsewhere:7:7"}, {"time", time_ago(20)}}.dump() + "\n");
    Claims claims(scratch.path(), "");
    claims.join("plan", kRuns, json::object());
    CHECK(claims.other("plan"));
    CHECK(claims.next(kReady)->run == 1);
  }
  SECTION("gone by its own word") {
    append(scratch.path(), line("sweep", 1) + json{{"event", "leave"}, {"worker", "elsewhere:7:7"}, {"time", time_ago(0)}}.dump() + "\n");
    Claims claims(scratch.path(), "");
    claims.join("plan", kRuns, json::object());
    CHECK_FALSE(claims.other("plan"));
    CHECK(claims.next(kReady)->run == 0);
  }
}

TEST_CASE("a failure is for its own launch, another one tries again") {
  const ScratchFolder scratch;
  Claims one(scratch.path(), "job 1");
  one.join("plan", kRuns, json::object());
  REQUIRE(one.next(kReady)->run == 0);
  one.failed(0, 4, "no luck");
  Claims same(scratch.path(), "job 1"), another(scratch.path(), "job 2");
  same.join("plan", kRuns, json::object());
  another.join("plan", kRuns, json::object());
  CHECK(same.has_ended(0));
  CHECK(same.of_this_launch());
  CHECK_FALSE(another.has_ended(0));
  CHECK(another.next(kReady)->run == 0);
}

TEST_CASE("one process of a launch is the first to see the end") {
  const ScratchFolder scratch;
  Claims one(scratch.path(), "job"), two(scratch.path(), "job"), other(scratch.path(), "another");
  for (Claims* claims : {&one, &two, &other}) claims->join("plan", kRuns, json::object());
  CHECK(two.first_to_end(json::object()));
  CHECK_FALSE(one.first_to_end(json::object()));
  CHECK_FALSE(two.first_to_end(json::object()));
  CHECK(other.first_to_end(json::object()));
}

TEST_CASE("lines that are half-written or none of ours are passed over, and nothing is written into them") {
  const ScratchFolder scratch;
  append(scratch.path(), "\n{}\n[1,2]\nnull\n\"text\"\n{\"event\":3}\n{\"event\":\"complete\",\"point\":5,\"seed\":\"x\"}\n"
                         "{\"event\":\"complete\",\"point\":\"a\",\"seed\":0,\"values\":[],\"bytes\":-1,\"hash\":{},\"worker\":1}\n{\"event\":\"start\",\"poi");
  Claims claims(scratch.path(), "");
  claims.join("plan", kRuns, json::object());
  CHECK(claims.has_ended(0));
  CHECK(claims.state(0).outcome.empty());
  const auto claim = claims.next(kReady);
  REQUIRE(claim);
  CHECK(claim->run == 1);
  Claims reader(scratch.path(), "");
  reader.refresh();
  CHECK(reader.board().of({"b", 0}).stage == RunState::Stage::taken);
}

TEST_CASE("a process that has another one's number is not taken for it") {
  Worker worker = this_worker();
  CHECK(is_running(worker) == true);
  CHECK(read_worker(worker.text())->text() == worker.text());
  ++worker.started;
  CHECK(is_running(worker) == false);
  worker.host += "x";
  CHECK_FALSE(is_running(worker));
  for (const char* none : {"", "a", "a:b", ":1", "a:0:1", "a:-3:1"}) CHECK_FALSE(read_worker(none));
  CHECK(read_worker("a:b:3:4")->host == "a:b");
}

TEST_CASE("the launch is that of a job array, an mpirun or a step, in this order") {
  const auto of = [](std::map<std::string, std::string> set) {
    return launch_of_environment([set](const char* name) { const auto it = set.find(name); return it == set.end() ? std::string() : it->second; });
  };
  CHECK(of({}).empty());
  CHECK(of({{"SLURM_ARRAY_JOB_ID", "7"}, {"SLURM_JOB_ID", "9"}}) == of({{"SLURM_ARRAY_JOB_ID", "7"}, {"SLURM_JOB_ID", "8"}}));
  CHECK(of({{"PMIX_NAMESPACE", "x"}, {"OMPI_MCA_orte_precondition_transports", "1-2"}}) !=
        of({{"PMIX_NAMESPACE", "x"}, {"OMPI_MCA_orte_precondition_transports", "3-4"}}));
  CHECK(of({{"PMIX_NAMESPACE", "x"}}) != of({{"PMIX_NAMESPACE", "y"}}));
  CHECK(of({{"SLURM_JOB_ID", "9"}, {"SLURM_STEP_ID", "0"}}) != of({{"SLURM_JOB_ID", "9"}, {"SLURM_STEP_ID", "1"}}));
}

// What other processes see of a run: while it is written, after its writer was killed, when the disk refuses.
#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/error.h"
#include "store/hdf5.h"
#include "store_fixture.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;

namespace {

/// Runs `body` in a child process; the child ends without any tidying up.
pid_t in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  int code = 99;
  try {
    code = body();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "child: %s\n", e.what());
  }
  ::_exit(code);
}

int exit_code(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Whether the child has ended; if so its exit code is in `code`.
bool ended(pid_t pid, int& code) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) == 0) return false;
  code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

/// Every committed row of the small run is whole: as append_small wrote it.
void require_whole(const RunReader& reader) {
  const Committed n = reader.committed(0);
  const auto observations = reader.read(0, "observations"), rewards = reader.read(0, "rewards"), tokens = reader.read(0, "tokens"),
             done = reader.read(0, "ended"), loss = reader.read(0, "train/loss"), step = reader.read(0, "train/step");
  REQUIRE(n.steps >= 2 * n.intervals);  // counters may be read between two of the writer's
  REQUIRE(rewards.size() == n.intervals);
  REQUIRE(observations.size() == (n.intervals == 0 ? 0 : 2 * (n.intervals + 1)));
  std::size_t wrong = 0;
  for (std::size_t t = 0; t < n.intervals; ++t) {
    const double x = static_cast<double>(t);
    wrong += observations[2 * t + 2] != x || observations[2 * t + 3] != x + 0.5;
    wrong += rewards[t] != x || tokens[t] != 1000 * x || done[t] != static_cast<double>(t % 2);
  }
  for (std::size_t s = 0; s < n.steps; ++s) wrong += loss[s] != static_cast<double>(s) || step[s] != static_cast<double>(s + 1);
  REQUIRE(wrong == 0);
}

/// Writes for ever, telling the parent of every commit through one byte in the pipe.
int write_for_ever(const std::filesystem::path& file, int pipe, int most) {
  RunWriter writer(file, {}, std::vector<Attributes>(1), small_columns());
  for (int t = 0; t < most; ++t) {
    append_small(writer, 0, t);
    if (t % 5 == 0) writer.event(0, t, "tick", "tock");
    writer.commit(0);
    if (::write(pipe, "x", 1) != 1) return 1;
  }
  writer.status(RunStatus::complete);
  writer.close();
  return 0;
}

struct Pipe {
  Pipe() { REQUIRE(::pipe(ends) == 0); }
  ~Pipe() {
    for (const int fd : ends) ::close(fd);
  }
  /// Waits for `n` bytes.
  void wait(std::size_t n) {
    char byte;
    for (std::size_t i = 0; i < n; ++i) REQUIRE(::read(ends[0], &byte, 1) == 1);
  }
  /// Bytes that are waiting.
  std::size_t drain() {
    ::close(std::exchange(ends[1], -1));
    std::size_t n = 0;
    char byte;
    while (::read(ends[0], &byte, 1) == 1) ++n;
    return n;
  }
  int ends[2];
};

}  // namespace

TEST_CASE("a reader follows a run while it is written") {
  const Folder folder;
  Pipe pipe;
  const pid_t child = in_child([&] { return write_for_ever(folder / "run.h5", pipe.ends[1], 400); });
  pipe.wait(1);
  std::size_t reads = 0, grown = 0;
  std::uint64_t last = 0;
  int code = -1;
  while (!ended(child, code)) {
    const RunReader reader(folder / "run.h5");
    require_whole(reader);
    const auto now = reader.committed(0).intervals;
    REQUIRE(now >= last);
    grown += now > last;
    last = now;
    ++reads;
    if (reads % 8 == 0) REQUIRE(reader.read(0, "rewards").size() == now);  // a snapshot stays what it was
  }
  CHECK(code == 0);
  CHECK(reads >= 3);
  CHECK(grown >= 2);
  const RunReader reader(folder / "run.h5");
  CHECK(reader.status() == RunStatus::complete);
  CHECK(reader.committed(0).intervals == 400);
  require_whole(reader);
}

TEST_CASE("the process that writes may read") {
  const Folder folder;
  RunWriter writer(folder / "run.h5", {}, std::vector<Attributes>(1), small_columns());
  for (int t = 0; t < 30; ++t) {
    append_small(writer, 0, t);
    writer.commit(0);
    const RunReader reader(folder / "run.h5");
    REQUIRE(reader.committed(0).intervals == static_cast<std::uint64_t>(t) + 1);
    require_whole(reader);
  }
}

TEST_CASE("a killed writer leaves every committed row, whole") {
  for (const int commits : {1, 2, 37, 300}) {
    CAPTURE(commits);
    const Folder folder;
    Pipe pipe;
    const pid_t child = in_child([&] { return write_for_ever(folder / "run.h5", pipe.ends[1], 1 << 30); });
    pipe.wait(static_cast<std::size_t>(commits));
    ::kill(child, SIGKILL);
    REQUIRE(exit_code(child) == -SIGKILL);
    const std::size_t told = static_cast<std::size_t>(commits) + pipe.drain();

    const RunReader reader(folder / "run.h5");
    CHECK(reader.status() == RunStatus::running);
    CHECK(reader.committed(0).intervals >= told);
    CHECK(reader.committed(0).intervals <= told + 1);
    require_whole(reader);
    {  // what the library makes of it without our help
      const h5::Session session;
      CHECK(H5Fopen((folder / "run.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT) < 0);
    }
    const std::vector<Committed> cut = {{1, 2, 1}};
    RunWriter writer(folder / "run.h5", cut);
    append_small(writer, 0, 1);
    writer.commit(0);
    writer.close();
    require_whole(RunReader(folder / "run.h5"));
    CHECK(RunReader(folder / "run.h5").committed(0) == Committed{2, 4, 1});
  }
}

TEST_CASE("a writer killed while it makes the file leaves the old one") {
  const Folder folder;
  RunWriter(folder / "run.h5", {{"mark", true}}, std::vector<Attributes>(1), small_columns()).close();
  const pid_t child = in_child([&] {
    RunWriter(folder / "run.h5", {}, std::vector<Attributes>(5000), small_columns());
    return 0;
  });
  ::usleep(20'000);
  ::kill(child, SIGKILL);
  REQUIRE(exit_code(child) == -SIGKILL);
  CHECK(RunReader(folder / "run.h5").root().count("mark") == 1);
}

TEST_CASE("a full disk is an error that names file and dataset, and what was committed stays") {
  for (const int room : {36'000, 40'000, 44'000, 48'000, 52'000, 60'000, 90'000, 91'111}) {
    CAPTURE(room);
    const Folder folder;
    const auto file = folder / "run.h5";
    const pid_t child = in_child([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      RunWriter writer(file, {}, std::vector<Attributes>(1), small_columns());
      const rlim_t size = std::filesystem::file_size(file) + static_cast<rlim_t>(room);
      const rlimit limit{size, size};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      int t = 0;
      std::string message;
      try {
        for (; t < 100'000; ++t) {
          append_small(writer, 0, t);
          writer.commit(0);
        }
      } catch (const RunError& e) {
        message = e.what();
      }
      std::ofstream(folder / "message") << t << "\n" << message;  // small enough for the limit
      try {
        writer.status(RunStatus::complete);
        return 1;
      } catch (const RunError& e) {
        if (std::string(e.what()).find("nothing is written since") == std::string::npos) return 2;
      }
      writer.close();
      return 0;
    });
    REQUIRE(exit_code(child) == 0);
    std::ifstream in(folder / "message");
    int t = 0;
    std::string message;
    in >> t >> std::ws;
    std::getline(in, message);
    CHECK_THAT(message, Contains("run.h5: episode_0: cannot ") && Contains("File too large"));
    CHECK(t > 10);
    const RunReader reader(file);
    CHECK(reader.status() == RunStatus::running);
    CHECK(reader.committed(0).intervals == static_cast<std::uint64_t>(t));
    require_whole(reader);
  }
}

TEST_CASE("a file that cannot be made is one clear message, and nothing is left") {
  const Folder folder;
  const auto make = [](const std::filesystem::path& file) { RunWriter(file, {}, std::vector<Attributes>(1), small_columns()); };
  std::ofstream(folder / "plain") << "text";
  CHECK_THROWS_AS(make(folder / "plain" / "run.h5"), RunError);
  CHECK_THROWS_WITH(make(folder / "plain" / "run.h5"), Contains("plain/run.h5: cannot create file") && Contains("Not a directory"));
  CHECK_THROWS_WITH(make(folder / "absent" / "run.h5"), Contains("absent/run.h5: cannot create file") && Contains("No such file"));
  std::filesystem::create_directory(folder / "folder.h5");
  CHECK_THROWS_AS(make(folder / "folder.h5"), RunError);

  const pid_t child = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{3000, 3000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      make(folder / "full.h5");
      return 1;
    } catch (const RunError& e) {
      return std::string(e.what()).find("full.h5: cannot ") == std::string::npos ? 2 : 0;
    }
  });
  CHECK(exit_code(child) == 0);
  std::set<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) left.insert(entry.path().filename().string());
  CHECK(left == std::set<std::string>{"plain", "folder.h5"});
}

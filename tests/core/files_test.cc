// Files that are whole or absent: what is written, what is left after a failure, locks, digests, maps.
#include "core/files.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "tests/scratch_folder.h"

using namespace fader;
namespace fs = std::filesystem;

namespace {

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}
void plain_write(const fs::path& path, std::string_view bytes) { std::ofstream(path, std::ios::binary) << bytes; }

}  // namespace

TEST_CASE("what is written atomically is read back, and replaces what was there") {
  const ScratchFolder scratch;
  const std::string bytes("a\0b\r\n\xff", 6);
  write_atomically(scratch / "f", bytes);
  CHECK(read_file(scratch / "f") == bytes);
  write_atomically(scratch / "f", "");
  CHECK(read_file(scratch / "f").empty());
  CHECK(entries(scratch.path()) == 1);
}

TEST_CASE("a write that fails says where and why and leaves nothing") {
  const ScratchFolder scratch;
  plain_write(scratch / "file", "kept");
  CHECK_THROWS_AS(write_atomically(scratch / "file" / "below", "x"), RunError);
  CHECK_THROWS_WITH(write_atomically(scratch / "file" / "below", "x"), Catch::Contains("file/below") && Catch::Contains("Not a directory"));
  CHECK_THROWS_WITH(write_atomically(scratch / "absent" / "f", "x"), Catch::Contains("absent/f") && Catch::Contains("No such file"));
  fs::create_directories(scratch / "folder" / "full");
  CHECK_THROWS_WITH(write_atomically(scratch / "folder", "x"), Catch::Contains("folder: cannot be written"));
  CHECK(read_file(scratch / "file") == "kept");
  CHECK(entries(scratch.path()) == 2);
  CHECK(entries(scratch / "folder") == 1);
}

TEST_CASE("a full disk is a message and the old file stays") {
  if (!fs::exists("/dev/full")) {
    WARN("skipped: there is no /dev/full");
    return;
  }
  const ScratchFolder scratch;
  write_atomically(scratch / "f", "old");
  AtomicFile file(scratch / "f");
  fs::create_symlink("/dev/full", file.path());
  std::ofstream out(file.path());
  out << "new" << std::flush;
  CHECK_FALSE(out.good());
  CHECK_THROWS_AS(file.commit(), RunError);  // a device cannot be synced, so it never takes the place of the file
  CHECK(read_file(scratch / "f") == "old");
}

TEST_CASE("a file in pieces appears on commit only, and beside others of its name") {
  const ScratchFolder scratch;
  {
    AtomicFile abandoned(scratch / "f");
    plain_write(abandoned.path(), "half");
    CHECK(entries(scratch.path()) == 1);
    CHECK_FALSE(fs::exists(scratch / "f"));
  }
  CHECK(entries(scratch.path()) == 0);
  AtomicFile a(scratch / "f"), b(scratch / "f");
  CHECK(a.path() != b.path());
  plain_write(a.path(), "a");
  plain_write(b.path(), "b");
  b.commit();
  CHECK(read_file(scratch / "f") == "b");
  a.commit();
  CHECK(read_file(scratch / "f") == "a");
  CHECK(entries(scratch.path()) == 1);
  AtomicFile never_written(scratch / "g");
  CHECK_THROWS_AS(never_written.commit(), RunError);
}

TEST_CASE("what a killed process left of a target is removed when it is old, what may be at work is not") {
  const ScratchFolder at;
  const fs::path target = at.path() / "data.bin";
  const int gone = 0x7ffffff0;  // no process has so high a number
  const auto left = [&](const std::string& name, bool old) {
    std::ofstream(at.path() / name) << "half";
    if (old) fs::last_write_time(at.path() / name, fs::file_time_type::clock::now() - std::chrono::hours(2));
    return at.path() / name;
  };
  const auto abandoned = left(fmt::format(".data.bin.{}.0.part", gone), true), recent = left(fmt::format(".data.bin.{}.1.part", gone), false),
             alive = left(fmt::format(".data.bin.{}.999.part", ::getpid()), true), other = left(fmt::format(".other.bin.{}.0.part", gone), true);
  write_atomically(target, "whole");
  CHECK_FALSE(fs::exists(abandoned));
  CHECK(fs::exists(recent));
  CHECK(fs::exists(alive));
  CHECK(fs::exists(other));
}

TEST_CASE("a relative name without a folder is written into the working folder") {
  const ScratchFolder scratch;
  const fs::path before = fs::current_path();
  fs::current_path(scratch.path());
  CHECK_NOTHROW(write_atomically("f", "x"));
  fs::current_path(before);
  CHECK(read_file(scratch / "f") == "x");
}

TEST_CASE("what cannot be read is named with the reason") {
  const ScratchFolder scratch;
  CHECK_THROWS_AS(read_file(scratch / "absent"), DataError);
  CHECK_THROWS_WITH(read_file(scratch / "absent"), Catch::Contains("absent: cannot be read: No such file"));
  CHECK_THROWS_WITH(read_file(scratch.path()), Catch::Contains("is a folder"));
  plain_write(scratch / "f", std::string(1000, 'x'));
  CHECK(read_file(scratch / "f", 1000).size() == 1000);
  CHECK_THROWS_WITH(read_file(scratch / "f", 999), Catch::Contains("is larger than 999 bytes"));
  CHECK_THROWS_WITH(read_file("/dev/zero", 100000), Catch::Contains("is larger than 100000 bytes"));
}

TEST_CASE("a huge file is refused before memory is taken for it") {
  const ScratchFolder scratch;
  plain_write(scratch / "f", "x");
  fs::resize_file(scratch / "f", std::uint64_t{1} << 42);  // sparse
  CHECK_THROWS_AS(read_file(scratch / "f"), DataError);
}

TEST_CASE("a folder is made with its parents, or what is in the way is named") {
  const ScratchFolder scratch;
  make_folder(scratch / "a/b/c");
  CHECK(fs::is_directory(scratch / "a/b/c"));
  CHECK_NOTHROW(make_folder(scratch / "a/b/c"));
  CHECK_NOTHROW(make_folder(scratch / "a/b/d/"));
  plain_write(scratch / "file", "");
  CHECK_THROWS_AS(make_folder(scratch / "file/x/y"), RunError);
  CHECK_THROWS_WITH(make_folder(scratch / "file/x/y"), Catch::Contains("file/x/y: the folder cannot be made") &&
                                                           Catch::Contains("file is not a folder"));
  CHECK_THROWS_WITH(make_folder(scratch / "file"), Catch::Contains("is not a folder"));
}

TEST_CASE("a lock is held by one at a time, and the other is told that it waits") {
  const ScratchFolder scratch;
  std::atomic<bool> told{false}, inside{false};
  std::thread other;
  {
    const FileLock lock(scratch / "lock", [] { FAIL("nobody else holds it"); });
    other = std::thread([&] {
      const FileLock second(scratch / "lock", [&] { told = true; });
      inside = true;
    });
    for (int i = 0; i < 500 && !told; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(told);
    CHECK_FALSE(inside);
  }
  other.join();
  CHECK(inside);
  CHECK_THROWS_AS(FileLock(scratch / "absent" / "lock"), RunError);
}

TEST_CASE("a lock dies with the process that held it") {
  const ScratchFolder scratch;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FileLock lock(scratch / "lock");
    [[maybe_unused]] const auto n = ::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  bool waited = false;
  FileLock lock(scratch / "lock", [&] {
    waited = true;
    ::kill(child, SIGKILL);
  });
  CHECK(waited);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("digests are those of the standard, in pieces as well") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Sha256 pieces;
  for (int i = 0; i < 1000; ++i) pieces.add(std::string(1000, 'a'));
  CHECK(pieces.hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a mapped file shows its bytes, an empty one none") {
  const ScratchFolder scratch;
  plain_write(scratch / "f", "mapped");
  plain_write(scratch / "empty", "");
  const MappedFile file(scratch / "f"), empty(scratch / "empty");
  CHECK(file.bytes() == "mapped");
  CHECK(empty.bytes().empty());
  write_atomically(scratch / "f", "another");
  CHECK(file.bytes() == "mapped");  // the old content lives as long as the map
  CHECK_THROWS_WITH(MappedFile(scratch / "absent"), Catch::Contains("absent: cannot be read: No such file"));
  CHECK_THROWS_WITH(MappedFile(scratch.path()), Catch::Contains("is not a regular file"));
}

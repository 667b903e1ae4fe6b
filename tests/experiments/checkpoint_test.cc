// Checkpoints are whole or absent, and nothing in one is trusted.
#include "experiments/checkpoint.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"
#include "tests/scratch_folder.h"

using namespace fader;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

Manifest manifest(std::int64_t interval, std::int64_t step = 0) {
  Manifest m;
  m.moment = {interval, step};
  m.config_sha256 = sha256("config");
  m.corpus_sha256 = sha256("corpus");
  m.seed = 3;
  m.program = {{"version", "0.1.0"}, {"compiler", "a \"good\" one"}};
  return m;
}

std::vector<std::string> names(const Checkpoints& checkpoints) {
  std::vector<std::string> out;
  for (const Moment m : checkpoints.moments()) out.push_back(m.name());
  return out;
}

void overwrite(const fs::path& file, const std::string& bytes) { std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes; }

}  // namespace

TEST_CASE("a manifest reads back as it was written") {
  Manifest m = manifest(12, 3);
  m.state_bytes = 99;
  m.state_sha256 = sha256("state");
  const Manifest back = parse_manifest(manifest_text(m), "here");
  CHECK(back.moment == m.moment);
  CHECK(back.config_sha256 == m.config_sha256);
  CHECK(back.corpus_sha256 == m.corpus_sha256);
  CHECK(back.seed == 3);
  CHECK(back.state_bytes == 99);
  CHECK(back.state_sha256 == m.state_sha256);
  CHECK(back.program == m.program);
}

TEST_CASE("a manifest that is not one is refused with the place and the reason") {
  Manifest m = manifest(1);
  m.state_sha256 = sha256("");
  const std::string good = manifest_text(m);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const auto refused = [](const std::string& text, const std::string& why) {
    INFO(text);
    CHECK_THROWS_WITH(parse_manifest(text, "run/manifest.json"), Contains("run/manifest.json: ") && Contains(why));
    CHECK_THROWS_AS(parse_manifest(text, ""), DataError);
  };
  refused("", "is not the manifest");
  refused("[]", "is not the manifest");
  refused(good.substr(0, good.size() / 2), "is not the manifest");
  refused(std::string(100000, '['), "is not the manifest");
  refused(with("\"format\": 1", "\"format\": 2"), "has format 2");
  refused(with("\"interval\": 1", "\"interval\": -1"), "'interval' is -1");
  refused(with("\"interval\": 1", "\"interval\": 18446744073709551615"), "'interval' is 18446744073709551615");
  refused(with("\"interval\": 1", "\"interval\": 1.5"), "expected a whole number");
  refused(with("\"seed\"", "\"sead\""), "'seed' is missing");
  refused(with(m.state_sha256, "../../etc"), "expected 64 hexadecimal digits");
  refused(with("\"state_bytes\": 0", "\"state_bytes\": \"0\""), "expected a whole number");
}

TEST_CASE("what is written is read back, the newest first, and only so many stay") {
  const ScratchFolder at;
  const Checkpoints checkpoints(at / "run" / "checkpoints", 2, 10);
  CHECK(checkpoints.moments().empty());
  for (const auto& [interval, step] : std::vector<std::pair<int, int>>{{9, 0}, {10, 0}, {10, 7}, {20, 0}, {100, 1}, {100, 12}})
    checkpoints.write(manifest(interval, step), "state " + std::to_string(interval));
  CHECK(names(checkpoints) == std::vector<std::string>{"100.12", "100.1", "20.0", "10.0"});  // two, and every tenth
  const Checkpoint newest = checkpoints.read({100, 12});
  CHECK(newest.state == "state 100");
  CHECK(newest.manifest.seed == 3);
  checkpoints.discard_after({100, 1});
  CHECK(names(checkpoints).front() == "100.1");
  checkpoints.clear();
  CHECK(names(checkpoints) == std::vector<std::string>{"20.0", "10.0"});
  const Checkpoints none(at / "run" / "checkpoints", 2, 0);
  none.clear();
  CHECK_FALSE(fs::exists(at / "run" / "checkpoints"));
}

TEST_CASE("a checkpoint of the same moment stays, a broken one is replaced") {
  const ScratchFolder at;
  const Checkpoints checkpoints(at / "c", 2, 0);
  checkpoints.write(manifest(5), "first");
  checkpoints.write(manifest(5), "second");
  CHECK(checkpoints.read({5, 0}).state == "first");
  overwrite(at / "c" / "5.0" / "state.bin", "fir");
  checkpoints.write(manifest(5), "second");
  CHECK(checkpoints.read({5, 0}).state == "second");
}

TEST_CASE("what is not whole is refused: cut, changed, missing, renamed, a link") {
  const ScratchFolder at;
  const Checkpoints checkpoints(at / "c", 5, 0);
  checkpoints.write(manifest(5), "the state of a run");
  const fs::path folder = at / "c" / "5.0";
  const std::string good = read_file(folder / "manifest.json");
  const auto refused = [&](const std::string& why, Moment moment = {5, 0}) {
    CHECK_THROWS_AS(checkpoints.read(moment), DataError);
    CHECK_THROWS_WITH(checkpoints.read(moment), Contains(why));
  };
  overwrite(folder / "state.bin", "the state of a ru");
  refused("is not what the manifest speaks of: 17 bytes, 18 expected");
  overwrite(folder / "state.bin", "the state of a ruN");
  refused("another checksum");
  overwrite(folder / "state.bin", std::string(1 << 20, 'x'));
  refused("is larger than 18 bytes");
  overwrite(at / "elsewhere", "the state of a run");
  fs::remove(folder / "state.bin");
  refused("state.bin: is missing");
  fs::create_symlink(at / "elsewhere", folder / "state.bin");
  refused("is not a plain file");
  fs::remove(folder / "manifest.json");
  refused("manifest.json: is missing");
  overwrite(folder / "manifest.json", good);
  fs::rename(folder, at / "c" / "6.0");
  refused("speaks of moment 5.0", {6, 0});

  fs::create_directory_symlink(at / "c" / "6.0", at / "c" / "7.0");
  for (const char* name : {"08.0", "8", "8.x", "-8.0", "8.0.0", "99999999999999999999.0", ".9.0.part"}) fs::create_directory(at / "c" / name);
  CHECK(names(checkpoints) == std::vector<std::string>{"6.0"});  // links and strangers are none of ours
}

TEST_CASE("what a killed writer left is cleared away, a full disk leaves nothing") {
  const ScratchFolder at;
  const Checkpoints checkpoints(at / "c", 2, 0);
  fs::create_directories(at / "c" / ".4.0.part");
  overwrite(at / "c" / ".4.0.part" / "state.bin", "half");
  for (const char* name : {"film.part", ".film.part", ".4.part"}) overwrite(at / "c" / name, "somebody's");
  checkpoints.write(manifest(5), "state");
  CHECK_FALSE(fs::exists(at / "c" / ".4.0.part"));
  for (const char* name : {"film.part", ".film.part", ".4.part"}) CHECK(fs::exists(at / "c" / name));

  overwrite(at / "file", "");
  const Checkpoints nowhere(at / "file" / "c", 2, 0);
  CHECK_THROWS_AS(nowhere.write(manifest(5), "state"), RunError);
  fs::create_directories(at / "d" / "6.0");  // a stranger's folder without a manifest is replaced as a whole
  overwrite(at / "d" / "6.0" / "notes", "");
  const Checkpoints there(at / "d", 2, 0);
  there.write(manifest(6), "state");
  CHECK(there.read({6, 0}).state == "state");
}

TEST_CASE("no overwritten byte of a manifest crashes the reader") {
  Manifest m = manifest(12, 3);
  m.state_sha256 = sha256("state");
  const std::string good = manifest_text(m);
  Rng rng(5, "bytes");
  for (int i = 0; i < 5000; ++i) {
    std::string text = good;
    for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) text[rng.below(text.size())] = static_cast<char>(rng.below(256));
    try {
      static_cast<void>(parse_manifest(text, "m"));
    } catch (const DataError&) {
    }
  }
}

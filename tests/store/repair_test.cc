// What `repair` saves of damaged files, and that it never makes anything up.
#include <catch2/catch.hpp>

#include <set>

#include "run_fixture.h"
#include "store/check.h"
#include "store/repair.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

/// Salvages `from`; what it makes must pass every check and be a prefix of the run that was damaged.
Salvage salvaged(const Folder& folder, const fs::path& from, const RunOptions& o = {}) {
  const auto to = folder / "repaired.h5", whole = folder / "whole.h5";
  fs::remove(to);
  const std::string before = bytes_of(from);
  const Salvage salvage = salvage_run(from, to);
  INFO(salvage.kept << "\n" << joined(salvage.lost));
  CHECK(bytes_of(from) == before);
  const Checked checked = check_run(to);
  CHECK(checked.closed);
  CHECK(checked.problems.empty());
  finished_run(whole, o);
  const RunReader kept(to), all(whole);
  REQUIRE(kept.episodes() == all.episodes());
  CHECK(kept.root() == all.root());
  std::size_t torn = 0;
  for (std::size_t e = 0; e < kept.episodes(); ++e)
    for (const Column& c : all.columns()) {
      if (!kept.has(c.path)) continue;
      const auto is_prefix = [&](const auto& part, const auto& of) { return part.size() <= of.size() && std::equal(part.begin(), part.end(), of.begin()); };
      if (c.type == Type::text) torn += !is_prefix(kept.read_text(e, c.path), all.read_text(e, c.path));
      else if (c.rows != Rows::once) torn += !is_prefix(bits(kept.read(e, c.path)), bits(all.read(e, c.path)));
    }
  CHECK(torn == 0);
  return salvage;
}

Salvage damaged(const Folder& folder, const std::function<void(hid_t)>& how, const RunOptions& o = {}) {
  const auto path = finished_run(folder / "run.h5", o);
  change(path, how);
  return salvaged(folder, path, o);
}
RunReader repaired(const Folder& folder) { return RunReader(folder / "repaired.h5"); }

void refuse(const Folder& folder, const fs::path& from, const std::string& why) {
  const auto to = folder / "out" / "repaired.h5";
  fs::create_directories(to.parent_path());
  try {
    salvage_run(from, to);
    FAIL("was repaired, and should have been refused: " << why);
  } catch (const DataError& e) {
    CHECK_THAT(std::string(e.what()), Catch::StartsWith(from.string() + ": ") && Contains(why));
  }
  CHECK(fs::is_empty(to.parent_path()));
}

}  // namespace

TEST_CASE("repair: what a killed writer leaves is kept whole, and a writer goes on with it") {
  const Folder folder;
  const RunOptions o{.episodes = 2, .intervals = 17};
  const auto path = unclosed_run(folder / "run.h5", o);
  const Salvage salvage = salvaged(folder, path, o);
  CHECK(salvage.lost.empty());
  CHECK(salvage.kept == "running, 2 episodes, 34 of 34 intervals, 102 of 102 step rows, 4 of 4 events");
  CHECK(compare_runs(path, folder / "repaired.h5").empty());
  CHECK(repaired(folder).status() == RunStatus::running);

  const auto columns = run_columns(shape_of(o));
  const std::vector<Committed> cut = {{17, 51, 2}, {10, 30, 1}};
  RunWriter writer(folder / "repaired.h5", cut);
  append_interval(writer, columns, o, 1, 10);
  writer.commit(1);
  writer.close();
  CHECK(repaired(folder).committed(1) == Committed{11, 33, 1});
  CHECK(check_run(folder / "repaired.h5").problems.empty());
}

TEST_CASE("repair: numbers that no double holds, provenance and constants are kept to the bit") {
  const Folder folder;
  const auto path = finished_run(folder / "run.h5", {.intervals = 5, .status = RunStatus::running});
  const std::int64_t large = (std::int64_t{1} << 60) + 1;
  change(path, [&](hid_t file) {
    const h5::Handle dataset = h5::open_dataset(file, "episode_0/corpus/domain_tokens");
    std::vector<std::int64_t> all(10, large);
    h5::check(H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), "write", "dataset");
    set_rows(file, "episode_0/rewards", 4);
  });
  salvage_run(path, folder / "repaired.h5");
  {
    const RunReader run = repaired(folder);
    CHECK(run.committed(0) == Committed{4, 12, 0});  // the event was of interval 5
    CHECK(run.root() == RunReader(finished_run(folder / "other.h5")).root());
    CHECK(run.episode(0).at("env") == Attribute(std::string("pretrain-v0")));
    CHECK(run.read(0, "console/presets") == std::vector{1.0, 0.0, 0.25, 0.75});
    CHECK(run.read_text(0, "agents/names") == std::vector<std::string>{"quality", "random"});
  }
  change(folder / "repaired.h5", [&](hid_t file) {
    std::int64_t found[8] = {};
    h5::check(H5Dread(h5::open_dataset(file, "episode_0/corpus/domain_tokens"), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, found), "read", "");
    CHECK(found[7] == large);
  });
}

TEST_CASE("repair: a dataset that is shorter than the counters cuts its episode, and only that one") {
  const Folder folder;
  const RunOptions o{.episodes = 3};
  Salvage salvage = damaged(folder, [](hid_t file) { set_rows(file, "episode_1/rewards", 30); }, o);
  CHECK_THAT(joined(salvage.lost), Contains("episode_1/rewards has 30 rows, and 40 were committed") && Contains("was complete and is not any more") &&
                                       Contains("episode_1 keeps 30 of 40 intervals"));
  CHECK(repaired(folder).committed(0) == Committed{40, 120, 4});
  CHECK(repaired(folder).committed(1) == Committed{30, 90, 3});
  CHECK(repaired(folder).status() == RunStatus::running);
  CHECK(std::isnan(repaired(folder).read(1, "final/loss_test")[0]));  // it was that of the whole episode
  CHECK(repaired(folder).read(2, "final/loss_test")[0] == 5.5);

  damaged(folder, [](hid_t file) { set_rows(file, "episode_0/observations", 30, 3); }, o);  // 29 decisions and the reset
  CHECK(repaired(folder).committed(0) == Committed{29, 87, 3});
  damaged(folder, [](hid_t file) { set_rows(file, "episode_0/train/loss", 50); }, o);  // 16 intervals of 3 steps
  CHECK(repaired(folder).committed(0) == Committed{16, 48, 2});
  salvage = damaged(folder, [](hid_t file) { set_rows(file, "episode_2/events/text", 2); }, {.episodes = 3, .status = RunStatus::failed});
  CHECK(repaired(folder).committed(2) == Committed{40, 120, 2});
  CHECK(repaired(folder).status() == RunStatus::failed);
  CHECK_THAT(salvage.kept, Contains("120 of 120 intervals") && Contains("10 of 12 events"));
}

TEST_CASE("repair: counters overwritten with nonsense are told apart from datasets that are short") {
  const Folder folder;
  const RunOptions o{.episodes = 2, .status = RunStatus::failed};
  const auto counters = [&](std::vector<std::uint64_t> first, std::vector<std::uint64_t> all) {
    return damaged(folder, [&](hid_t file) {
      set_counter(file, "episode_0/commit", first);
      set_counter(file, "commit", all);
    }, o);
  };
  const std::uint64_t nonsense = 0x7ff8'dead'beef'0001;
  for (const auto& first : {std::vector<std::uint64_t>{nonsense, nonsense, nonsense}, {0, 0, 0}, {1000, 120, 4}, {40, nonsense, 4}, {40, 120, nonsense}, {3, 9, 0}}) {
    CAPTURE(first);
    counters(first, {80, 240, 8});
    CHECK(repaired(folder).committed(0) == Committed{40, 120, 4});
    CHECK(repaired(folder).committed(1) == Committed{40, 120, 4});
  }
  for (const auto& all : {std::vector<std::uint64_t>{nonsense, 1, 2}, {0, 0, 0}, {81, 240, 8}}) {
    CAPTURE(all);
    counters({40, 120, 4}, all);
    CHECK(repaired(folder).committed(0) == Committed{40, 120, 4});
  }
  counters({nonsense, nonsense, nonsense}, {nonsense, nonsense, nonsense});
  CHECK(repaired(folder).committed(0) == Committed{40, 120, 4});

  // what is in the datasets beyond a counter was never committed
  const auto path = finished_run(folder / "run.h5", o);
  change(path, [](hid_t file) {
    set_counter(file, "episode_1/commit", {39, 117, 4});
    set_counter(file, "commit", {79, 237, 8});
    h5::write_counter(h5::open_dataset(file, "status"), "\x09", true);
  });
  const Salvage salvage = salvaged(folder, path, o);
  CHECK_THAT(joined(salvage.lost), Contains("has status 9, 0 to 2 are known"));
  CHECK(repaired(folder).committed(1) == Committed{39, 117, 4});
  CHECK(repaired(folder).status() == RunStatus::running);
}

TEST_CASE("repair: a file cut at its end gives what is left, or a clear refusal") {
  const Folder folder;
  for (const bool closed : {true, false}) {
    const auto path = closed ? finished_run(folder / "run.h5") : unclosed_run(folder / "run.h5");
    const std::string whole = bytes_of(path);
    std::size_t saved = 0, partly = 0, refused = 0;
    for (std::size_t missing = 1; missing < whole.size(); missing += whole.size() / 30) {
      CAPTURE(closed, missing);
      write_bytes(path, whole.substr(0, whole.size() - missing));
      try {
        salvaged(folder, path);
        const auto n = repaired(folder).committed(0).intervals;
        REQUIRE(n > 0);
        saved += n == 40;
        partly += n < 40;
      } catch (const DataError& e) {
        CHECK_THAT(std::string(e.what()), Catch::StartsWith(path.string() + ": "));
        CHECK_FALSE(fs::exists(folder / "repaired.h5"));
        ++refused;
      }
      CHECK_FALSE(fs::exists(folder / "repaired.h5.padded"));
    }
    INFO(saved << " saved, " << partly << " partly, " << refused << " refused");
    CHECK(saved + partly >= 3);
    CHECK(refused >= 5);  // the objects stand at the beginning, and without them there is nothing
  }
}

TEST_CASE("repair: garbage in the tail, after the end and over it") {
  const Folder folder;
  const auto path = finished_run(folder / "run.h5");
  const std::string whole = bytes_of(path);
  write_bytes(path, whole + std::string(5000, '\xa5'));
  CHECK_THAT(joined(salvaged(folder, path).lost), Contains("5000 bytes follow its end"));
  CHECK(compare_runs(folder / "repaired.h5", folder / "whole.h5").empty());

  std::size_t saved = 0;
  for (const std::size_t length : {64, 600, 4000, 9000, 20'000}) {
    CAPTURE(length);
    std::string bytes = whole;
    for (std::size_t i = bytes.size() - length; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    write_bytes(path, bytes);
    fs::remove(folder / "repaired.h5");
    try {
      salvage_run(path, folder / "repaired.h5");
      CHECK(check_run(folder / "repaired.h5").problems.empty());
      ++saved;
    } catch (const DataError&) {
      CHECK_FALSE(fs::exists(folder / "repaired.h5"));
    }
  }
  CHECK(saved >= 2);
}

TEST_CASE("repair: rows that cannot be true end their episode") {
  const Folder folder;
  Salvage salvage = damaged(folder, [](hid_t file) {
    set_value(file, "episode_0/actions", 25, 1e300);
    set_value(file, "episode_0/terminations", 33, 77);
    set_value(file, "episode_0/train/loss", 100, kNan);
    set_value(file, "episode_0/infos/tokens", 30, 5);
  });
  CHECK(repaired(folder).committed(0) == Committed{25, 75, 3});
  CHECK_THAT(joined(salvage.lost), Contains("actions: row 25") && Contains("the episode is cut before it"));
  salvage = damaged(folder, [](hid_t file) { set_value(file, "episode_0/final/loss_test", 0, INFINITY); });
  CHECK(repaired(folder).committed(0).intervals == 40);
  CHECK(repaired(folder).status() == RunStatus::running);
  CHECK_THAT(joined(salvage.lost), Contains("final/loss_test: row 0: inf"));
  damaged(folder, [](hid_t file) { set_value(file, "episode_0/final/loss_test", 0, INFINITY); }, {.status = RunStatus::failed});
  CHECK(repaired(folder).status() == RunStatus::failed);
}

TEST_CASE("repair: objects that are gone") {
  const Folder folder;
  Salvage salvage = damaged(folder, [](hid_t f) { H5Ldelete(f, "episode_0/cost/flops", H5P_DEFAULT); });
  CHECK_FALSE(repaired(folder).has("cost/flops"));  // nobody can say any more what it was
  salvage = damaged(folder, [](hid_t f) { H5Ldelete(f, "episode_1/cost/flops", H5P_DEFAULT); }, {.episodes = 2});
  CHECK(repaired(folder).committed(0).intervals == 40);
  CHECK(repaired(folder).committed(1).intervals == 0);
  CHECK_THAT(joined(salvage.lost), Contains("episode_1/cost/flops: is missing") && Contains("episode_1 keeps 0 of 40"));
  salvage = damaged(folder, [](hid_t f) { H5Ldelete(f, "episode_1", H5P_DEFAULT); }, {.episodes = 3});
  CHECK(repaired(folder).committed(2).intervals == 40);
  CHECK(repaired(folder).committed(1).intervals == 0);
  CHECK(repaired(folder).episode(1).at("seed") == Attribute(std::uint64_t{7}));
  CHECK(repaired(folder).episode(1).at("id") == Attribute(std::int64_t{1}));
  salvage = damaged(folder, [](hid_t f) { H5Lcreate_external("/etc/other.h5", "/x", f, "episode_0/away", H5P_DEFAULT, H5P_DEFAULT); });
  CHECK_THAT(joined(salvage.lost), Contains("'away' leads elsewhere"));
  CHECK_FALSE(repaired(folder).has("away"));
}

TEST_CASE("repair: what cannot be saved is refused and leaves nothing") {
  const Folder folder;
  const auto path = finished_run(folder / "run.h5");
  const std::string whole = bytes_of(path);
  refuse(folder, folder / "absent.h5", "there is no such file");
  write_bytes(path, "text");
  refuse(folder, path, "is not an HDF5 file");
  write_bytes(path, whole.substr(0, 300));
  refuse(folder, path, "");
  { h5::create_file(path).close(); }
  refuse(folder, path, "not a run");
  const auto lost = [&](const std::function<void(hid_t)>& how, const std::string& why) {
    change(finished_run(path), how);
    refuse(folder, path, why);
  };
  lost([](hid_t f) { set_rows(f, "episode_0/actions", 0, 2); }, "nothing can be saved");
  lost([](hid_t f) { set_value(f, "episode_0/console/presets", 0, 5); }, "cannot be made whole");
  lost([](hid_t f) { H5Ldelete(f, "episode_0", H5P_DEFAULT); }, "has no episodes");
  lost([](hid_t f) { H5Lcreate_hard(f, "episode_0", f, "episode_0/again", H5P_DEFAULT, H5P_DEFAULT); }, "nested deeper");
  CHECK_THROWS_AS(salvage_run(finished_run(path), folder / "absent" / "repaired.h5"), RunError);
}

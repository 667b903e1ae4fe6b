// What `check` finds in a file, and what it must not find in one that is fine.
#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "run_fixture.h"
#include "store/check.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;

namespace {

std::string lines(const Checked& checked) {
  std::string out;
  for (const Problem& problem : checked.problems) {
    CHECK(problem.text.find('\n') == std::string::npos);
    out += problem.text + "\n";
  }
  return out;
}
std::string found(const Folder& folder, const std::function<void(hid_t)>& how, const RunOptions& options = {}) {
  const auto path = finished_run(folder / "run.h5", options);
  change(path, how);
  return lines(check_run(path));
}

}  // namespace

TEST_CASE("check: a run that is fine, in every state that a program leaves") {
  const Folder folder;
  const Checked complete = check_run(finished_run(folder / "run.h5"));
  CHECK(lines(complete).empty());
  CHECK(complete.closed);
  CHECK_THAT(complete.summary, Contains("complete, 1 episode, 40 intervals, 120 step rows, 4 events, ") && Contains("schema 1.1"));

  CHECK(lines(check_run(finished_run(folder / "run.h5", {.episodes = 3, .status = RunStatus::failed}))).empty());
  CHECK(lines(check_run(finished_run(folder / "run.h5", {.intervals = 0, .status = RunStatus::running}))).empty());
  CHECK(lines(check_run(finished_run(folder / "run.h5", {.intervals = 7, .status = RunStatus::failed}))).empty());

  const Checked killed = check_run(unclosed_run(folder / "run.h5", {.intervals = 11}));
  CHECK(lines(killed).empty());
  CHECK_FALSE(killed.closed);
  CHECK_THAT(killed.summary, Contains("running, 1 episode, 11 intervals, 33 step rows, 1 event,"));
}

TEST_CASE("check: a run while it is written is fine at every moment") {
  const Folder folder;
  const RunOptions o{.intervals = 30};
  const auto columns = run_columns(shape_of(o));
  RunWriter writer(folder / "run.h5", {}, std::vector<Attributes>(1), columns);
  for (int t = 0; t < 30; ++t) {
    append_interval(writer, columns, o, 0, t);
    if (t % 3 == 0) writer.commit(0);
    const Checked checked = check_run(folder / "run.h5");
    REQUIRE(lines(checked).empty());
    REQUIRE_FALSE(checked.closed);
  }
}

TEST_CASE("check: a run that another process writes is fine at every moment, whatever chunk it has just begun") {
  const Folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    finished_run(folder / "run.h5", {.intervals = 2500, .planned = 2500});
    ::_exit(0);
  }
  int status = -1, checks = 0;
  std::string said;
  while (::waitpid(child, &status, WNOHANG) == 0 && said.empty()) {
    if (!std::filesystem::exists(folder / "run.h5")) continue;
    said = lines(check_run(folder / "run.h5"));
    ++checks;
  }
  INFO(checks << " checks");
  CHECK(said.empty());
  if (!said.empty()) ::waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(checks >= 3);
  CHECK(check_run(folder / "run.h5").closed);
}

TEST_CASE("check: values that cannot be, by dataset and row") {
  const Folder folder;
  const auto value = [&](const std::string& path, std::uint64_t row, double x, std::size_t i = 0) {
    return found(folder, [&](hid_t file) { set_value(file, "episode_0/" + path, row, x, i); });
  };
  CHECK_THAT(value("actions", 5, 0.26), Contains("episode_0/actions: row 5: the sum is 1.01, 1 expected"));
  CHECK_THAT(value("actions", 5, -0.25), Contains("episode_0/actions: row 5: -0.25 among them, 0 or more expected"));
  CHECK(value("actions", 5, 0.25 + 5e-10).empty());
  CHECK_THAT(value("actions", 5, 0.25 + 2e-9), Contains("row 5: the sum is 1.000000002"));
  CHECK_THAT(value("actions", 39, kNan), Contains("episode_0/actions: row 39"));
  CHECK_THAT(value("console/weights_asked", 0, 1), Contains("console/weights_asked: row 0: the sum is 1.75"));
  CHECK_THAT(value("console/probability", 12, 0.5, 1), Contains("console/probability: row 12: the sum is 0.625"));
  CHECK_THAT(value("console/presets", 1, 0.5), Contains("console/presets: row 1: the sum is 1.25"));
  CHECK_THAT(value("observations", 40, kNan, 1), Contains("episode_0/observations: row 40: nan for loss is not finite"));
  CHECK_THAT(value("rewards", 3, kNan), Contains("episode_0/rewards: row 3: nan is not finite"));
  CHECK_THAT(value("train/loss", 100, INFINITY), Contains("episode_0/train/loss: row 100: inf is not finite"));
  CHECK_THAT(value("console/diag/width", 3, INFINITY), Contains("console/diag/width: row 3"));
  CHECK_THAT(value("final/loss_test", 0, kNan), Contains("final/loss_test: row 0"));
  CHECK_THAT(value("terminations", 7, 2), Contains("terminations: row 7: 2, 0 or 1 expected"));
  CHECK_THAT(value("terminations", 7, 1), Contains("terminations: row 8: a row after the end of the episode; 32 follow it"));
  CHECK_THAT(value("truncations", 39, 1), Contains("truncations: row 39: the episode is terminated and truncated at once"));
  CHECK_THAT(value("infos/tokens", 20, 18'500), Contains("infos/tokens: row 20: 18500 after 19000") && Contains("never falls"));
  CHECK_THAT(value("cost/flops", 20, 0), Contains("cost/flops: row 20: 0 after 6.66"));
  CHECK_THAT(value("cost/total_seconds", 20, 63.3), Contains("cost/total_seconds: row 20: 63.3 s, and the phases of cost/seconds add up to 63 s"));
  CHECK(value("cost/total_seconds", 20, 63.01).empty());
  // NaN where it means that nothing was measured
  for (const char* path : {"infos/loss_train", "console/value", "console/diag/width", "credit/influence", "reward/drop_se", "console/log_density"})
    CHECK(value(path, 9, kNan).empty());
  CHECK_THAT(value("console/probability", 9, kNan), Contains("console/probability: row 9: nan among them"));
  CHECK(found(folder, [](hid_t file) {
          for (const std::uint64_t preset : {0, 1}) set_value(file, "episode_0/console/probability", 9, kNan, preset);
        }).empty());
}

TEST_CASE("check: several wrong rows are one line, several wrong datasets are several") {
  const Folder folder;
  const std::string said = found(folder, [](hid_t file) {
    for (int row = 10; row < 15; ++row) set_value(file, "episode_0/actions", static_cast<std::uint64_t>(row), 0.5);
    set_value(file, "episode_0/rewards", 2, kNan);
  });
  CHECK_THAT(said, Contains("actions: row 10: the sum is 1.25, 1 expected (5 of 40 rows)\n") && Contains("rewards: row 2: nan"));
  CHECK(std::count(said.begin(), said.end(), '\n') == 2);
}

TEST_CASE("check: a run that failed may break off with anything, before that nothing") {
  const Folder folder;
  const RunOptions failed{.intervals = 8, .status = RunStatus::failed};
  const auto value = [&](const char* path, std::uint64_t row) {
    return found(folder, [&](hid_t file) { set_value(file, std::string("episode_0/") + path, row, kNan); }, failed);
  };
  CHECK(value("rewards", 7).empty());
  CHECK(value("train/loss", 20).empty());
  CHECK_FALSE(value("rewards", 6).empty());
  CHECK_FALSE(value("actions", 7).empty());
}

TEST_CASE("check: a complete run whose episode breaks off") {
  const Folder folder;
  const Checked cut = check_run(finished_run(folder / "run.h5", {.episodes = 2, .intervals = 12}));
  CHECK(lines(cut) == "episode_0 has 12 of 40 intervals and did not end, and the run says that it is complete\n"
                      "episode_1 has 12 of 40 intervals and did not end, and the run says that it is complete\n");
  CHECK_THAT(found(folder, [](hid_t file) { set_value(file, "episode_0/truncations", 11, 1); }, {.intervals = 12}), Catch::Equals(""));
  CHECK_THAT(lines(check_run(finished_run(folder / "run.h5", {.intervals = 41, .status = RunStatus::running}))), Contains("40 intervals were planned and 41 are there"));
}

TEST_CASE("check: counters and datasets that contradict each other, each named") {
  const Folder folder;
  const auto counted = [&](const char* path, std::vector<std::uint64_t> values) {
    return found(folder, [&](hid_t file) { set_counter(file, path, values); });
  };
  CHECK(counted("episode_0/commit", {1'000'000, 120, 4}) == "episode_0/commit counts 1000000 interval rows, and no dataset has more than 40\n"
                                                            "/commit counts 40 interval rows, the episodes together 1000000\n");
  CHECK_THAT(counted("commit", {39, 120, 4}), Contains("/commit counts 39 interval rows, the episodes together 40"));
  CHECK_THAT(counted("commit", {41, 120, 4}), Contains("/commit counts 41 interval rows, the episodes together 40"));
  CHECK_THAT(counted("episode_0/commit", {40, ~std::uint64_t{0}, 4}), Contains("counts 18446744073709551615 step rows"));
  const std::string shorter = found(folder, [](hid_t file) {
    set_rows(file, "episode_0/rewards", 30);
    set_rows(file, "episode_0/train/loss", 50);
    H5Ldelete(file, "episode_0/cost/flops", H5P_DEFAULT);
    set_value(file, "episode_0/infos/tokens", 20, 0);
  });
  CHECK_THAT(shorter, Contains("episode_0/rewards has 30 rows, and 40 were committed\n") && Contains("episode_0/train/loss has 50 rows, and 120 were committed\n"));
}

TEST_CASE("check: files that are foreign, newer, cut short or longer than they say") {
  const Folder folder;
  const auto path = finished_run(folder / "run.h5");
  const std::string whole = bytes_of(path);
  CHECK(lines(check_run(folder / "absent.h5")) == "there is no such file\n");
  CHECK(lines(check_run(folder.path())) == "is not a file\n");
  write_bytes(path, "a text");
  CHECK_THAT(lines(check_run(path)), Contains("is not an HDF5 file"));
  { h5::create_file(path).close(); }
  CHECK_THAT(lines(check_run(path)), Contains("is an HDF5 file, but not a run"));
  CHECK_THAT(found(folder, [](hid_t file) {
               H5Adelete(file, "schema_version");
               h5::write_attribute(file, "schema_version", std::string("2.0"));
             }), Contains("has schema version 2.0, and this program reads version 1 and older"));
  write_bytes(path, whole.substr(0, whole.size() - 100));
  CHECK(lines(check_run(path)) == fmt::format("is cut short: {} of {} bytes are there\n", whole.size() - 100, whole.size()));
  write_bytes(path, whole + std::string(333, 'x'));
  CHECK(lines(check_run(path)) == "333 bytes follow its end\n");
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    write_bytes(path, whole.substr(0, whole.size() * tenth / 10));
    CHECK_FALSE(check_run(path).problems.empty());
  }
}

TEST_CASE("check: rows that lie beyond the end of an unclosed file are not taken for zeros") {
  const Folder folder;
  const auto path = unclosed_run(folder / "run.h5", {.planned = 80});
  const std::string whole = bytes_of(path);
  write_bytes(folder / "whole.h5", whole);
  std::size_t named = 0;
  for (std::size_t missing = 500; missing < whole.size(); missing += 6000) {
    CAPTURE(missing);
    write_bytes(path, whole.substr(0, whole.size() - missing));
    const std::string said = lines(check_run(path));
    named += said.find(" cannot be read, and ") != std::string::npos;
    if (said.empty()) CHECK(compare_runs(path, folder / "whole.h5").empty());  // only room for later rows is gone
    else CHECK(missing > 1000);
  }
  CHECK(named >= 2);
}

TEST_CASE("a damaged file that was left open is refused within seconds, though the library would try again for ever") {
  const Folder folder;
  const auto path = unclosed_run(folder / "run.h5");
  std::string bytes = bytes_of(path);
  for (std::size_t at = 2000; at < bytes.size() / 2; at += 500) bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
  write_bytes(path, bytes);
  const auto before = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(RunReader(path), DataError);
  CHECK_FALSE(check_run(path).problems.empty());
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(20));
}

TEST_CASE("check: links out of the file, cycles and huge shapes are refused, not followed") {
  const Folder folder;
  CHECK_THAT(found(folder, [](hid_t f) { H5Lcreate_external("/etc/other.h5", "/x", f, "episode_0/away", H5P_DEFAULT, H5P_DEFAULT); }),
             Contains("episode_0: 'away' leads elsewhere"));
  CHECK_THAT(found(folder, [](hid_t f) { H5Lcreate_hard(f, "episode_0", f, "episode_0/again", H5P_DEFAULT, H5P_DEFAULT); }), Contains("nested deeper"));
  CHECK_THAT(found(folder, [](hid_t f) {
               set_rows(f, "episode_0/rewards", std::uint64_t{1} << 50);
               set_counter(f, "episode_0/commit", {std::uint64_t{1} << 47, 120, 4});
               set_counter(f, "commit", {std::uint64_t{1} << 47, 120, 4});
             }), Contains("and 140737488355328 were committed"));
}

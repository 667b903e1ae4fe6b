// The summary of a run of many episodes: what is written comes back, survives kills, is checked, repaired, compared and not exported.
#include <catch2/catch.hpp>

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sys/resource.h>

#include "core/files.h"
#include "run_fixture.h"
#include "store/check.h"
#include "store/minari.h"
#include "store/repair.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

const RunOptions kMany{.episodes = 2, .played = 9};

std::vector<Column> small_summary() {
  return {{.path = "episode", .rows = Rows::episode, .type = Type::i64, .axes = "episode"},
          {.path = "evaluation", .rows = Rows::episode, .type = Type::boolean, .axes = "episode"},
          {.path = "return", .rows = Rows::episode, .axes = "episode", .unit = "nat/token", .note = "a note"},
          {.path = "seconds", .rows = Rows::episode, .axes = "episode", .unit = "second", .is_volatile = true},
          {.path = "final/loss", .rows = Rows::episode, .axes = "episode"}};
}
std::vector<double> small_row(int n) { return {1.0 * n, n > 70 ? 1.0 : 0.0, 0.1 * n, 2.0 * n, n % 3 == 0 ? kNan : 1.0 / (n + 1)}; }
RunWriter small_writer(const fs::path& file) { return RunWriter(file, {}, std::vector<Attributes>(1), small_columns(), small_summary()); }
void play(RunWriter& writer, int from, int to) {
  for (int n = from; n < to; ++n) writer.summarise(small_row(n));
}
/// Every row is whole: as small_row makes it.
void require_rows(const fs::path& file, std::uint64_t rows) {
  const RunReader reader(file);
  REQUIRE(reader.summary_rows() == rows);
  const auto columns = small_summary();
  std::size_t wrong = 0;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto values = reader.summary(columns[c].path);
    REQUIRE(values.size() == rows);
    for (std::size_t n = 0; n < rows; ++n) wrong += bits({values[n]}) != bits({small_row(static_cast<int>(n))[c]});
  }
  REQUIRE(wrong == 0);
}

std::string lines(const Checked& checked) {
  std::string out;
  for (const Problem& problem : checked.problems) out += problem.text + "\n";
  return out;
}
/// What `check` says of a run with a summary, changed by `how`.
std::string found(const Folder& folder, const std::function<void(hid_t)>& how, const RunOptions& o = kMany) {
  const auto path = finished_run(folder / "run.h5", o);
  change(path, how);
  return lines(check_run(path));
}
std::string refusal(const fs::path& path) {
  try {
    const RunReader reader(path);
    for (const Column& c : reader.summary_columns()) reader.summary(c.path);
    return "";
  } catch (const DataError& e) {
    return e.what();
  }
}
std::string joined(const std::vector<std::string>& of) {
  std::string out;
  for (const auto& line : of) out += line + "\n";
  return out;
}

}  // namespace

TEST_CASE("summary: rows and columns come back as they were written, and a run without one has none") {
  const Folder folder;
  RunWriter writer = small_writer(folder / "run.h5");
  play(writer, 0, 5);
  CHECK(writer.summary_rows() == 0);
  CHECK(RunReader(folder / "run.h5").summary_rows() == 0);
  writer.commit_summary();
  CHECK(writer.summary_rows() == 5);
  require_rows(folder / "run.h5", 5);
  play(writer, 5, 7);
  writer.status(RunStatus::complete);  // what waits goes with it
  writer.close();
  require_rows(folder / "run.h5", 7);
  CHECK(RunReader(folder / "run.h5").summary_columns() == small_summary());
  CHECK_THROWS_WITH(RunReader(folder / "run.h5").summary("retur"), Contains("run.h5: there is no column 'retur' in its summary"));
  CHECK_FALSE(RunReader(folder / "run.h5").has("return"));

  RunWriter plain(folder / "plain.h5", {}, std::vector<Attributes>(1), small_columns());
  CHECK_THROWS_AS(plain.summarise(std::vector<double>{}), Defect);
  plain.commit_summary();
  plain.close();
  CHECK(RunReader(folder / "plain.h5").summary_columns().empty());
  CHECK(RunReader(folder / "plain.h5").summary_rows() == 0);
  const h5::Session session;
  CHECK(h5::members(h5::open_group(h5::open_to_read(folder / "plain.h5"), "/")) == std::vector<std::string>{"status", "commit", "episode_0"});
}

TEST_CASE("summary: rows are committed with an episode, and by themselves when many wait") {
  const Folder folder;
  RunWriter writer = small_writer(folder / "run.h5");
  play(writer, 0, 3);
  append_small(writer, 0, 0);
  writer.commit(0);
  require_rows(folder / "run.h5", 3);
  const int batch = static_cast<int>(RunWriter::kSummaryBatch);
  play(writer, 3, 3 + batch - 1);
  require_rows(folder / "run.h5", 3);
  play(writer, 3 + batch - 1, 3 + batch);
  require_rows(folder / "run.h5", 3 + RunWriter::kSummaryBatch);
  CHECK(RunReader(folder / "run.h5").committed(0) == Committed{1, 2, 0});
}

TEST_CASE("summary: columns and rows that cannot be are defects") {
  const Folder folder;
  const auto make = [&](std::vector<Column> columns, std::vector<Column> summary) {
    RunWriter(folder / "run.h5", {}, std::vector<Attributes>(1), columns, summary);
  };
  CHECK_THROWS_WITH(make({{.path = "a", .rows = Rows::episode}}, {}), Contains("'a' has a row an episode, and so belongs to the summary"));
  CHECK_THROWS_WITH(make({}, {{.path = "a"}}), Contains("'a' is not a number an episode"));
  CHECK_THROWS_WITH(make({}, {{.path = "a", .rows = Rows::episode, .size = 2, .scalar = false}}), Contains("not a number an episode"));
  CHECK_THROWS_WITH(make({}, {{.path = "a", .rows = Rows::episode, .type = Type::text}}), Contains("not a number an episode"));
  CHECK_THROWS_WITH(make({}, {{.path = "commit", .rows = Rows::episode}}), Contains("'commit' is there twice"));
  CHECK_FALSE(fs::exists(folder / "run.h5"));
  RunWriter writer = small_writer(folder / "run.h5");
  CHECK_THROWS_WITH(writer.summarise(std::vector{1.0}), Contains("the summary takes 5 numbers a row, not 1"));
  CHECK_THROWS_WITH(writer.append(0, "return", 1.0), Contains("no column 'return'"));
}

TEST_CASE("summary: going on with a run cuts it back and loses nothing before the cut") {
  const Folder folder;
  const auto file = folder / "run.h5", whole = folder / "whole.h5";
  const std::vector<Committed> cut(1);
  {
    RunWriter writer = small_writer(whole);
    play(writer, 0, 100);
    writer.status(RunStatus::complete);
  }
  {
    RunWriter writer = small_writer(file);
    play(writer, 0, 80);
    writer.commit_summary();
  }
  CHECK_THROWS_WITH(RunWriter(file, cut, 81), Contains("the summary holds 80 episodes, less than the 81 to go on from"));
  {
    RunWriter writer(file, cut, 77);
    CHECK(writer.summary_rows() == 77);
    require_rows(file, 77);
    CHECK_FALSE(compare_runs(file, whole).empty());
    play(writer, 77, 100);
    writer.status(RunStatus::complete);
  }
  require_rows(file, 100);
  CHECK(compare_runs(file, whole) == std::vector<std::string>{});
  RunWriter(file, cut).close();
  require_rows(file, 0);
}

TEST_CASE("summary: a killed writer leaves what was committed, whole, while a reader looks") {
  const Folder folder;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    RunWriter writer = small_writer(folder / "run.h5");
    for (int n = 0;; ++n) {
      writer.summarise(small_row(n));
      if (n % 7 == 6) writer.commit_summary();
      if (n % 7 == 6 && ::write(ends[1], "x", 1) != 1) ::_exit(1);
    }
  }
  char byte;
  for (int told = 1; told <= 60; ++told) {
    REQUIRE(::read(ends[0], &byte, 1) == 1);
    if (told % 10 != 0) continue;
    const auto rows = RunReader(folder / "run.h5").summary_rows();
    CHECK(rows >= 7 * static_cast<std::uint64_t>(told));
    CHECK(RunReader(folder / "run.h5").summary("return").size() >= rows);
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  for (const int end : ends) ::close(end);
  const auto rows = RunReader(folder / "run.h5").summary_rows();
  CHECK(rows >= 420);
  require_rows(folder / "run.h5", rows);
  RunWriter writer(folder / "run.h5", std::vector<Committed>(1), 400);
  play(writer, 400, 410);
  writer.commit_summary();
  require_rows(folder / "run.h5", 410);
}

TEST_CASE("summary: a full disk is an error that names file and dataset, and what was committed stays") {
  const Folder folder;
  const auto file = folder / "run.h5";
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    RunWriter writer = small_writer(file);
    const rlim_t size = fs::file_size(file) + 20'000;
    const rlimit limit{size, size};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int code = 1;
    try {
      play(writer, 0, 100'000);
    } catch (const RunError& e) {
      code = std::string(e.what()).find("run.h5: summary: cannot ") == std::string::npos ? 2 : 0;
    }
    try {
      writer.status(RunStatus::complete);
      code = 3;
    } catch (const RunError&) {
    }
    ::_exit(code);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  const RunReader reader(file);
  CHECK(reader.status() == RunStatus::running);
  CHECK(reader.summary_rows() >= 256);
  CHECK(reader.summary_rows() % RunWriter::kSummaryBatch == 0);
  require_rows(file, reader.summary_rows());
}

TEST_CASE("summary: equal runs are equal, and differences are shown with path and row") {
  const Folder folder;
  const auto differences = [&](std::vector<Column> columns, const std::function<void(std::vector<double>&)>& how, int rows = 6) {
    RunWriter a = small_writer(folder / "a.h5"), b(folder / "b.h5", {}, std::vector<Attributes>(1), small_columns(), columns);
    play(a, 0, 6);
    for (int n = 0; n < rows; ++n) {
      auto row = small_row(n);
      row.resize(columns.size());
      if (n == 2) how(row);
      b.summarise(row);
    }
    for (RunWriter* writer : {&a, &b}) writer->status(RunStatus::complete);
    a.close();
    b.close();
    return joined(compare_runs(folder / "a.h5", folder / "b.h5"));
  };
  auto columns = small_summary();
  CHECK(differences(columns, [](auto& row) { row[3] = 77; }).empty());  // volatile
  CHECK(differences(columns, [](auto& row) { row[2] += 1e-16; }) == "summary/return: row 2: 0.2 against 0.20000000000000012; 1 of 6 rows differ\n");
  CHECK_THAT(differences(columns, [](auto&) {}, 5), Contains("summary/episode: 6 rows against 5\n"));
  columns[2].unit = "";
  columns.pop_back();
  const std::string said = differences(columns, [](auto&) {});
  CHECK_THAT(said, Contains("summary/return: in 'nat/token' against ''\n") && Contains("summary/final/loss: only in the first\n"));
  CHECK_THAT(differences({}, [](auto&) {}, 0), Contains("summary/episode: only in the first\n"));
}

TEST_CASE("summary: counters, shapes and members that are none of ours are refused") {
  const Folder folder;
  const auto changed = [&](const std::function<void(hid_t)>& how) {
    const auto path = finished_run(folder / "run.h5", kMany);
    change(path, how);
    CHECK_FALSE(check_run(path).problems.empty());
    return refusal(path);
  };
  CHECK(refusal(finished_run(folder / "run.h5", kMany)).empty());
  CHECK_THAT(changed([](hid_t f) { set_counter(f, "summary/commit", {10}); }), Contains("is damaged: summary/episode has 9 rows, and 10 were committed"));
  CHECK_THAT(changed([](hid_t f) { set_counter(f, "summary/commit", {~std::uint64_t{0}}); }), Contains("more than any file holds"));
  CHECK_THAT(changed([](hid_t f) {
               set_rows(f, "summary/return", std::uint64_t{1} << 47);
               for (const Column& c : summary_columns(shape_of(kMany))) set_rows(f, ("summary/" + c.path).c_str(), std::uint64_t{1} << 47);
               set_counter(f, "summary/commit", {std::uint64_t{1} << 47});
             }), Contains("claims 140737488355328 rows, more than the file holds"));
  CHECK_THAT(changed([](hid_t f) { set_rows(f, "summary/final/loss_test", 8); }), Contains("summary/final/loss_test has 8 rows, and 9 were committed"));
  CHECK_THAT(changed([](hid_t f) { H5Ldelete(f, "summary/commit", H5P_DEFAULT); }), Contains("cannot open dataset commit"));
  CHECK_THAT(changed([](hid_t f) {
               H5Ldelete(f, "summary/commit", H5P_DEFAULT);
               h5::make_counter(h5::open_group(f, "summary"), "commit", false, 3);
             }), Contains("'commit' is not made of 1 whole numbers"));
  CHECK_THAT(changed([](hid_t f) { H5Lcreate_hard(f, "episode_0/rewards", f, "summary/again", H5P_DEFAULT, H5P_DEFAULT); }),
             Contains("'again' is another name of something else in the file"));
  CHECK_THAT(changed([](hid_t f) { H5Lcreate_soft("/status", f, "summary/away", H5P_DEFAULT, H5P_DEFAULT); }), Contains("'away' leads elsewhere"));
  CHECK_THAT(changed([](hid_t f) { h5::make_column(h5::open_group(f, "summary"), {.path = "x", .rows = Rows::once}); }),
             Contains("'x' is not a number an episode"));
  CHECK_THAT(changed([](hid_t f) { h5::make_column(h5::open_group(f, "episode_0"), {.path = "x", .rows = Rows::episode}); }),
             Contains("'x' has a row an episode"));
  CHECK_THAT(changed([](hid_t f) {
               H5Ldelete(f, "summary", H5P_DEFAULT);
               H5Lcreate_hard(f, "episode_1", f, "summary", H5P_DEFAULT, H5P_DEFAULT);
             }), Contains("'commit' is not made of 1 whole numbers"));
  CHECK_THAT(changed([](hid_t f) {
               H5Ldelete(f, "summary", H5P_DEFAULT);
               H5Lcreate_hard(f, "status", f, "summary", H5P_DEFAULT, H5P_DEFAULT);
             }), Contains("cannot open group summary"));
  CHECK_THAT(changed([](hid_t f) {
               H5Ldelete(f, "summary", H5P_DEFAULT);
               h5::make_counter(h5::make_group(f, "summary"), "commit", false, 1);
             }), Contains("its summary has no datasets"));
}

TEST_CASE("check: a summary that is fine, in every state that a program leaves") {
  const Folder folder;
  const Checked complete = check_run(finished_run(folder / "run.h5", kMany));
  CHECK(lines(complete).empty());
  CHECK_THAT(complete.summary, Contains("complete, 2 episodes in full of 9 played, 80 intervals,"));
  CHECK(lines(check_run(finished_run(folder / "run.h5", {.intervals = 7, .status = RunStatus::failed, .played = 3}))).empty());
  const Checked killed = check_run(unclosed_run(folder / "run.h5", {.intervals = 12, .played = 70}));
  CHECK(lines(killed).empty());
  CHECK_THAT(killed.summary, Contains("running, 1 episode in full of 70 played"));
  RunWriter writer = small_writer(folder / "run.h5");
  for (int n = 0; n < 150; ++n) {
    play(writer, n, n + 1);
    REQUIRE(lines(check_run(folder / "run.h5")).empty());
  }
}

TEST_CASE("check: rows of a summary that cannot be, by dataset and row") {
  const Folder folder;
  const auto value = [&](const std::string& path, std::uint64_t row, double x, const RunOptions& o = kMany) {
    return found(folder, [&](hid_t file) { set_value(file, "summary/" + path, row, x); }, o);
  };
  CHECK(value("evaluation", 3, 2) == "summary/evaluation: row 3: 2, 0 or 1 expected\nsummary/evaluation: row 4: a learning episode after an evaluation episode\n");
  CHECK(value("evaluation", 3, 1) == "summary/evaluation: row 4: a learning episode after an evaluation episode\n");
  CHECK(value("failed", 8, 5) == "summary/failed: row 8: 5, 0 or 1 expected\n");
  CHECK(value("episode", 5, 4) == "summary/episode: row 5: episode 4 is there twice\n");
  CHECK(value("episode", 5, -1) == "summary/episode: row 5: -1 is no number of an episode\n");
  CHECK(value("decisions", 5, -1) == "summary/decisions: row 5: -1, 0 or more expected\n");
  CHECK(value("flops", 5, INFINITY) == "summary/flops: row 5: inf is not finite\n");
  CHECK(value("return", 5, kNan) == "summary/return: row 5: nan is not finite\n");
  CHECK(value("final/loss_test", 5, INFINITY) == "summary/final/loss_test: row 5: inf is not finite\n");
  CHECK(value("final/loss_test", 5, kNan).empty());
  CHECK(value("slot", 5, 3).empty());
  // against the episodes that are kept in full
  CHECK(value("decisions", 1, 39) == "summary/decisions: row 1: 39 for episode 1, and episode_1 has 40\n");
  CHECK_THAT(value("return", 1, 5), Contains("summary/return: row 1: 5 for episode 1, and the rewards of episode_1 add up to 1606.6"));
  CHECK(value("return", 5, 5).empty());
  CHECK(value("episode", 1, 77) == "episode_1 is episode 1 of the run, which the summary does not have\n");
  CHECK(value("decisions", 1, 39, {.episodes = 2, .status = RunStatus::running, .played = 9}).empty());
  CHECK(found(folder, [](hid_t file) {
          set_value(file, "summary/failed", 5, 1);
          set_value(file, "summary/return", 5, kNan);
        }).empty());
}

TEST_CASE("repair: a summary is kept to its last whole row, and a complete run that lost rows is not complete any more") {
  const Folder folder;
  const auto salvaged = [&](const std::function<void(hid_t)>& how, RunOptions o = kMany) {
    const auto path = finished_run(folder / "run.h5", o);
    change(path, how);
    fs::remove(folder / "repaired.h5");
    Salvage out = salvage_run(path, folder / "repaired.h5");
    CHECK(lines(check_run(folder / "repaired.h5")).empty());
    finished_run(folder / "whole.h5", o);
    const RunReader kept(folder / "repaired.h5"), all(folder / "whole.h5");
    for (const Column& c : kept.summary_columns()) {
      auto values = all.summary(c.path);
      values.resize(kept.summary_rows());
      CHECK(bits(kept.summary(c.path)) == bits(values));
    }
    return out;
  };
  const auto repaired = [&] { return RunReader(folder / "repaired.h5"); };

  Salvage salvage = salvaged([](hid_t) {});
  CHECK_THAT(salvage.kept, Contains("complete, 2 episodes, 80 of 80 intervals") && Contains("9 of 9 rows of the summary"));
  CHECK(salvage.lost.empty());
  CHECK(compare_runs(folder / "run.h5", folder / "repaired.h5").empty());

  salvage = salvaged([](hid_t f) { set_rows(f, "summary/tokens", 6); });
  CHECK_THAT(salvage.kept, Contains("running,") && Contains("6 of 9 rows of the summary"));
  CHECK_THAT(joined(salvage.lost), Contains("summary/tokens has 6 rows, and 9 were committed") && Contains("was complete and is not any more"));
  CHECK(repaired().committed(1).intervals == 40);
  CHECK(repaired().read(1, "final/loss_test")[0] == 4.5);

  salvage = salvaged([](hid_t f) { set_value(f, "summary/flops", 4, INFINITY); });
  CHECK_THAT(joined(salvage.lost), Contains("summary/flops: row 4: inf is not finite; the summary is cut before it"));
  CHECK(repaired().summary_rows() == 4);
  CHECK(repaired().status() == RunStatus::running);

  salvaged([](hid_t f) { set_counter(f, "summary/commit", {1'000'000}); });  // the datasets tell
  CHECK(repaired().summary_rows() == 9);
  CHECK(repaired().status() == RunStatus::complete);
  salvaged([](hid_t f) { H5Ldelete(f, "summary/commit", H5P_DEFAULT); });
  CHECK(repaired().summary_rows() == 9);
  salvaged([](hid_t f) { set_counter(f, "summary/commit", {7}); }, {.status = RunStatus::failed, .played = 9});  // the others were never committed
  CHECK(repaired().summary_rows() == 7);
  salvaged([](hid_t f) { H5Ldelete(f, "summary/flops", H5P_DEFAULT); });
  CHECK(repaired().summary_columns().size() == 8);
  salvage = salvaged([](hid_t f) {
    H5Ldelete(f, "summary", H5P_DEFAULT);
    H5Lcreate_soft("/episode_0", f, "summary", H5P_DEFAULT, H5P_DEFAULT);
  });
  CHECK(repaired().summary_columns().empty());
  CHECK_THAT(joined(salvage.lost), Contains("'summary' leads elsewhere"));

  const auto path = unclosed_run(folder / "run.h5", {.intervals = 12, .played = 70});
  salvage = salvage_run(path, folder / "unclosed.h5");
  CHECK(salvage.lost.empty());
  CHECK(RunReader(folder / "unclosed.h5").summary_rows() == 70);
  RunWriter(folder / "unclosed.h5", std::vector<Committed>{{12, 36, 1}}, 70).close();
  CHECK(compare_runs(folder / "unclosed.h5", path).empty());
}

TEST_CASE("minari: episodes that are kept in full are exported, and the description says that there were others") {
  const Folder folder;
  const std::vector<fs::path> runs = {finished_run(folder / "a.h5", kMany), finished_run(folder / "b.h5")};
  const MinariDataset dataset = export_minari(runs, folder / "sets", "");
  CHECK(dataset.episodes == 3);
  CHECK(dataset.steps == 120);
  const auto metadata = nlohmann::json::parse(read_file(dataset.folder / "data" / "metadata.json"));
  CHECK_THAT(metadata["description"].get<std::string>(), Catch::EndsWith(" 3 of 10 episodes, those that were kept in full."));
  const h5::Session session;
  const h5::Handle file = h5::open_to_read(dataset.folder / "data" / "main_data.hdf5");
  CHECK(h5::members(h5::open_group(file, "/")) == std::vector<std::string>{"episode_0", "episode_1", "episode_2"});
}

TEST_CASE("summary: sixty-four episodes in full and thousands in rows cost little") {
  const Folder folder;
  RunOptions o{.episodes = 64};
  const auto columns = run_columns(shape_of(o));
  auto since = [start = std::chrono::steady_clock::now()]() mutable {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start, now)).count();
  };
  RunWriter writer(folder / "run.h5", {}, std::vector<Attributes>(64), columns, summary_columns(shape_of(o)));
  const double made = since();
  for (std::size_t e = 0; e < 64; ++e)
    for (int t = 0; t < 40; ++t) {
      append_interval(writer, columns, o, e, t);
      writer.commit(e);
    }
  const double filled = since();
  o.played = 3000;
  for (std::size_t n = 0; n < 3000; ++n) writer.summarise(summary_row(o, n));
  writer.commit_summary();
  const double summarised = since();
  writer.close();
  const RunReader reader(folder / "run.h5");
  const double opened = since();
  CHECK(reader.summary_rows() == 3000);
  INFO(fmt::format("{} columns, 64 episodes: made in {:.3f} s, a commit {:.3f} ms, an episode in the summary {:.4f} ms, closed and opened in {:.3f} s, {:.1f} MB",
                   columns.size(), made, filled / 64 / 40 * 1e3, summarised / 3, opened, static_cast<double>(fs::file_size(folder / "run.h5")) / 1e6));
  CHECK(summarised / 3000 < 1e-3);
}

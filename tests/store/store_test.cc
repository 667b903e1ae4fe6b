// RunWriter and RunReader: what is written comes back, in one process.
#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include "core/error.h"
#include "store/hdf5.h"
#include "store_fixture.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;

TEST_CASE("every type of column comes back as it was written") {
  const Folder folder;
  const auto file = folder / "run.h5";
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<Column> columns = {
      {.path = "observations", .rows = Rows::interval_plus, .size = 2, .scalar = false, .axes = "interval field", .labels = {"a", "b"}},
      {.path = "rewards", .axes = "interval", .unit = "nat/token"},
      {.path = "deep/er/still", .type = Type::i64, .axes = "interval", .note = "a note"},
      {.path = "support", .type = Type::u8},
      {.path = "terminations", .type = Type::boolean},
      {.path = "empty", .size = 0, .scalar = false},
      {.path = "train/loss", .rows = Rows::step},
      {.path = "events/interval", .rows = Rows::event, .type = Type::i64, .is_volatile = true},
      {.path = "events/kind", .rows = Rows::event, .type = Type::text, .size = 8},
      {.path = "events/text", .rows = Rows::event, .type = Type::text, .size = 12},
      {.path = "final/loss", .rows = Rows::once},
      {.path = "final/by_domain", .rows = Rows::once, .size = 3, .scalar = false},
      {.path = "presets", .rows = Rows::constant, .size = 2, .scalar = false, .value = {1, 0, 0, 1, 0.5, 0.5}},
      {.path = "names", .rows = Rows::constant, .type = Type::text, .size = 9, .text = {"quality", "Zürich"}}};
  RunWriter writer(file, {}, std::vector<Attributes>(2), columns);
  for (int t = 0; t < 3; ++t) {
    if (t == 0) writer.append(1, "observations", std::vector{-1.0, -0.0});
    writer.append(1, "observations", std::vector{t + 0.1, t == 1 ? kNan : t / 3.0});
    writer.append(1, "rewards", t == 2 ? -inf : 0.1 * t);
    writer.append(1, "deep/er/still", t == 1 ? kNan : std::pow(2.0, 53) - t);
    writer.append(1, "support", 255 - t);
    writer.append(1, "terminations", t == 2);
    writer.append(1, "empty", std::span<const double>());
    for (int s = 0; s <= t; ++s) writer.append(1, "train/loss", 10 * t + s);
    if (t != 1) writer.event(1, t, "checkpoint", t == 0 ? "plain" : "né, mais coupé");
    writer.commit(1);
  }
  writer.set(1, "final/by_domain", std::vector{1.0, kNan, 3.0});
  writer.status(RunStatus::complete);
  writer.close();

  const RunReader reader(file);
  CHECK(reader.status() == RunStatus::complete);
  REQUIRE(reader.episodes() == 2);
  CHECK(reader.committed(0) == Committed{});
  CHECK(reader.committed(1) == Committed{3, 6, 2});
  CHECK(bits(reader.read(1, "observations")) == bits({-1.0, -0.0, 0.1, 0.0, 1.1, kNan, 2.1, 2 / 3.0}));
  CHECK(reader.read(1, "rewards") == std::vector{0.0, 0.1, -inf});
  CHECK(reader.read(1, "deep/er/still") == std::vector{std::pow(2.0, 53), -1.0, std::pow(2.0, 53) - 2});
  CHECK(reader.read(1, "support") == std::vector{255.0, 254.0, 253.0});
  CHECK(reader.read(1, "terminations") == std::vector{0.0, 0.0, 1.0});
  CHECK(reader.read(1, "empty").empty());
  CHECK(reader.rows(1, "empty") == 3);
  CHECK(reader.read(1, "train/loss") == std::vector{0.0, 10.0, 11.0, 20.0, 21.0, 22.0});
  CHECK(reader.read(1, "events/interval") == std::vector{0.0, 2.0});
  CHECK(reader.read_text(1, "events/kind") == std::vector<std::string>{"checkpoi", "checkpoi"});
  CHECK(reader.read_text(1, "events/text") == std::vector<std::string>{"plain", "né, mais co"});  // no half character
  CHECK(std::isnan(reader.read(1, "final/loss").at(0)));
  CHECK(bits(reader.read(1, "final/by_domain")) == bits({1.0, kNan, 3.0}));
  CHECK(reader.read(1, "presets") == columns[12].value);
  CHECK(reader.read_text(0, "names") == columns[13].text);
  CHECK(reader.read(0, "observations").empty());
  CHECK(reader.labels("observations") == columns[0].labels);
  CHECK(reader.columns().size() == columns.size());
  for (const Column& c : columns) {
    CAPTURE(c.path);
    REQUIRE(reader.has(c.path));
    CHECK(*std::find_if(reader.columns().begin(), reader.columns().end(), [&](auto& x) { return x.path == c.path; }) == c);
  }
}

TEST_CASE("every type of attribute comes back, and the schema is added") {
  const Folder folder;
  const Attributes root = {{"i", std::int64_t{-5}}, {"u", ~std::uint64_t{0}}, {"d", 0.1}, {"yes", true}, {"no", false},
                           {"text", std::string("zwei\nZeilen, größer")}, {"nothing", std::string()},
                           {"names", std::vector<std::string>{"a", "", "ccc"}}, {"numbers", std::vector{1.5, -2.0}},
                           {"none", std::vector<double>()}, {"config_toml", std::string(300'000, 'x')}};
  RunWriter(folder / "run.h5", root, std::vector<Attributes>{{{"seed", std::uint64_t{7}}}, {}}, small_columns()).close();
  const RunReader reader(folder / "run.h5");
  Attributes expected = root;
  expected["schema"] = std::string("fader-run");
  expected["schema_version"] = std::string("1.1");
  CHECK(reader.root() == expected);
  CHECK(reader.episode(0) == Attributes{{"id", std::int64_t{0}}, {"seed", std::uint64_t{7}}});
  CHECK(reader.episode(1) == Attributes{{"id", std::int64_t{1}}});
}

TEST_CASE("text that is not UTF-8 is made so") {
  CHECK(h5::clean_text(std::string("a\0b", 3)) == "a?b");
  CHECK(h5::clean_text("\xff\xc3\xa9\xc3") == "?\xc3\xa9?");
  CHECK(h5::clean_text("\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xe0\x80\x80") == "?? ??? ???? ???");
  CHECK(h5::clean_text("\xf0\x9f\x98\x80!", 4) == "\xf0\x9f\x98\x80");
  CHECK(h5::clean_text("\xf0\x9f\x98\x80!", 3).empty());
}

TEST_CASE("rows that were not committed are not there") {
  const Folder folder;
  {
    RunWriter writer(folder / "run.h5", {}, std::vector<Attributes>(1), small_columns());
    for (int t = 0; t < 2; ++t) append_small(writer, 0, t);
    writer.commit(0);
    append_small(writer, 0, 2);
  }
  const RunReader reader(folder / "run.h5");
  CHECK(reader.committed(0).intervals == 2);
  CHECK(reader.read(0, "observations").size() == 3 * 2);
  CHECK(reader.read(0, "rewards").size() == 2);
  CHECK(reader.status() == RunStatus::running);
}

TEST_CASE("many episodes in turn and out of turn") {
  const Folder folder;
  const std::size_t episodes = 21;  // more than the writer keeps open
  RunWriter writer(folder / "run.h5", {}, std::vector<Attributes>(episodes), small_columns());
  for (int t = 0; t < 3; ++t)
    for (std::size_t i = 0; i < episodes; ++i) {
      const std::size_t e = (i * 8) % episodes;
      append_small(writer, e, t, 100.0 * static_cast<double>(e));
      writer.commit(e);
    }
  writer.close();
  const RunReader reader(folder / "run.h5");
  for (std::size_t e = 0; e < episodes; ++e) {
    CAPTURE(e);
    const double base = 100.0 * static_cast<double>(e);
    CHECK(reader.read(e, "rewards") == std::vector{base, base + 1, base + 2});
  }
}

TEST_CASE("a broken promise is a defect that names the column") {
  const Folder folder;
  RunWriter writer(folder / "run.h5", {}, std::vector<Attributes>(1), small_columns());
  CHECK_THROWS_WITH(writer.append(0, "reward", 1.0), Contains("no column 'reward'") && Contains("did you mean 'rewards'"));
  CHECK_THROWS_WITH(writer.append(0, "observations", 1.0), Contains("observations takes 2 numbers a row, not 1"));
  CHECK_THROWS_WITH(writer.append(1, "rewards", 1.0), Contains("episode 1 of 1"));
  CHECK_THROWS_WITH(writer.append(0, "final/loss", 1.0), Contains("final/loss does not grow"));
  CHECK_THROWS_WITH(writer.set(0, "rewards", 1.0), Contains("rewards is not a column of one row"));
  CHECK_THROWS_WITH(writer.append(0, "tokens", 0.5), Contains("tokens: 0.5 is not a whole number"));
  CHECK_THROWS_WITH(writer.append(0, "ended", 2.0), Contains("ended: 2 is not a whole number from 0 to 1"));
  CHECK_THROWS_WITH(writer.append(0, "ended", kNan), Contains("ended"));
  CHECK_THROWS_AS(writer.append(0, "ended", -1.0), Defect);
  CHECK_THROWS_WITH(writer.append(0, "events/text", 1.0), Contains("column of texts"));
}

TEST_CASE("a row that is not whole is not committed, and the culprit is named") {
  const Folder folder;
  RunWriter writer(folder / "run.h5", {}, std::vector<Attributes>(2), small_columns());
  append_small(writer, 1, 0);
  writer.commit(1);
  SECTION("an interval column too long") {
    append_small(writer, 1, 1);
    writer.append(1, "ended", 0.0);
    CHECK_THROWS_WITH(writer.commit(1), Contains("episode_1/ended has 3 rows, the other interval columns have 2"));
  }
  SECTION("the observation after the decision is missing") {
    for (const char* path : {"rewards", "tokens", "ended", "cost/seconds"}) writer.append(1, path, 1.0);
    CHECK_THROWS_WITH(writer.commit(1), Contains("(observations, infos) have 2 rows, the interval columns 2"));
  }
  SECTION("half a step") {
    writer.append(1, "train/loss", 1.0);
    CHECK_THROWS_WITH(writer.commit(1), Contains("train/") && Contains("step columns have"));
  }
  CHECK(RunReader(folder / "run.h5").committed(1).intervals == 1);
}

TEST_CASE("columns that cannot be are refused") {
  const Folder folder;
  const auto make = [&](std::vector<Column> columns) { RunWriter(folder / "run.h5", {}, std::vector<Attributes>(1), columns); };
  CHECK_THROWS_WITH(make({{.path = "a"}, {.path = "a"}}), Contains("'a' is there twice"));
  CHECK_THROWS_WITH(make({{.path = "a"}, {.path = "a-b"}, {.path = "a/b"}}), Contains("'a' is a column and a group"));
  CHECK_THROWS_WITH(make({{.path = "commit"}}), Contains("'commit' is there twice"));
  CHECK_THROWS_WITH(make({{.path = "a//b"}}), Contains("'a//b' is no path"));
  CHECK_THROWS_WITH(make({{.path = "a", .size = 2, .scalar = false, .labels = {"x"}}}), Contains("1 labels for 2 numbers"));
  CHECK_FALSE(std::filesystem::exists(folder / "run.h5"));
}

TEST_CASE("nothing can be made once the file grows") {
  const Folder folder;
  RunWriter(folder / "run.h5", {}, std::vector<Attributes>(1), small_columns()).close();
  const h5::Session session;
  const h5::Handle file = h5::open_to_append(folder / "run.h5");
  CHECK_THROWS_WITH(h5::make_group(file, "late"), Contains("'late' is made after the file began to grow"));
  CHECK_THROWS_AS(h5::make_column(file, {.path = "late"}), Defect);
  CHECK_THROWS_AS(h5::make_counter(file, "late", false, 1), Defect);
  CHECK_THROWS_AS(h5::write_attribute(file, "late", true), Defect);
}

TEST_CASE("going on with a run cuts it back and loses nothing before the cut") {
  const Folder folder;
  const auto file = folder / "run.h5", whole = folder / "whole.h5";
  const Attributes root = {{"root_seed", std::uint64_t{3}}};
  const auto play = [](RunWriter& writer, int from, int to) {
    for (int t = from; t < to; ++t) {
      append_small(writer, 0, t);
      if (t % 2 == 0) writer.event(0, t, "tick", "tock");
      writer.commit(0);
    }
  };
  {
    RunWriter writer(whole, root, std::vector<Attributes>(2), small_columns());
    play(writer, 0, 9);
    writer.set(0, "final/loss", 4.0);
    writer.status(RunStatus::complete);
  }
  {
    RunWriter writer(file, root, std::vector<Attributes>(2), small_columns());
    play(writer, 0, 7);
    writer.set(0, "final/loss", 99.0);
    writer.status(RunStatus::failed);
  }
  const std::vector<Committed> beyond = {{8, 16, 4}, {}}, cut = {{5, 10, 3}, {}};
  CHECK_THROWS_WITH(RunWriter(file, beyond), Contains("episode_0 holds 7 intervals"));
  {
    RunWriter writer(file, cut);
    const RunReader reader(file);
    CHECK(reader.committed(0) == cut[0]);
    CHECK(reader.status() == RunStatus::running);
    CHECK(std::isnan(reader.read(0, "final/loss").at(0)));
    CHECK_FALSE(compare_runs(file, whole).empty());
    play(writer, 5, 9);
    writer.set(0, "final/loss", 4.0);
    writer.commit(0);
    writer.event(0, 9, "resume", "told of an episode that had ended");
    writer.status(RunStatus::complete);
  }
  {
    RunWriter writer(file, std::vector<Committed>{{9, 18, 5}, {}});  // before the last event, after the last interval
    CHECK(RunReader(file).read(0, "final/loss").at(0) == 4.0);
    writer.status(RunStatus::complete);
  }
  CHECK(compare_runs(file, whole) == std::vector<std::string>{});
}

// compare_runs finds each kind of difference and is blind to what may differ.
#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>

#include "store_fixture.h"

using namespace fader;
using namespace fader::test;
using Lines = std::vector<std::string>;

namespace {

/// A run of five intervals with something changed in it.
struct Variant {
  Attributes root{{"root_seed", std::int64_t{1}}, {"created", std::string("today")}};
  std::vector<Attributes> episodes{{{"policy", std::string("ucb")}}};
  std::vector<Column> columns = small_columns();
  std::function<void(RunWriter&)> play = [](RunWriter& w) { five(w); };
  RunStatus status = RunStatus::complete;

  static void five(RunWriter& w, int intervals = 5, double seconds = 1, double reward_at_2 = 2) {
    for (int t = 0; t < intervals; ++t) {
      if (t == 0) w.append(0, "observations", std::vector{-1.0, kNan});
      w.append(0, "observations", std::vector{1.0 * t, t + 0.5});
      w.append(0, "rewards", t == 2 ? reward_at_2 : t == 3 ? kNan : t);
      w.append(0, "tokens", t);
      w.append(0, "ended", t == 4);
      w.append(0, "cost/seconds", seconds);
    }
    w.commit(0);
  }
};

Column& column(Variant& v, const std::string& path) {
  return *std::find_if(v.columns.begin(), v.columns.end(), [&](const Column& c) { return c.path == path; });
}

Lines differences(const Variant& a, const Variant& b) {
  const Folder folder;
  for (const auto& [variant, name] : {std::pair{&a, "a.h5"}, std::pair{&b, "b.h5"}}) {
    RunWriter writer(folder / name, variant->root, variant->episodes, variant->columns);
    variant->play(writer);
    writer.status(variant->status);
    writer.close();
  }
  const Lines there = compare_runs(folder / "a.h5", folder / "b.h5"), back = compare_runs(folder / "b.h5", folder / "a.h5");
  CHECK(there.size() == back.size());
  return there;
}

}  // namespace

TEST_CASE("equal runs are equal, whatever their provenance and what is volatile") {
  Variant a, b;
  CHECK(differences(a, b) == Lines{});
  b.root["created"] = std::string("tomorrow");
  b.root["host"] = std::string("elsewhere");
  b.root["command_line"] = std::string("other");
  b.root["git_commit"] = std::string("abc");
  b.play = [](RunWriter& w) {
    w.event(0, 0, "resume", "only here");
    Variant::five(w, 5, 2.5);
  };
  CHECK(differences(a, b) == Lines{});
}

TEST_CASE("values that differ are shown with path, row and count") {
  Variant a, b;
  b.play = [](RunWriter& w) { Variant::five(w, 5, 1, 2.5); };
  CHECK(differences(a, b) == Lines{"episode_0/rewards: row 2: 2 against 2.5; 1 of 5 rows differ"});
  b.play = [](RunWriter& w) { Variant::five(w, 5, 1, kNan); };
  CHECK(differences(a, b) == Lines{"episode_0/rewards: row 2: 2 against nan; 1 of 5 rows differ"});
  a.play = [](RunWriter& w) { Variant::five(w, 5, 1, -kNan); };
  CHECK(differences(a, b) == Lines{});  // NaN is NaN, whatever its bits
  a.play = [](RunWriter& w) { Variant::five(w, 5, 1, 0.0); };
  b.play = [](RunWriter& w) { Variant::five(w, 5, 1, -0.0); };
  CHECK(differences(a, b) == Lines{"episode_0/rewards: row 2: 0 against -0; 1 of 5 rows differ"});
  b.play = [](RunWriter& w) {
    w.append(0, "observations", std::vector{-1.0, kNan});
    for (int t = 0; t < 2; ++t) {
      w.append(0, "observations", std::vector{1.0 * t, 0.25});
      for (const char* path : {"rewards", "tokens", "ended", "cost/seconds"}) w.append(0, path, t);
    }
    w.commit(0);
  };
  a.play = [](RunWriter& w) { Variant::five(w, 2); };
  CHECK(differences(a, b) == Lines{"episode_0/observations: row 1, y: 0.5 against 0.25; 2 of 3 rows differ",
                                   "episode_0/ended: row 1: 0 against 1; 1 of 2 rows differ"});
}

TEST_CASE("lengths, status and attributes that differ") {
  Variant a, b;
  b.play = [](RunWriter& w) { Variant::five(w, 4); };
  b.status = RunStatus::failed;
  b.root["root_seed"] = std::int64_t{2};
  b.root["extra"] = true;
  b.episodes[0]["policy"] = std::string("uniform");
  CHECK(differences(a, b) == Lines{"status: complete against failed", "@extra: absent against true", "@root_seed: 1 against 2",
                                   "episode_0@policy: 'ucb' against 'uniform'", "episode_0/observations: 6 rows against 5",
                                   "episode_0/rewards: 5 rows against 4", "episode_0/tokens: 5 rows against 4",
                                   "episode_0/ended: 5 rows against 4"});
}

TEST_CASE("datasets that only one run has, or that are something else") {
  Variant a, b;
  column(b, "final/loss").path = "final/loss_test";
  column(b, "rewards").unit = "bit/byte";
  column(b, "names").text = {"a", "cc"};
  column(b, "train/loss").is_volatile = true;
  column(b, "observations").labels = {"x", "z"};
  column(b, "tokens").type = Type::f64;
  column(b, "events/kind").size = 8;
  b.episodes.emplace_back();
  const Lines lines = differences(a, b);
  for (const char* line : {"episodes: 1 against 2", "final/loss: only in the first", "final/loss_test: only in the second",
                           "rewards: in 'nat/token' against 'bit/byte'", "train/loss: volatile in one, not in the other",
                           "observations: labelled x, y against x, z", "tokens: of different types",
                           "events/kind: 16 numbers a row against 8", "episode_0/names: row 1: 'bb' against 'cc'; 1 of 2 rows differ"}) {
    CAPTURE(line, lines);
    CHECK(std::count(lines.begin(), lines.end(), line) == 1);
  }
  CHECK(lines.size() == 9);
}

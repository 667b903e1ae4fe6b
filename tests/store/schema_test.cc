// The columns of a run: the fixed ones of the schema and those that a shape adds, in the file as described.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "store_fixture.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;

namespace {

RunShape full_shape() {
  return {.agents = {"quality", "random"},
          .rewards = {"reference_loss_drop", "forecast"},
          .credits = {"influence"},
          .diagnostics = {"width"},
          .phases = {"train", "evaluate", "console"},
          .observation_labels = {"progress", "weights[quality]", "weights[random]"},
          .presets = {{1, 0}, {0, 1}, {0.5, 0.5}},
          .infos = {{.path = "infos/tokens", .unit = "token", .whole = true}, {.path = "infos/loss_reference", .unit = "nat/token"}},
          .series = {{.path = "corpus/domain_tokens", .size = 2, .axis = "domain", .unit = "token", .labels = {"books", "web"},
                      .whole = true},
                     {.path = "env/seconds", .is_volatile = true}},
          .finals = {{.path = "final/loss_test", .unit = "nat/token"},
                     {.path = "final/loss_test_domain", .size = 2, .axis = "domain", .labels = {"books", "web"}}}};
}

/// "path rows type size scalar|vector [volatile]"
std::string line(const Column& c) {
  static const char* rows[] = {"interval", "interval_plus", "step", "event", "once", "constant"};
  static const char* types[] = {"f64", "i64", "u8", "boolean", "text"};
  return fmt::format("{} {} {} {} {}{}", c.path, rows[static_cast<int>(c.rows)], types[static_cast<int>(c.type)], c.size,
                     c.scalar ? "scalar" : "vector", c.is_volatile ? " volatile" : "");
}

}  // namespace

TEST_CASE("the columns of a run are exactly those of the schema") {
  const std::vector<std::string> expected = {
      "observations interval_plus f64 3 vector", "actions interval f64 2 vector", "rewards interval f64 1 scalar",
      "terminations interval boolean 1 scalar", "truncations interval boolean 1 scalar", "infos/tokens interval_plus i64 1 scalar",
      "infos/loss_reference interval_plus f64 1 scalar", "console/arm interval i64 1 scalar", "console/weights_asked interval f64 2 vector",
      "console/reward_fed interval f64 1 scalar", "console/log_density interval f64 1 scalar", "console/value interval f64 1 scalar",
      "console/support interval u8 1 scalar", "console/probability interval f64 3 vector", "console/presets constant f64 2 vector",
      "console/diag/width interval f64 1 scalar", "reward/reference_loss_drop interval f64 1 scalar",
      "reward/reference_loss_drop_se interval f64 1 scalar", "reward/forecast interval f64 1 scalar", "reward/forecast_se interval f64 1 scalar",
      "credit/influence interval f64 2 vector", "credit/influence_se interval f64 2 vector", "agents/names constant text 7 scalar",
      "cost/seconds interval f64 3 vector volatile", "cost/flops interval f64 3 vector", "cost/tokens interval i64 3 vector",
      "cost/total_seconds interval f64 1 scalar volatile", "train/step step i64 1 scalar", "train/loss step f64 1 scalar",
      "train/learning_rate step f64 1 scalar", "train/gradient_norm step f64 1 scalar", "events/interval event i64 1 scalar volatile",
      "events/kind event text 32 scalar volatile", "events/text event text 512 scalar volatile", "final/loss_test once f64 1 scalar",
      "final/loss_test_domain once f64 2 vector", "corpus/domain_tokens interval i64 2 vector", "env/seconds interval f64 1 scalar volatile"};
  std::vector<std::string> found;
  for (const Column& c : run_columns(full_shape())) found.push_back(line(c));
  CHECK(found == expected);

  RunShape fixed = full_shape();
  fixed.presets.clear();
  for (const Column& c : run_columns(fixed)) CHECK((c.path != "console/presets" && c.path != "console/probability"));
}

TEST_CASE("the columns of a summary are numbers, a row an episode") {
  const std::vector<std::string> expected = {"episode i64 1", "slot i64 1", "evaluation boolean 1", "decisions i64 1", "failed boolean 1",
                                             "return f64 1", "flops f64 1", "tokens i64 1", "final/loss_test f64 1"};
  static const char* types[] = {"f64", "i64", "u8", "boolean", "text"};
  std::vector<std::string> found;
  for (const Column& c : summary_columns(full_shape())) {
    CHECK(c.rows == Rows::episode);
    CHECK(c.scalar);
    CHECK(c.axes == "episode");
    found.push_back(fmt::format("{} {} {}", c.path, types[static_cast<int>(c.type)], c.size));
  }
  CHECK(found == expected);
  CHECK(summary_columns(full_shape()).back().unit == "nat/token");
}

TEST_CASE("the columns survive the way through a file, with labels, units and constants") {
  const Folder folder;
  const auto columns = run_columns(full_shape());
  RunWriter(folder / "run.h5", {}, std::vector<Attributes>(1), columns).close();
  const RunReader reader(folder / "run.h5");
  CHECK(reader.columns().size() == columns.size());
  for (const Column& c : columns) {
    CAPTURE(c.path);
    const auto& found = reader.columns();
    const auto it = std::find_if(found.begin(), found.end(), [&](const Column& x) { return x.path == c.path; });
    REQUIRE(it != found.end());
    CHECK(*it == c);
  }
  CHECK(reader.labels("actions") == std::vector<std::string>{"quality", "random"});
  CHECK(reader.read(0, "console/presets") == std::vector{1.0, 0.0, 0.0, 1.0, 0.5, 0.5});
  CHECK(reader.read_text(0, "agents/names") == std::vector<std::string>{"quality", "random"});
}

TEST_CASE("a shape that contradicts itself is a defect") {
  RunShape shape = full_shape();
  shape.infos.push_back({.path = "tokens"});
  CHECK_THROWS_WITH(run_columns(shape), Contains("tokens is known after the reset") && Contains("infos/"));
  shape = full_shape();
  shape.finals.push_back({.path = "loss"});
  CHECK_THROWS_WITH(run_columns(shape), Contains("below final/"));
  shape = full_shape();
  shape.series.push_back({.path = "x", .size = 3});
  CHECK_THROWS_WITH(run_columns(shape), Contains("x has 3 numbers a row and no axis"));
  shape = full_shape();
  shape.presets.push_back({1});
  CHECK_THROWS_AS(run_columns(shape), Defect);
}

// FADER_PYTHON names an interpreter that has h5py, where it is not the first python3.
TEST_CASE("h5py reads a run: booleans as booleans, text as text, shapes as documented") {
  const char* chosen = std::getenv("FADER_PYTHON");
  const std::string python = chosen ? chosen : "python3";
  if (std::system((python + " -c 'import h5py' 2>/dev/null").c_str()) != 0) {
    WARN("skipped: " << python << " has no h5py; FADER_PYTHON may name one that has");
    return;
  }
  const Folder folder;
  RunShape shape = full_shape();
  const auto columns = run_columns(shape);
  const Attributes root = {{"git_dirty", true}, {"config_toml", std::string("größer = 1\n")}};
  RunWriter writer(folder / "run.h5", root, std::vector<Attributes>{{{"policy", std::string("ucb")}}}, columns);
  for (int t = -1; t < 4; ++t)
    for (const Column& c : columns) {
      const bool now = c.rows == Rows::interval_plus || (t >= 0 && (c.rows == Rows::interval || c.rows == Rows::step));
      if (now) writer.append(0, c.path, std::vector<double>(c.size, c.type == Type::boolean ? t == 3 : std::max(t, 0)));
    }
  writer.event(0, 2, "clip", "geändert");
  writer.commit(0);
  writer.status(RunStatus::complete);
  writer.close();
  std::ofstream(folder / "look.py") << R"(
import sys, h5py, numpy as np
f = h5py.File(sys.argv[1], 'r')
assert set(f) == {'status', 'commit', 'episode_0'}, list(f)
e = f['episode_0']
assert f['status'][0] == 1 and list(f['commit'][:]) == [4, 4, 1] and list(e['commit'][:]) == [4, 4, 1]
assert e['terminations'].dtype == np.bool_ and list(e['terminations'][:]) == [False, False, False, True]
assert bool(f.attrs['git_dirty']) is True and f.attrs['git_dirty'].dtype == np.bool_
assert f.attrs['config_toml'].decode() == 'größer = 1\n', f.attrs['config_toml']
assert f.attrs['schema_version'].decode() == '1.1' and e.attrs['policy'].decode() == 'ucb' and e.attrs['id'] == 0
assert e['observations'].shape == (5, 3) and e['actions'].shape == (4, 2) and e['rewards'].shape == (4,)
assert [x.decode() for x in e['observations'].attrs['labels']] == ['progress', 'weights[quality]', 'weights[random]']
assert e['observations'].attrs['axes'].decode() == 'interval field'
assert e['cost/seconds'].attrs['volatile'] == 1 and 'volatile' not in e['cost/flops'].attrs
assert e['events/text'][0].decode() == 'geändert' and e['events/text'].dtype == 'S512'
assert e['console/arm'].dtype == np.int64 and e['console/arm'].attrs['missing'] == -1
assert np.isnan(e['final/loss_test'][0]) and e['final/loss_test_domain'].shape == (1, 2)
assert e['console/presets'].shape == (3, 2) and list(e['agents/names'].asstr()[:]) == ['quality', 'random']
assert e.id.get_create_plist().get_link_creation_order() != 0
n = []
e.visititems(lambda name, o: n.append(name) if isinstance(o, h5py.Dataset) else None)
assert len(n) == int(sys.argv[2]) + 1, n
)";
  const std::string script = (folder / "look.py").string(), file = (folder / "run.h5").string();
  CHECK(std::system(fmt::format("{} {} {} {}", python, script, file, columns.size()).c_str()) == 0);
}

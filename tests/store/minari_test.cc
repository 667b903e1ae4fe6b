// The Minari dataset that runs become, as its format prescribes it; that Python's minari opens it is tested in tests/integration.
#include <catch2/catch.hpp>

#include <csignal>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/files.h"
#include "run_fixture.h"
#include "store/minari.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

double number(hid_t object, const char* name) {
  double value = kNan;
  const h5::Handle attribute(h5::check(H5Aopen(object, name, H5P_DEFAULT), "open", name));
  h5::check(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value), "read", name);
  return value;
}
std::string text(hid_t object, const char* name) {
  char* value = nullptr;
  const h5::Handle attribute(h5::check(H5Aopen(object, name, H5P_DEFAULT), "open", name)), type(H5Aget_type(attribute));
  CHECK(H5Tis_variable_str(type) > 0);
  CHECK(H5Tget_cset(type) == H5T_CSET_UTF8);
  h5::check(H5Aread(attribute, type, &value), "read", name);
  const std::string out = value;
  H5free_memory(value);
  return out;
}
std::vector<hsize_t> extent(hid_t dataset) {
  hsize_t now[2] = {}, most[2] = {};
  const h5::Handle space(H5Dget_space(dataset));
  const int rank = H5Sget_simple_extent_dims(space, now, most);
  CHECK(most[0] == H5S_UNLIMITED);
  return {now, now + rank};
}
std::vector<double> doubles(hid_t file, const std::string& path) {
  const h5::Handle dataset = h5::open_dataset(file, path);
  std::size_t n = 1;
  for (const hsize_t e : extent(dataset)) n *= e;
  std::vector<double> out(n);
  h5::check(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()), "read", path);
  return out;
}

void refused(const std::vector<fs::path>& runs, const fs::path& out, const std::string& id, Exit code, const std::string& why) {
  try {
    export_minari(runs, out, id);
    FAIL("was exported, and should have been refused: " << why);
  } catch (const Error& e) {
    CHECK(e.code() == code);
    CHECK_THAT(std::string(e.what()), Contains(why));
  }
}

}  // namespace

TEST_CASE("minari: episodes, shapes, types, filters and attributes are those of the format") {
  const Folder folder;
  const std::vector<fs::path> runs = {finished_run(folder / "a.h5", {.episodes = 2}), finished_run(folder / "b.h5", {.intervals = 25, .planned = 25})};
  const MinariDataset dataset = export_minari(runs, folder / "sets", "");
  CHECK(dataset.id == "small-v0");
  CHECK(dataset.episodes == 3);
  CHECK(dataset.steps == 105);

  const h5::Session session;
  const h5::Handle file = h5::open_to_read(dataset.folder / "data" / "main_data.hdf5");
  CHECK(h5::members(h5::open_group(file, "/")) == std::vector<std::string>{"episode_0", "episode_1", "episode_2"});
  const RunReader a(runs[0]), b(runs[1]);
  for (std::size_t id = 0; id < 3; ++id) {
    const RunReader& run = id < 2 ? a : b;
    const std::size_t e = id < 2 ? id : 0;
    const hsize_t n = id < 2 ? 40 : 25;
    const h5::Handle episode = h5::open_group(file, episode_name(id));
    CHECK(number(episode, "id") == static_cast<double>(id));
    CHECK(number(episode, "total_steps") == static_cast<double>(n));
    CHECK(number(episode, "seed") == 7);
    for (const auto& [name, value] : {std::pair{"status", "complete"}, {"env", "pretrain-v0"}, {"policy", "ucb"}, {"git_commit", "abc"}, {"schema", "fader-run"}})
      CHECK(text(episode, name) == value);
    CHECK_THAT(text(episode, "config_toml"), Catch::StartsWith("name = \"größer\"\n##"));
    const auto rewards = run.read(e, "rewards");
    double sum = 0;
    for (const double r : rewards) sum += r;
    CHECK(number(episode, "rewards_sum") == Approx(sum));
    CHECK(number(episode, "rewards_mean") == Approx(sum / static_cast<double>(n)));
    CHECK(number(episode, "rewards_min") == rewards.front());
    CHECK(number(episode, "rewards_max") == rewards.back());
    const double step = rewards[1] - rewards[0], count = static_cast<double>(n);  // they rise evenly
    CHECK(number(episode, "rewards_std") == Approx(step * std::sqrt((count * count - 1) / 12)));

    CHECK(extent(h5::open_dataset(episode, "observations")) == std::vector<hsize_t>{n + 1, 3});
    CHECK(extent(h5::open_dataset(episode, "actions")) == std::vector<hsize_t>{n, 2});
    for (const Column& c : run.columns()) {
      if (c.type == Type::text || c.rows == Rows::constant) continue;
      CAPTURE(c.path);
      const h5::Handle d = h5::open_dataset(episode, c.path), list(H5Dget_create_plist(d));
      if (c.path.starts_with("infos/")) CHECK(extent(d)[0] == n + 1);
      REQUIRE(H5Pget_nfilters(list) == 3);
      const H5Z_filter_t wanted[] = {H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE, H5Z_FILTER_FLETCHER32};
      for (unsigned f = 0; f < 3; ++f) {
        std::size_t none = 0;
        CHECK(H5Pget_filter2(list, f, nullptr, &none, nullptr, 0, nullptr, nullptr) == wanted[f]);
      }
      const h5::Handle type(H5Dget_type(d));
      if (c.type == Type::boolean) CHECK(H5Tget_class(type) == H5T_ENUM);
      else CHECK(bits(doubles(episode, c.path)) == bits(run.read(e, c.path)));
    }
    CHECK(H5Lexists(episode, "commit", H5P_DEFAULT) == 0);
    const h5::Handle kind = h5::open_dataset(episode, "events/kind"), type(H5Dget_type(kind));
    CHECK(H5Tis_variable_str(type) > 0);
    CHECK(text(h5::open_dataset(episode, "actions"), "space") == "simplex");
    CHECK(H5Aexists(h5::open_dataset(episode, "observations"), "fields") > 0);
    CHECK(H5Aexists(h5::open_dataset(episode, "observations"), "labels") > 0);
  }
}

TEST_CASE("minari: metadata that Python's json and Minari's spaces read") {
  const Folder folder;
  const std::vector<fs::path> runs = {finished_run(folder / "a.h5")};
  change(runs[0], [](hid_t file) { set_value(file, "episode_0/observations", 3, -1000.5, 1); });
  const MinariDataset dataset = export_minari(runs, folder / "sets", "space/of/my-set-v12");
  CHECK(dataset.folder == folder / "sets" / "space/of/my-set-v12");
  const std::string written = read_file(dataset.folder / "data" / "metadata.json");
  CHECK(written.find("Infinity") == std::string::npos);
  const json metadata = json::parse(written);
  CHECK(metadata["total_episodes"] == 1);
  CHECK(metadata["total_steps"] == 40);
  CHECK(metadata["data_format"] == "hdf5");
  CHECK(metadata["dataset_id"] == "space/of/my-set-v12");
  CHECK(metadata["minari_version"] == "0.5.0");
  CHECK_FALSE(metadata.contains("env_spec"));
  CHECK(metadata["dataset_size"].is_number());
  const json action = json::parse(metadata["action_space"].get<std::string>()), observation = json::parse(metadata["observation_space"].get<std::string>());
  CHECK(action == json{{"type", "Box"}, {"dtype", "float64"}, {"shape", {2}}, {"low", {0.0, 0.0}}, {"high", {1.0, 1.0}}});
  CHECK(observation["shape"] == json{3});
  CHECK(observation["high"] == json{1024.0, 1024.0, 1024.0});
  CHECK(observation["low"] == json{-1024.0, -1024.0, -1024.0});
}

TEST_CASE("minari: runs that do not belong together are named, and nothing is left") {
  const Folder folder;
  const auto a = finished_run(folder / "a.h5"), out = folder / "sets";
  const auto other = [&](const RunOptions& o, const std::string& why) {
    const auto b = finished_run(folder / "b.h5", o);
    refused({a, b}, out, "x-v0", Exit::data, why);
    try {
      export_minari(std::vector<fs::path>{a, b}, out, "x-v0");
    } catch (const DataError& e) {
      CHECK_THAT(std::string(e.what()), Contains(a.string()) && Contains(b.string()));
    }
  };
  other({.env = "bandit-v0"}, "environment 'pretrain-v0' against 'bandit-v0'");
  other({.agents = {"quality", "domain"}}, "agents 'random' against 'domain'");
  other({.fields = {"progress", "loss", "pool"}}, "observation 'weights' against 'pool'");
  other({.fields = {"progress", "loss"}}, "observation '3 numbers' against '2'");
  refused({a, finished_run(folder / "b.h5", {.status = RunStatus::failed})}, out, "", Exit::data, "the run is not complete");
  refused({a, unclosed_run(folder / "b.h5", {.intervals = 3})}, out, "", Exit::data, "b.h5: the run is not complete");
  refused({a, finished_run(folder / "b.h5", {.experiment = "large"})}, out, "", Exit::usage, "name the dataset with --id");
  change(finished_run(folder / "b.h5"), [](hid_t file) { set_rows(file, "episode_0/rewards", 3); });
  refused({a, folder / "b.h5"}, out, "", Exit::data, "b.h5: is damaged: episode_0/rewards has 3 rows");
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("minari: names, folders and disks that refuse") {
  const Folder folder;
  const std::vector<fs::path> runs = {finished_run(folder / "a.h5")};
  for (const char* id : {"", "x", "x-v", "x-v1a", "-v1", "a/x-v1", "/x-v1", "ab//x-v1", "ab/-v1", "../x-v1", "ab/../x-v1", "x y-v1", "x-v1/", "x.h5-v1", "\xc3\xa4-v1", "x-v99999999999"})
    CHECK_THROWS_AS(require_minari_id(id), ConfigError);
  for (const char* id : {"x-v0", "ab/x-v0", "ab/cd/x_y-z-v123", "a-v0-v1"}) CHECK_NOTHROW(require_minari_id(id));
  refused(runs, folder / "sets", "../x-v1", Exit::usage, "is no name of a Minari dataset");

  export_minari(runs, folder / "sets", "x-v0");
  const std::string before = bytes_of(folder / "sets" / "x-v0" / "data" / "main_data.hdf5");
  refused(runs, folder / "sets", "x-v0", Exit::usage, "there is such a dataset already");
  CHECK(bytes_of(folder / "sets" / "x-v0" / "data" / "main_data.hdf5") == before);
  write_bytes(folder / "plain", "text");
  refused(runs, folder / "plain", "x-v0", Exit::run, "plain is not a folder");
  refused(runs, "/dev/full", "x-v0", Exit::run, "/dev/full is not a folder");

  const pid_t child = ::fork();  // a disk without room
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{20'000, 20'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int code = 1;
    try {
      export_minari(runs, folder / "sets", "y-v0");
    } catch (const RunError& e) {
      code = std::string(e.what()).find("main_data.hdf5: cannot ") == std::string::npos ? 2 : 0;
    } catch (const std::exception&) {
      code = 3;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder / "sets")) left.push_back(entry.path().filename().string());
  CHECK(left == std::vector<std::string>{"x-v0"});
}

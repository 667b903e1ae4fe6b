// Files that are foreign, damaged or hostile: one located message each, never a crash or a boundless allocation.
#include <catch2/catch.hpp>

#include <fstream>
#include <functional>

#include "core/error.h"
#include "store/hdf5.h"
#include "store_fixture.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;

namespace {

/// A finished run of three intervals, then changed by `change` through HDF5's own interface.
std::filesystem::path changed(const Folder& folder, const std::function<void(hid_t file)>& change) {
  const auto path = folder / "run.h5";
  RunWriter writer(path, {}, std::vector<Attributes>(2), small_columns());
  for (int t = 0; t < 3; ++t) append_small(writer, 0, t);
  writer.commit(0);
  writer.close();
  const h5::Session session;
  const h5::Handle file(h5::check(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open", "file"));
  change(file);
  return path;
}

std::string message(const std::filesystem::path& path) {
  try {
    const RunReader reader(path);
    for (const Column& c : reader.columns())
      for (std::size_t e = 0; e < reader.episodes(); ++e) {
        if (c.type == Type::text) reader.read_text(e, c.path);
        else reader.read(e, c.path);
      }
    return "";
  } catch (const DataError& e) {
    const std::string text = e.what();
    CHECK_THAT(text, Catch::StartsWith(path.string() + ": "));
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
}

void set_counter(hid_t file, const char* path, std::vector<std::uint64_t> values) {
  h5::write_counter(h5::open_dataset(file, path), values.data(), false);
}
void replace_attribute(hid_t object, const char* name, const Attribute& value) {
  h5::check(H5Adelete(object, name), "delete", name);
  h5::write_attribute(object, name, value);
}
/// Puts another dataset in the place of rewards, described like it.
void replace_rewards(hid_t file, hid_t type, int rank, const hsize_t* extent, hid_t properties = H5P_DEFAULT) {
  h5::check(H5Ldelete(file, "episode_0/rewards", H5P_DEFAULT), "delete", "rewards");
  const h5::Handle space(h5::check(H5Screate_simple(rank, extent, nullptr), "make", "space"));
  const hid_t id = H5Dcreate2(file, "episode_0/rewards", type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  const h5::Handle dataset(h5::check(id, "make", "rewards"));
  h5::write_attribute(dataset, "rows", std::string("interval"));
}

}  // namespace

TEST_CASE("what is not a run is told apart") {
  const Folder folder;
  CHECK_THAT(message(folder / "absent.h5"), Contains("there is no such file"));
  CHECK_THAT(message(folder.path()), Contains("is not a file"));
  std::ofstream(folder / "text.h5") << "name = 1\n";
  CHECK_THAT(message(folder / "text.h5"), Contains("is not an HDF5 file"));
  std::ofstream(folder / "empty.h5").flush();
  CHECK_THAT(message(folder / "empty.h5"), Contains("is not an HDF5 file"));
  { h5::create_file(folder / "foreign.h5").close(); }
  CHECK_THAT(message(folder / "foreign.h5"), Contains("is an HDF5 file, but not a run") && Contains("'fader-run' is expected"));
}

TEST_CASE("versions: a newer major is refused with both named, a newer minor is read") {
  const Folder folder;
  const auto version = [&](const Attribute& value) {
    return message(changed(folder, [&](hid_t file) { replace_attribute(file, "schema_version", value); }));
  };
  CHECK_THAT(version(std::string("2.0")), Contains("schema version 2.0") && Contains("reads version 1 and older"));
  CHECK(version(std::string("1.7")).empty());
  CHECK(version(std::string("1.0")).empty());
  CHECK_THAT(version(std::string("new")), Contains("no schema_version that can be read: 'new'"));
  CHECK_THAT(version(2.0), Contains("no schema_version"));
}

TEST_CASE("a run cut short anywhere is refused or read, and never takes the program down") {
  const Folder folder;
  const auto whole = changed(folder, [](hid_t) {});
  CHECK(message(whole).empty());
  std::ifstream in(whole, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    CAPTURE(tenth);
    std::ofstream(folder / "cut.h5", std::ios::binary) << bytes.substr(0, bytes.size() * tenth / 10);
    CHECK_FALSE(message(folder / "cut.h5").empty());
  }
}

TEST_CASE("counters that contradict the datasets") {
  const Folder folder;
  const auto counted = [&](const char* path, std::vector<std::uint64_t> values) {
    return message(changed(folder, [&](hid_t file) { set_counter(file, path, values); }));
  };
  CHECK_THAT(counted("episode_0/commit", {4, 6, 0}), Contains("is damaged: episode_0/") && Contains("were committed"));
  CHECK_THAT(counted("episode_0/commit", {3, 7, 0}), Contains("episode_0/train/loss has 6 rows, and 7 were committed"));
  CHECK_THAT(counted("episode_1/commit", {0, 0, 1}), Contains("episode_1/events/interval has 0 rows, and 1 were committed"));
  CHECK_THAT(counted("episode_0/commit", {std::uint64_t{1} << 60, 6, 0}), Contains("counts 1152921504606846976 rows"));
  CHECK_THAT(counted("episode_0/commit", {~std::uint64_t{0}, 6, 0}), Contains("more than any file holds"));
  CHECK_THAT(counted("commit", {9, 6, 0}), Contains("/commit counts 9 rows, the episodes together 3"));
  CHECK(counted("commit", {2, 6, 0}).empty());  // killed between the two counters
  CHECK(counted("episode_0/commit", {2, 4, 0}).find("/commit counts 3 rows") != std::string::npos);
  CHECK_THAT(message(changed(folder, [](hid_t file) { h5::write_counter(h5::open_dataset(file, "status"), "\x09", true); })),
             Contains("status 9, 0 to 2 are known"));
}

TEST_CASE("datasets whose claims are larger than the file, or not ours") {
  const Folder folder;
  const auto reshaped = [&](hid_t type, std::vector<hsize_t> extent, const std::function<void(hid_t)>& properties = {}) {
    return message(changed(folder, [&](hid_t file) {
      const h5::Handle list(H5Pcreate(H5P_DATASET_CREATE));
      if (properties) properties(list);
      replace_rewards(file, type, static_cast<int>(extent.size()), extent.data(), list);
    }));
  };
  const auto chunked = [](hid_t list) {
    const hsize_t chunk[2] = {1, 1};
    H5Pset_chunk(list, 2, chunk);
  };
  CHECK_THAT(reshaped(H5T_NATIVE_DOUBLE, {3, hsize_t{1} << 40}, chunked), Contains("'rewards' has 1099511627776 numbers a row"));
  CHECK_THAT(reshaped(H5T_NATIVE_DOUBLE, {3, 3, 3}), Contains("'rewards' has 3 dimensions"));
  CHECK_THAT(reshaped(H5T_NATIVE_FLOAT, {3}), Contains("'rewards' has a type that is not known here"));
  CHECK_THAT(reshaped(H5T_NATIVE_INT, {3}), Contains("'rewards' has a type that is not known here"));
  CHECK_THAT(reshaped(H5T_NATIVE_DOUBLE, {2}), Contains("rewards has 2 rows, and 3 were committed"));
  CHECK_THAT(reshaped(H5T_NATIVE_DOUBLE, {3}, [&](hid_t list) {
               const hsize_t chunk = 3;
               H5Pset_chunk(list, 1, &chunk);
               H5Pset_deflate(list, 9);
             }), Contains("'rewards' is compressed or kept in another file"));
  std::ofstream(folder / "secret") << std::string(100, 's');
  CHECK_THAT(reshaped(H5T_NATIVE_DOUBLE, {3}, [&](hid_t list) { H5Pset_external(list, (folder / "secret").c_str(), 0, 24); }),
             Contains("kept in another file"));
  const h5::Handle text(H5Tcopy(H5T_C_S1));
  H5Tset_size(text, H5T_VARIABLE);
  CHECK_THAT(reshaped(text, {3}), Contains("type that is not known here"));
}

TEST_CASE("rows claimed beyond the length of the file are not allocated") {
  const Folder folder;
  const hsize_t many = hsize_t{1} << 40;
  const std::string said = message(changed(folder, [&](hid_t file) {
    const h5::Handle list(H5Pcreate(H5P_DATASET_CREATE));
    const hsize_t chunk = 16;
    H5Pset_chunk(list, 1, &chunk);
    for (const char* path : {"observations", "rewards", "tokens", "ended", "cost", "names"})
      H5Ldelete(file, (std::string("episode_0/") + path).c_str(), H5P_DEFAULT);
    const h5::Handle space(H5Screate_simple(1, &many, nullptr));
    const h5::Handle dataset(H5Dcreate2(file, "episode_0/rewards", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    h5::write_attribute(dataset, "rows", std::string("interval"));
    set_counter(file, "episode_0/commit", {many, 6, 0});
  }));
  CHECK_THAT(said, Contains("rewards claims 1099511627776 rows, more than the file holds"));
}

TEST_CASE("links that lead elsewhere, attributes that are not ours, episodes that differ") {
  const Folder folder;
  CHECK_THAT(message(changed(folder, [](hid_t f) { H5Lcreate_external("/etc/other.h5", "/x", f, "episode_0/away", H5P_DEFAULT, H5P_DEFAULT); })),
             Contains("'away' leads elsewhere"));
  CHECK_THAT(message(changed(folder, [](hid_t f) { H5Lcreate_soft("/status", f, "episode_1/soft", H5P_DEFAULT, H5P_DEFAULT); })),
             Contains("'soft' leads elsewhere"));
  CHECK_THAT(message(changed(folder, [](hid_t f) { H5Lcreate_hard(f, "episode_0", f, "episode_0/again", H5P_DEFAULT, H5P_DEFAULT); })),
             Contains("'again' is another name of something else in the file"));
  CHECK_THAT(message(changed(folder, [](hid_t f) { H5Lcreate_hard(f, "episode_0/rewards", f, "episode_1/again", H5P_DEFAULT, H5P_DEFAULT); })),
             Contains("'again' is another name of something else in the file"));
  CHECK_THAT(message(changed(folder, [](hid_t f) {
               h5::Handle group = h5::open_group(f, "episode_0");
               for (int depth = 0; depth < 12; ++depth) group = h5::make_group(group, "g");
             })), Contains("nested deeper"));
  CHECK_THAT(message(changed(folder, [](hid_t f) { H5Ldelete(f, "episode_1/tokens", H5P_DEFAULT); })),
             Contains("episode_1 has 11 datasets and episode_0 has 12"));
  CHECK_THAT(message(changed(folder, [](hid_t f) { H5Ldelete(f, "status", H5P_DEFAULT); })), Contains("cannot open dataset status"));
  const auto described = [&](const char* name, const Attribute& value) {
    return message(changed(folder, [&](hid_t f) { replace_attribute(h5::open_dataset(f, "episode_0/observations"), name, value); }));
  };
  CHECK_THAT(described("labels", std::vector<std::string>{"only one"}), Contains("'observations' has 1 labels for 2 numbers a row"));
  CHECK_THAT(described("labels", 1.0), Contains("attribute 'labels' of 'observations' has another type"));
  CHECK_THAT(described("rows", std::string("century")), Contains("'observations' does not say what its rows belong to") && Contains("century"));
  CHECK_THAT(message(changed(folder, [](hid_t f) {
               const h5::Handle space(H5Screate(H5S_SCALAR)), type(H5Tcreate(H5T_COMPOUND, 8));
               H5Tinsert(type, "a", 0, H5T_NATIVE_DOUBLE);
               const h5::Handle made(H5Acreate2(f, "odd", type, space, H5P_DEFAULT, H5P_DEFAULT));
             })), Contains("attribute 'odd' has a type that is not known here"));
}

TEST_CASE("counters are never looked for in another file, and must be small enough to be what they say") {
  const Folder folder;
  const auto other = folder / "other.h5";
  {
    const h5::Session session;
    const h5::Handle file = h5::create_file(other);
    const std::uint8_t complete = 1;
    h5::write_counter(h5::make_counter(file, "status", true, 1), &complete, true);
  }
  for (const char* name : {"status", "commit", "episode_0", "episode_0/commit"}) {
    const auto replaced = [&](const std::function<herr_t(hid_t)>& link) {
      return message(changed(folder, [&](hid_t f) {
        H5Ldelete(f, name, H5P_DEFAULT);
        h5::check(link(f), "make", "link");
      }));
    };
    CAPTURE(name);
    CHECK_THAT(replaced([&](hid_t f) { return H5Lcreate_external(other.c_str(), "/status", f, name, H5P_DEFAULT, H5P_DEFAULT); }),
               Contains("leads elsewhere"));
    CHECK_THAT(replaced([&](hid_t f) { return H5Lcreate_soft("/episode_1", f, name, H5P_DEFAULT, H5P_DEFAULT); }), Contains("leads elsewhere"));
  }
  CHECK_THAT(message(changed(folder, [](hid_t f) {
               H5Ldelete(f, "status", H5P_DEFAULT);
               const std::uint64_t large = 257;
               h5::write_counter(h5::make_counter(f, "status", false, 1), &large, false);
             })), Contains("has status 257, 0 to 2 are known"));
  CHECK_THAT(message(changed(folder, [](hid_t f) {
               H5Ldelete(f, "episode_1", H5P_DEFAULT);
               H5Lcreate_hard(f, "episode_0", f, "episode_1", H5P_DEFAULT, H5P_DEFAULT);
             })), Contains("episode_1 is another name of something else in the file"));
}

TEST_CASE("what is stored once, or nowhere, is not read many times over") {
  const Folder folder;
  CHECK_THAT(message(changed(folder, [](hid_t f) {  // each claims less than the file has, and none is stored
               const h5::Handle list(H5Pcreate(H5P_DATASET_CREATE));
               const hsize_t chunk = 1024, rows = 3000;
               H5Pset_chunk(list, 1, &chunk);
               const h5::Handle space(H5Screate_simple(1, &rows, nullptr));
               for (int i = 0; i < 50; ++i)
                 for (const int e : {0, 1}) {
                   const std::string path = "episode_" + std::to_string(e) + "/constant_" + std::to_string(i);
                   const h5::Handle dataset(H5Dcreate2(f, path.c_str(), H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
                   h5::write_attribute(dataset, "rows", std::string("constant"));
                 }
             })), Contains("constants claim more rows than the file holds"));
  const auto shared = folder / "shared.h5";
  {
    const h5::Session session;
    const h5::Handle list(H5Pcreate(H5P_FILE_CREATE));
    H5Pset_shared_mesg_nindexes(list, 1);
    H5Pset_shared_mesg_index(list, 0, H5O_SHMESG_ALL_FLAG, 16);
    const h5::Handle file(H5Fcreate(shared.c_str(), H5F_ACC_TRUNC, list, H5P_DEFAULT));
    h5::write_attribute(file, "schema", std::string(kSchemaName));
  }
  CHECK_THAT(message(shared), Contains("shared among objects"));
}

TEST_CASE("asking for what is not there") {
  const Folder folder;
  const RunReader reader(changed(folder, [](hid_t) {}));
  CHECK_THROWS_WITH(reader.read(0, "final/los"), Contains("no dataset 'final/los'; did you mean 'final/loss'?"));
  CHECK_THROWS_AS(reader.read(0, "final/los"), DataError);
  CHECK_FALSE(reader.has("final/los"));
}

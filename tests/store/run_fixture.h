// A run with every kind of column that the schema has, whose values are what a program could have written.
#pragma once
#include <functional>
#include <fstream>

#include "core/error.h"
#include "store/hdf5.h"
#include "store/layout.h"
#include "store_fixture.h"

namespace fader::test {

struct RunOptions {
  std::size_t episodes = 1;
  int intervals = 40, planned = 40, steps = 3;
  RunStatus status = RunStatus::complete;
  std::size_t played = 0;  ///< episodes that the summary has, those that are kept among them; 0: there is no summary
  std::string env = "pretrain-v0", experiment = "small";
  std::vector<std::string> agents = {"quality", "random"}, fields = {"progress", "loss", "weights"};
};

inline RunShape shape_of(const RunOptions& o) {
  return {.agents = o.agents,
          .rewards = {"drop"},
          .credits = {"influence"},
          .diagnostics = {"width"},
          .phases = {"train", "console"},
          .observation_labels = o.fields,
          .presets = {{1, 0}, {0.25, 0.75}},
          .infos = {{.path = "infos/tokens", .unit = "token", .whole = true}, {.path = "infos/loss_train", .unit = "nat/token"}},
          .series = {{.path = "corpus/domain_tokens", .size = 2, .axis = "domain", .labels = {"books", "web"}, .whole = true}},
          .finals = {{.path = "final/loss_test", .unit = "nat/token"}}};
}

/// The value of element i of a column's row t; t = -1 is the reset.
inline double value_of(const Column& c, std::size_t e, int t, std::size_t i, bool last) {
  const double x = t + 1 + 100.0 * static_cast<double>(e);
  if (c.path == "observations") return std::sin(x + static_cast<double>(i));
  if (c.path == "actions" || c.path == "console/weights_asked") return c.size == 1 ? 1 : i == 0 ? 0.25 : 0.75 / static_cast<double>(c.size - 1);
  if (c.path == "console/probability") return i == 0 ? 0.125 : 0.875;
  if (c.path == "terminations") return last;
  if (c.path == "infos/loss_train") return t < 0 ? kNan : 7 - 0.1 * t;
  if (c.path == "console/value" || c.path.starts_with("credit/")) return kNan;
  if (c.path == "console/support" || c.path == "console/arm") return 1;
  if (c.path == "truncations") return 0;
  if (c.path == "cost/seconds") return x * static_cast<double>(i + 1);
  if (c.path == "cost/total_seconds") return x * 3;
  if (c.type == Type::i64) return 1000 * (t + 1) + static_cast<double>(i);
  return x / 3 + static_cast<double>(i);
}

inline void append_interval(RunWriter& writer, const std::vector<Column>& columns, const RunOptions& o, std::size_t e, int t) {
  for (const Column& c : columns) {
    const int times = c.rows == Rows::step ? o.steps : c.rows == Rows::interval || c.rows == Rows::interval_plus ? 1 : 0;
    for (int s = c.rows == Rows::interval_plus && t == 0 ? -1 : 0; s < times; ++s) {
      const int row = c.rows == Rows::step ? t * o.steps + s : s < 0 ? -1 : t;
      std::vector<double> values;
      for (std::size_t i = 0; i < c.size; ++i) values.push_back(value_of(c, e, row, i, t == o.planned - 1));
      writer.append(e, c.path, values);
    }
  }
  if (t % 10 == 4) writer.event(e, t + 1, "clip", "weights were clipped");
}

/// The row of the summary for episode n; the last two were played to judge the policy.
inline std::vector<double> summary_row(const RunOptions& o, std::size_t n) {
  double sum = 0;
  for (int t = 0; t < o.intervals; ++t) sum += value_of({.path = "rewards"}, n, t, 0, false);
  const double x = static_cast<double>(n), judged = n + 2 >= o.played ? 1 : 0;
  return {x, 0, judged, static_cast<double>(o.intervals), 0, sum, 1e6 * (x + 1), 4000, 3.5 + x};
}

/// Writes intervals of every episode; `end` says what becomes of the writer (finish() is the ordinary end).
inline void write_run(const std::filesystem::path& path, const RunOptions& o, const std::function<void(RunWriter&)>& end) {
  const auto columns = run_columns(shape_of(o));
  std::vector<Attributes> episodes;
  for (std::size_t e = 0; e < o.episodes; ++e)
    episodes.push_back({{"total_steps", std::int64_t{o.planned}}, {"seed", std::uint64_t{7}}, {"policy", std::string("ucb")}, {"env", o.env}});
  for (std::size_t e = 0; e < o.episodes && o.played > 0; ++e) episodes[e]["episode"] = static_cast<std::int64_t>(e);
  const Attributes root = {{"experiment", o.experiment}, {"git_commit", std::string("abc")}, {"git_dirty", true}, {"policy_name", std::string("ucb")},
                           {"config_toml", "name = \"größer\"\n" + std::string(3000, '#')}};
  RunWriter writer(path, root, episodes, columns, o.played > 0 ? summary_columns(shape_of(o)) : std::vector<Column>());
  for (std::size_t e = 0; e < std::max(o.episodes, o.played); ++e) {
    for (int t = 0; t < o.intervals && e < o.episodes; ++t) {
      append_interval(writer, columns, o, e, t);
      if (t == o.planned - 1) writer.set(e, "final/loss_test", 3.5 + static_cast<double>(e));
      writer.commit(e);
    }
    if (e < o.played) writer.summarise(summary_row(o, e));
  }
  if (o.played > 0) writer.commit_summary();
  end(writer);
}
inline std::filesystem::path finished_run(const std::filesystem::path& path, const RunOptions& o = {}) {
  write_run(path, o, [&](RunWriter& writer) {
    writer.status(o.status);
    writer.close();
  });
  return path;
}

/// Through HDF5's own interface.
inline void change(const std::filesystem::path& path, const std::function<void(hid_t file)>& how) {
  const h5::Session session;
  const h5::Handle file(h5::check(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open", "file"));
  how(file);
}
inline void set_counter(hid_t file, const char* path, std::vector<std::uint64_t> values) {
  h5::write_counter(h5::open_dataset(file, path), values.data(), false);
}
inline void set_rows(hid_t file, const char* path, std::uint64_t rows, std::size_t size = 0) {
  const hsize_t extent[2] = {rows, size};
  h5::check(H5Dset_extent(h5::open_dataset(file, path), extent), "extend", path);
}
/// Puts `value` at element `i` of row `row`.
inline void set_value(hid_t file, const std::string& path, std::uint64_t row, double value, std::size_t i = 0) {
  const h5::Handle dataset = h5::open_dataset(file, path), space(H5Dget_space(dataset)), one(H5Screate(H5S_SCALAR));
  const hsize_t at[2] = {row, i}, block[2] = {1, 1};
  H5Sselect_hyperslab(space, H5S_SELECT_SET, at, nullptr, block, nullptr);
  const h5::Handle type(H5Dget_type(dataset));
  if (H5Tget_class(type) == H5T_ENUM) {
    const auto byte = static_cast<std::int8_t>(value);
    h5::check(H5Dwrite(dataset, type, one, space, H5P_DEFAULT, &byte), "write", path);
  } else {
    h5::check(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, one, space, H5P_DEFAULT, &value), "write", path);
  }
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// As a killed writer leaves it: the bytes that were in the file before it was closed.
inline std::filesystem::path unclosed_run(const std::filesystem::path& path, RunOptions o = {}) {
  o.status = RunStatus::running;
  std::string bytes;
  write_run(path, o, [&](RunWriter& writer) {
    bytes = bytes_of(path);
    writer.close();
  });
  write_bytes(path, bytes);
  return path;
}

}  // namespace fader::test

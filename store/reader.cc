// RunReader: a snapshot of what is committed. Nothing in a file is trusted before it is checked.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>

#include "core/error.h"
#include "store/hdf5.h"
#include "store/layout.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr int kMostDepth = 8;  // of groups in groups

/// Major version of "1.0", or -1.
int major_version(const std::string& text) {
  int major = -1;
  std::from_chars(text.data(), text.data() + text.size(), major);
  return major;
}

/// `seen`: addresses. An object that is met again would be read again, and a group within itself without end.
void list_datasets(hid_t group, const std::string& prefix, int depth, std::set<std::uint64_t>& seen, std::vector<std::string>& out) {
  if (depth > kMostDepth) throw h5::Failure(fmt::format("groups are nested deeper than {} at '{}'", kMostDepth, prefix));
  for (const std::string& name : h5::members(group)) {
    const std::string path = prefix.empty() ? name : prefix + "/" + name;
    if (!seen.insert(h5::address(group, name)).second)
      throw h5::Failure(fmt::format("'{}' is another name of something else in the file, which nothing in a run is", h5::clean_text(path)));
    if (h5::is_group(group, name)) {
      list_datasets(h5::open_group(group, name), path, depth + 1, seen, out);
    } else if (path != kCommit) {
      out.push_back(path);
    }
  }
}

template <class T>
std::vector<double> as_doubles(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return {values.begin(), values.end()};
}

}  // namespace

std::vector<std::string> decode_texts(const std::string& bytes, std::size_t width) {
  std::vector<std::string> out;
  for (std::size_t at = 0; width > 0 && at < bytes.size(); at += width)
    out.push_back(h5::clean_text(bytes.substr(at, width).c_str()));
  return out;
}

std::vector<double> decode_numbers(const std::string& bytes, Type type) {
  if (type == Type::f64) return as_doubles<double>(bytes);
  if (type == Type::i64) return as_doubles<std::int64_t>(bytes);
  return as_doubles<std::uint8_t>(bytes);
}

std::string schema_refusal(const Attributes& root) {
  const auto text = [&](const char* name) {
    const auto it = root.find(name);
    const auto* value = it == root.end() ? nullptr : std::get_if<std::string>(&it->second);
    return value ? *value : std::string();
  };
  const std::string schema = text("schema"), version = text("schema_version");
  if (schema != kSchemaName)
    return fmt::format("is an HDF5 file, but not a run: its attribute 'schema' is '{}', '{}' is expected", schema, kSchemaName);
  const int major = major_version(version);
  if (major < 1) return fmt::format("has no schema_version that can be read: '{}'", version);
  if (major > kSchemaMajor)
    return fmt::format("has schema version {}, and this program reads version {} and older; use a newer program", version, kSchemaMajor);
  return "";
}

struct RunReader::Parts {
  struct Episode {
    h5::Handle group;
    Attributes attributes{};
    Committed committed{};
  };
  fs::path path;
  h5::Handle file;
  Attributes root;
  RunStatus status = RunStatus::running;
  std::vector<Episode> episodes;
  std::vector<Column> columns;
  std::map<std::string, std::size_t, std::less<>> index;
  h5::Handle summary_group;
  std::vector<Column> summary;
  std::uint64_t summary_rows = 0;

  [[noreturn]] void fail(const std::string& what) const { throw DataError(fmt::format("{}: {}", path.string(), what)); }
  std::uint64_t bytes() const { return fs::file_size(path); }

  /// Runs what reads the file, naming it in errors.
  template <class F>
  auto reading(F&& body) const {
    const h5::Session session;
    try {
      return body();
    } catch (const h5::Failure& e) {
      fail(e.what());
    } catch (const fs::filesystem_error& e) {
      fail(e.code().message());
    }
  }

  void open();
  void read_counters();
  void read_columns();
  void read_summary(std::set<std::uint64_t>& seen);
  void read_constants();
  std::uint64_t require_rows(const std::string& where, const Column& column, hid_t dataset, std::uint64_t counted) const;
  std::uint64_t rows(std::size_t episode, const Column& column, hid_t dataset) const;
  const Column& at(std::string_view name) const;
  std::string raw(std::size_t episode, const Column& column) const;
};

void RunReader::Parts::open() {
  std::error_code error;
  const auto kind = fs::status(path, error).type();
  if (kind == fs::file_type::not_found) fail("there is no such file");
  if (kind != fs::file_type::regular) fail("is not a file");
  if (H5Fis_hdf5(path.c_str()) <= 0) {
    H5Eclear2(H5E_DEFAULT);
    fail("is not an HDF5 file, or cannot be read");
  }
  file = h5::open_to_read(path);
  root = h5::read_attributes(file, bytes());
  if (const std::string why = schema_refusal(root); !why.empty()) fail(why);
}

/// In an order in which a writer at work cannot make the snapshot contradict itself: what is written last is read first.
void RunReader::Parts::read_counters() {
  const std::uint64_t state = h5::read_counter(file, kStatus, 1)[0];
  if (state > 2) fail(fmt::format("has status {}, 0 to 2 are known", state));
  status = static_cast<RunStatus>(state);
  const auto all = h5::read_counter(file, kCommit, 3);
  std::uint64_t sum[3] = {};
  const auto names = h5::members(h5::open_group(file, "/"));
  const std::set<std::string> present(names.begin(), names.end());
  for (std::string name = episode_name(0); present.count(name) > 0; name = episode_name(episodes.size())) {
    Episode& e = episodes.emplace_back();
    e.group = h5::open_group(file, name);
    const auto here = h5::read_counter(e.group, kCommit, 3);
    for (int i = 0; i < 3; ++i) {
      if (here[i] > kMostRows) fail(fmt::format("{}/commit counts {} rows, more than any file holds", name, here[i]));
      sum[i] += here[i];
    }
    e.committed = {here[0], here[1], here[2]};
    e.attributes = h5::read_attributes(e.group, bytes());
  }
  if (present.count(kSummary) > 0) {
    summary_group = h5::open_group(file, kSummary);
    summary_rows = h5::read_counter(summary_group, kCommit, 1)[0];
    if (summary_rows > kMostRows) fail(fmt::format("{}/commit counts {} rows, more than any file holds", kSummary, summary_rows));
  }
  for (int i = 0; i < 3; ++i)
    if (sum[i] < all[i]) fail(fmt::format("is damaged: /commit counts {} rows, the episodes together {}", all[i], sum[i]));
}

/// The first episode says what the columns are; the others must have the same ones. All must hold what was committed.
void RunReader::Parts::read_columns() {
  std::set<std::uint64_t> seen = {h5::address(file, "/"), h5::address(file, kStatus), h5::address(file, kCommit)};
  for (std::size_t e = 0; e < episodes.size(); ++e) {
    std::vector<std::string> paths;
    if (!seen.insert(h5::address(file, episode_name(e))).second)
      fail(fmt::format("{} is another name of something else in the file", episode_name(e)));
    list_datasets(episodes[e].group, "", 0, seen, paths);
    if (e > 0 && paths.size() != columns.size())
      fail(fmt::format("{} has {} datasets and {} has {}", episode_name(e), paths.size(), episode_name(0), columns.size()));
    for (const std::string& name : paths) {
      const h5::Handle dataset = h5::open_dataset(episodes[e].group, name);
      if (e == 0) {
        index.emplace(name, columns.size());
        columns.push_back(h5::read_column(dataset, name, bytes()));
        if (const std::string why = misplaced(columns.back(), false); !why.empty()) fail(why);
      } else {
        const Column c = h5::read_shape(dataset, name, bytes());
        const auto it = index.find(name);
        const Column* like = it == index.end() ? nullptr : &columns[it->second];
        if (!like || like->type != c.type || like->size != c.size || like->scalar != c.scalar)
          fail(fmt::format("{}/{} is not like the one in {}", episode_name(e), name, episode_name(0)));
      }
      rows(e, at(name), dataset);
    }
  }
  read_summary(seen);
  read_constants();
}

void RunReader::Parts::read_summary(std::set<std::uint64_t>& seen) {
  if (summary_group < 0) return;
  if (!seen.insert(h5::address(file, kSummary)).second) fail(fmt::format("{} is another name of something else in the file", kSummary));
  std::vector<std::string> paths;
  list_datasets(summary_group, "", 0, seen, paths);
  if (paths.empty()) fail("is damaged: its summary has no datasets");
  for (const std::string& name : paths) {
    const h5::Handle dataset = h5::open_dataset(summary_group, name);
    const Column& c = summary.emplace_back(h5::read_column(dataset, name, bytes()));
    if (const std::string why = misplaced(c, true); !why.empty()) fail(why);
    require_rows(kSummary, c, dataset, summary_rows);
  }
}

void RunReader::Parts::read_constants() {
  std::uint64_t together = 0;  // each is no larger than the file, which a row that is not stored anywhere is not either
  for (Column& c : columns) {
    if (c.rows != Rows::constant) continue;
    const std::string bytes = raw(0, c);
    together += bytes.size();
    if (together > this->bytes()) fail("is damaged: its constants claim more rows than the file holds");
    if (c.type == Type::text) c.text = decode_texts(bytes, c.size);
    else c.value = decode_numbers(bytes, c.type);
  }
}

/// Committed rows, after making sure that they are there and fit into the file.
std::uint64_t RunReader::Parts::rows(std::size_t episode, const Column& c, hid_t dataset) const {
  const std::uint64_t counted = c.rows == Rows::constant ? h5::rows(dataset) : counted_rows(c.rows, episodes[episode].committed);
  return require_rows(episode_name(episode), c, dataset, counted);
}

std::uint64_t RunReader::Parts::require_rows(const std::string& where, const Column& c, hid_t dataset, std::uint64_t counted) const {
  const std::uint64_t there = h5::rows(dataset);
  if (there < counted) fail(fmt::format("is damaged: {}/{} has {} rows, and {} were committed", where, c.path, there, counted));
  if (counted > bytes() / std::max<std::size_t>(h5::row_bytes(c), 1))
    fail(fmt::format("is damaged: {}/{} claims {} rows, more than the file holds", where, c.path, counted));
  return counted;
}

const Column& RunReader::Parts::at(std::string_view name) const {
  if (const auto it = index.find(name); it != index.end()) return columns[it->second];
  std::vector<std::string> known;
  for (const Column& c : columns) known.push_back(c.path);
  fail(fmt::format("there is no dataset '{}'{}", name, suggestion(name, known)));
}

std::string RunReader::Parts::raw(std::size_t episode, const Column& c) const {
  FADER_CHECK(episode < episodes.size(), "episode {} of {} in {}", episode, episodes.size(), path.string());
  const h5::Handle dataset = h5::open_dataset(episodes[episode].group, c.path);
  const std::uint64_t n = rows(episode, c, dataset);
  std::string out(n * h5::row_bytes(c), '\0');
  h5::read_rows(dataset, c, 0, n, out.data());
  return out;
}

RunReader::RunReader(const fs::path& file) : parts_(std::make_unique<Parts>()) {
  parts_->path = file;
  parts_->reading([&] {
    parts_->open();
    parts_->read_counters();
    parts_->read_columns();
  });
}
RunReader::~RunReader() = default;
RunReader::RunReader(RunReader&&) noexcept = default;
RunReader& RunReader::operator=(RunReader&&) noexcept = default;

const Attributes& RunReader::root() const { return parts_->root; }
RunStatus RunReader::status() const { return parts_->status; }
std::size_t RunReader::episodes() const { return parts_->episodes.size(); }
const Attributes& RunReader::episode(std::size_t episode) const { return parts_->episodes.at(episode).attributes; }
Committed RunReader::committed(std::size_t episode) const { return parts_->episodes.at(episode).committed; }
const std::vector<Column>& RunReader::columns() const { return parts_->columns; }
bool RunReader::has(std::string_view path) const { return parts_->index.count(path) > 0; }
std::vector<std::string> RunReader::labels(std::string_view path) const { return parts_->at(path).labels; }

const std::vector<Column>& RunReader::summary_columns() const { return parts_->summary; }
std::uint64_t RunReader::summary_rows() const { return parts_->summary_rows; }

std::vector<double> RunReader::summary(std::string_view path) const {
  const Parts& p = *parts_;
  const auto c = std::find_if(p.summary.begin(), p.summary.end(), [&](const Column& column) { return column.path == path; });
  if (c == p.summary.end()) p.fail(fmt::format("there is no column '{}' in its summary", path));
  return p.reading([&] {
    std::string bytes(p.summary_rows * h5::row_bytes(*c), '\0');
    h5::read_rows(h5::open_dataset(p.summary_group, c->path), *c, 0, p.summary_rows, bytes.data());
    return decode_numbers(bytes, c->type);
  });
}

std::uint64_t RunReader::rows(std::size_t episode, std::string_view path) const {
  const Column& c = parts_->at(path);
  return parts_->reading([&] { return parts_->rows(episode, c, h5::open_dataset(parts_->episodes.at(episode).group, c.path)); });
}

std::vector<double> RunReader::read(std::size_t episode, std::string_view path) const {
  const Column& c = parts_->at(path);
  FADER_CHECK(c.type != Type::text, "{} is a column of texts", c.path);
  return parts_->reading([&] { return decode_numbers(parts_->raw(episode, c), c.type); });
}

std::vector<std::string> RunReader::read_text(std::size_t episode, std::string_view path) const {
  const Column& c = parts_->at(path);
  FADER_CHECK(c.type == Type::text, "{} is not a column of texts", c.path);
  return parts_->reading([&] { return decode_texts(parts_->raw(episode, c), c.size); });
}

}  // namespace fader

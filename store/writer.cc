// RunWriter. A file is made whole under another name, renamed, and then grows; rows wait in memory until they are committed.
#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "store/hdf5.h"
#include "store/layout.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kEpisodesInUse = 8;

void check_columns(std::span<const Column> columns, bool in_summary) {
  std::set<std::string> paths = {kCommit};
  for (const Column& c : columns) {
    FADER_CHECK(misplaced(c, in_summary).empty(), "{}", misplaced(c, in_summary));
    const std::string framed = "/" + c.path + "/";
    FADER_CHECK(framed.find("//") == std::string::npos && framed.find("/./") == std::string::npos, "'{}' is no path", c.path);
    FADER_CHECK(paths.insert(c.path).second, "column '{}' is there twice", c.path);
    FADER_CHECK(!c.scalar || c.size == 1 || c.type == Type::text, "column '{}': {} numbers in a scalar row", c.path, c.size);
    FADER_CHECK(c.scalar || c.type != Type::text, "column '{}': a row of texts", c.path);
    const std::size_t labels = c.labels.size(), values = c.value.size();
    FADER_CHECK(labels == 0 || labels == c.size, "column '{}': {} labels for {} numbers", c.path, labels, c.size);
    FADER_CHECK(values % std::max<std::size_t>(c.size, 1) == 0, "column '{}': {} values in rows of {}", c.path, values, c.size);
  }
  for (const std::string& path : paths) {
    const auto below = paths.lower_bound(path + "/");
    FADER_CHECK(below == paths.end() || !below->starts_with(path + "/"), "'{}' is a column and a group", path);
  }
}

/// A row's number as it is exchanged with the library (h5::row_bytes).
void encode(const Column& c, double value, std::string& out) {
  const auto put = [&]<class T>(T v) { out.append(reinterpret_cast<const char*>(&v), sizeof v); };
  if (c.type == Type::f64) return put(value);
  if (c.type == Type::i64) {
    const bool whole = value == std::floor(value) && std::abs(value) <= 0x1p53;
    FADER_CHECK(whole || std::isnan(value), "{}: {} is not a whole number", c.path, value);
    return put(std::isnan(value) ? std::int64_t{-1} : static_cast<std::int64_t>(value));
  }
  const double most = c.type == Type::boolean ? 1 : 255;
  const bool whole = value >= 0 && value <= most && value == std::floor(value);
  FADER_CHECK(whole, "{}: {} is not a whole number from 0 to {}", c.path, value, most);
  put(static_cast<std::uint8_t>(value));
}

void encode(const Column& c, std::string_view text, std::string& out) {
  std::string bytes = h5::clean_text(text, c.size);
  bytes.resize(c.size, '\0');
  out += bytes;
}

void fill_constant(hid_t dataset, const Column& c) {
  std::string bytes;
  for (const double v : c.value) encode(c, v, bytes);
  for (const std::string& text : c.text) encode(c, text, bytes);
  const std::size_t count = c.type == Type::text ? c.text.size() : c.value.size() / std::max<std::size_t>(c.size, 1);
  h5::append_rows(dataset, c, 0, count, bytes.data());
}

void write_all(hid_t object, Attributes attributes, Attributes added) {
  for (auto& [name, value] : added) attributes.insert_or_assign(name, std::move(value));
  for (const auto& [name, value] : attributes) h5::write_attribute(object, name, value);
}

}  // namespace

void make_objects(const fs::path& path, const Attributes& root, std::span<const Attributes> episodes,
                  std::span<const Column> columns, std::span<const Column> summary) {
  h5::Handle file = h5::create_file(path);
  const std::string version = fmt::format("{}.{}", kSchemaMajor, kSchemaMinor);
  write_all(file, root, {{"schema", std::string(kSchemaName)}, {"schema_version", version}});
  h5::make_counter(file, kStatus, true, 1);
  h5::make_counter(file, kCommit, false, 3);
  for (std::size_t e = 0; e < episodes.size(); ++e) {
    const h5::Handle group = h5::make_group(file, episode_name(e));
    write_all(group, episodes[e], {{"id", static_cast<std::int64_t>(e)}});
    h5::make_counter(group, kCommit, false, 3);
    for (const Column& c : columns) {
      const h5::Handle dataset = h5::make_column(group, c);
      if (c.rows == Rows::constant) fill_constant(dataset, c);
    }
  }
  if (!summary.empty()) {
    const h5::Handle group = h5::make_group(file, kSummary);
    h5::make_counter(group, kCommit, false, 1);
    for (const Column& c : summary) h5::make_column(group, c);
  }
  file.close();
}

/// Handles are destroyed from the last to the first: datasets before their file.
struct RunWriter::Parts {
  struct Series {
    h5::Handle dataset;         ///< open while the episode is in use
    std::uint64_t written = 0;  ///< rows in the file
    std::uint64_t waiting = 0;  ///< rows in `bytes`
    std::string bytes{};
  };
  struct Episode {
    h5::Handle group;
    std::vector<Series> series{};  ///< one a column
    Committed committed{};
  };
  struct Summary {
    std::vector<Column> columns;
    h5::Handle commit{};
    std::vector<Series> series{};  ///< one a column, open all the time
    std::uint64_t committed = 0;
  };

  fs::path path;
  std::vector<Column> columns;
  std::map<std::string, std::size_t, std::less<>> index;
  std::string failure;  ///< why nothing is written any more
  h5::Handle file, status, commit;
  std::vector<Episode> episodes;
  std::vector<std::size_t> in_use;  ///< episodes whose datasets are open, the latest last
  Summary summary;

  Parts(fs::path where, std::span<const Column> list, std::span<const Column> summary_list)
      : path(std::move(where)), columns(list.begin(), list.end()), summary{{summary_list.begin(), summary_list.end()}} {
    for (std::size_t i = 0; i < columns.size(); ++i) index.emplace(columns[i].path, i);
  }

  void open(const fs::path& at, std::size_t count);
  void use(std::size_t episode);
  void require_open() const;
  Episode& at(std::size_t episode);
  std::size_t column(std::string_view name) const;
  void append(std::size_t episode, std::string_view name, std::span<const double> values);
  void append_text(std::size_t episode, std::string_view name, std::string_view text);
  void set(std::size_t episode, std::string_view name, std::span<const double> values);
  void copy_rows(const RunReader& from, std::size_t episode, const Committed& cut);
  void copy_summary(const RunReader& from, std::uint64_t rows);
  void commit_rows(std::size_t episode);
  static void write_waiting(const std::vector<Column>& columns, std::vector<Series>& series);
  void summarise(std::span<const double> row);
  void write_summary();
  void count_summary();
  void commit_summary();
  std::uint64_t agreed(std::size_t episode, Rows kind) const;
  Committed count(std::size_t episode) const;
  void write_status(RunStatus value);
  void close();
  void abandon();

  /// Runs what touches the disk. A refusal becomes a RunError and ends all writing: what follows could otherwise be counted
  /// without being there.
  template <class F>
  void writing(const std::string& where, F&& body) {
    const h5::Session session;
    try {
      body();
    } catch (const h5::Failure& e) {
      failure = fmt::format("{}: {}{}{}", path.string(), where, where.empty() ? "" : ": ", e.what());
      abandon();
      throw RunError(failure);
    }
  }
};

/// `at`: where the file is now. It gets its name only while it is open here: a reader that came between would keep the writer out.
void RunWriter::Parts::open(const fs::path& at, std::size_t count_of_episodes) {
  file = h5::open_to_append(at);
  status = h5::open_dataset(file, kStatus);
  commit = h5::open_dataset(file, kCommit);
  for (std::size_t e = 0; e < count_of_episodes; ++e) {
    Episode& episode = episodes.emplace_back();
    episode.group = h5::open_group(file, episode_name(e));
    episode.series.resize(columns.size());
    const auto counted = h5::read_counter(episode.group, kCommit, 3);
    episode.committed = {counted[0], counted[1], counted[2]};
    for (std::size_t i = 0; i < columns.size(); ++i) episode.series[i].written = counted_rows(columns[i].rows, episode.committed);
  }
  if (summary.columns.empty()) return;
  const h5::Handle group = h5::open_group(file, kSummary);
  summary.commit = h5::open_dataset(group, kCommit);
  summary.committed = h5::read_counter(group, kCommit, 1)[0];
  for (const Column& c : summary.columns) summary.series.push_back({h5::open_dataset(group, c.path), summary.committed});
}

/// Opens the datasets of an episode and closes those that have long not been written: a flush visits every open one.
void RunWriter::Parts::use(std::size_t episode) {
  if (const auto it = std::find(in_use.begin(), in_use.end(), episode); it != in_use.end()) {
    std::rotate(it, it + 1, in_use.end());
    return;
  }
  if (in_use.size() == kEpisodesInUse) {
    for (Series& s : episodes[in_use.front()].series) s.dataset.close();
    in_use.erase(in_use.begin());
  }
  Episode& e = episodes[episode];
  for (std::size_t i = 0; i < columns.size(); ++i) e.series[i].dataset = h5::open_dataset(e.group, columns[i].path);
  in_use.push_back(episode);
}

void RunWriter::Parts::require_open() const {
  if (!failure.empty()) throw RunError(failure + " (nothing is written since)");
  FADER_CHECK(file >= 0, "{} is closed", path.string());
}

RunWriter::Parts::Episode& RunWriter::Parts::at(std::size_t episode) {
  require_open();
  FADER_CHECK(episode < episodes.size(), "episode {} of {}", episode, episodes.size());
  return episodes[episode];
}

std::size_t RunWriter::Parts::column(std::string_view name) const {
  const auto it = index.find(name);
  if (it != index.end()) return it->second;
  std::vector<std::string> known;
  for (const Column& c : columns) known.push_back(c.path);
  throw Defect(fmt::format("no column '{}' in {}{}", name, path.string(), suggestion(name, known)));
}

void RunWriter::Parts::append(std::size_t episode, std::string_view name, std::span<const double> values) {
  Episode& e = at(episode);
  const std::size_t i = column(name);
  const Column& c = columns[i];
  FADER_CHECK(c.rows != Rows::once && c.rows != Rows::constant, "{} does not grow", c.path);
  FADER_CHECK(c.type != Type::text, "{} is a column of texts", c.path);
  FADER_CHECK(values.size() == c.size, "{} takes {} numbers a row, not {}", c.path, c.size, values.size());
  for (const double v : values) encode(c, v, e.series[i].bytes);
  ++e.series[i].waiting;
}

void RunWriter::Parts::append_text(std::size_t episode, std::string_view name, std::string_view text) {
  Episode& e = at(episode);
  const std::size_t i = column(name);
  FADER_CHECK(columns[i].type == Type::text, "{} is not a column of texts", name);
  encode(columns[i], text, e.series[i].bytes);
  ++e.series[i].waiting;
}

void RunWriter::Parts::set(std::size_t episode, std::string_view name, std::span<const double> values) {
  Episode& e = at(episode);
  const std::size_t i = column(name);
  const Column& c = columns[i];
  FADER_CHECK(c.rows == Rows::once, "{} is not a column of one row", c.path);
  FADER_CHECK(c.type != Type::text, "{} is a column of texts", c.path);
  FADER_CHECK(values.size() == c.size, "{} takes {} numbers, not {}", c.path, c.size, values.size());
  std::string bytes;
  for (const double v : values) encode(c, v, bytes);
  writing(episode_name(episode), [&] {
    use(episode);
    h5::append_rows(e.series[i].dataset, c, 0, 1, bytes.data());
  });
}

/// The number of rows that all columns of a kind have; the odd one out is named.
std::uint64_t RunWriter::Parts::agreed(std::size_t episode, Rows kind) const {
  const Episode& e = episodes[episode];
  const auto total = [&](std::size_t i) { return e.series[i].written + e.series[i].waiting; };
  std::map<std::uint64_t, std::size_t> votes;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].rows == kind) ++votes[total(i)];
  if (votes.empty()) return 0;
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  const std::uint64_t common = std::max_element(votes.begin(), votes.end(), fewer)->first;
  for (std::size_t i = 0; i < columns.size(); ++i)
    FADER_CHECK(columns[i].rows != kind || total(i) == common, "{}/{} has {} rows, the other {} columns have {}",
                episode_name(episode), columns[i].path, total(i), h5::name_of(kind), common);
  return common;
}

Committed RunWriter::Parts::count(std::size_t episode) const {
  const auto has = [&](Rows kind) {
    return std::any_of(columns.begin(), columns.end(), [&](const Column& c) { return c.rows == kind; });
  };
  const std::uint64_t plus = agreed(episode, Rows::interval_plus);
  Committed out{agreed(episode, Rows::interval), agreed(episode, Rows::step), agreed(episode, Rows::event)};
  if (!has(Rows::interval) && plus > 0) out.intervals = plus - 1;
  FADER_CHECK(!has(Rows::interval_plus) || plus == out.intervals + 1 || (plus == 0 && out.intervals == 0),
              "{}: columns that include the reset (observations, infos) have {} rows, the interval columns {}", episode_name(episode),
              plus, out.intervals);
  return out;
}

void RunWriter::Parts::write_waiting(const std::vector<Column>& columns, std::vector<Series>& series) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Series& s = series[i];
    if (s.waiting == 0) continue;
    h5::append_rows(s.dataset, columns[i], s.written, s.waiting, s.bytes.data());
    s.written += s.waiting;
    s.waiting = 0;
    s.bytes.clear();
  }
}

void RunWriter::Parts::commit_rows(std::size_t episode) {
  Episode& e = at(episode);
  const Committed next = count(episode);
  write_summary();
  writing(episode_name(episode), [&] {
    use(episode);
    write_waiting(columns, e.series);
    h5::flush(file);
    const std::uint64_t here[3] = {next.intervals, next.steps, next.events};
    const h5::Handle counter = h5::open_dataset(e.group, kCommit);
    h5::write_counter(counter, here, false);
    e.committed = next;
    std::uint64_t all[3] = {};
    for (const Episode& x : episodes) {
      all[0] += x.committed.intervals;
      all[1] += x.committed.steps;
      all[2] += x.committed.events;
    }
    h5::write_counter(commit, all, false);
  });
  count_summary();
}

void RunWriter::Parts::summarise(std::span<const double> row) {
  require_open();
  FADER_CHECK(row.size() == summary.columns.size() && !row.empty(), "the summary takes {} numbers a row, not {}", summary.columns.size(),
              row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    encode(summary.columns[i], row[i], summary.series[i].bytes);
    ++summary.series[i].waiting;
  }
  if (summary.series.front().waiting >= kSummaryBatch) commit_summary();
}

void RunWriter::Parts::write_summary() {
  if (!summary.columns.empty()) writing(kSummary, [&] { write_waiting(summary.columns, summary.series); });
}

/// After a flush.
void RunWriter::Parts::count_summary() {
  if (summary.columns.empty() || summary.series.front().written == summary.committed) return;
  writing(kSummary, [&] {
    const std::uint64_t rows = summary.series.front().written;
    h5::write_counter(summary.commit, &rows, false);
    summary.committed = rows;
  });
}

void RunWriter::Parts::commit_summary() {
  require_open();
  write_summary();
  writing("", [&] { h5::flush(file); });
  count_summary();
}

void RunWriter::Parts::copy_rows(const RunReader& from, std::size_t episode, const Committed& cut) {
  const Committed there = from.committed(episode);
  if (cut.intervals > there.intervals || cut.steps > there.steps || cut.events > there.events)
    throw DataError(fmt::format("{}: {} holds {} intervals, {} steps and {} events, less than the {}, {} and {} to go on from",
                                path.string(), episode_name(episode), there.intervals, there.steps, there.events, cut.intervals,
                                cut.steps, cut.events));
  for (const Column& c : columns) {
    const std::uint64_t n = counted_rows(c.rows, cut);
    // what is written once comes with the last interval; events after it undo nothing
    if (c.rows == Rows::constant || (c.rows == Rows::once && cut.intervals != there.intervals)) continue;
    if (c.type == Type::text) {
      const auto texts = from.read_text(episode, c.path);
      for (std::uint64_t i = 0; i < n; ++i) append_text(episode, c.path, texts[i]);
      continue;
    }
    const auto values = from.read(episode, c.path);
    if (c.rows == Rows::once) {
      set(episode, c.path, values);
    } else {
      for (std::uint64_t i = 0; i < n; ++i) append(episode, c.path, std::span(values).subspan(i * c.size, c.size));
    }
  }
  commit_rows(episode);
}

void RunWriter::Parts::copy_summary(const RunReader& from, std::uint64_t rows) {
  if (rows > from.summary_rows())
    throw DataError(fmt::format("{}: the summary holds {} episodes, less than the {} to go on from", path.string(), from.summary_rows(), rows));
  for (std::size_t i = 0; i < summary.columns.size(); ++i) {
    const auto values = from.summary(summary.columns[i].path);
    for (std::uint64_t r = 0; r < rows; ++r) encode(summary.columns[i], values[r], summary.series[i].bytes);
    summary.series[i].waiting = rows;
  }
  commit_summary();
}

void RunWriter::Parts::write_status(RunStatus value) {
  commit_summary();  // which flushes: final values are there before the file says that it is complete
  writing("status", [&] { h5::write_counter(status, &value, true); });
}

void RunWriter::Parts::close() {
  if (file < 0) return;
  writing("", [&] {
    h5::flush(file);  // so that what can fail fails while the file still says that it is being written
    episodes.clear();
    summary.series.clear();
    summary.commit.close();
    commit.close();
    status.close();
    file.close();
  });
}

/// Lets go without closing. Closing a file that could not be written marks it as whole, and then its missing end makes it
/// unreadable; left alone it is as a killed writer leaves it, which readers understand.
void RunWriter::Parts::abandon() {
  static auto& left = *new std::vector<h5::Handle>;
  for (Episode& e : episodes) {
    left.push_back(std::move(e.group));
    for (Series& s : e.series) left.push_back(std::move(s.dataset));
  }
  episodes.clear();
  for (Series& s : summary.series) left.push_back(std::move(s.dataset));
  for (h5::Handle* handle : {&summary.commit, &status, &commit, &file}) left.push_back(std::move(*handle));
}

RunWriter::RunWriter(const fs::path& file, const Attributes& root, std::span<const Attributes> episodes,
                     std::span<const Column> columns, std::span<const Column> summary)
    : parts_(std::make_unique<Parts>(file, columns, summary)) {
  check_columns(columns, false);
  check_columns(summary, true);
  parts_->writing("", [&] {
    AtomicFile whole(file);
    make_objects(whole.path(), root, episodes, columns, summary);
    parts_->open(whole.path(), episodes.size());
    whole.commit();
  });
}

RunWriter::RunWriter(const fs::path& file, std::span<const Committed> cut, std::uint64_t summary_rows) {
  const h5::Session session;
  const RunReader old(file);
  std::vector<Attributes> episodes;
  for (std::size_t e = 0; e < old.episodes(); ++e) episodes.push_back(old.episode(e));
  FADER_CHECK_EQ(cut.size(), episodes.size());
  AtomicFile whole(file);
  Parts copy(whole.path(), old.columns(), old.summary_columns());
  copy.writing("", [&] {
    make_objects(whole.path(), old.root(), episodes, old.columns(), old.summary_columns());
    copy.open(whole.path(), episodes.size());
  });
  for (std::size_t e = 0; e < cut.size(); ++e) copy.copy_rows(old, e, cut[e]);
  copy.copy_summary(old, summary_rows);
  copy.close();  // so that what is synced now is whole
  parts_ = std::make_unique<Parts>(file, old.columns(), old.summary_columns());
  parts_->writing("", [&] { parts_->open(whole.path(), episodes.size()); });
  whole.commit();
}

RunWriter::RunWriter(RunWriter&&) noexcept = default;
RunWriter::~RunWriter() {
  try {
    if (parts_) parts_->close();
  } catch (const std::exception&) {  // whoever wants to know calls close()
  }
}

void RunWriter::append(std::size_t episode, std::string_view path, std::span<const double> values) {
  parts_->append(episode, path, values);
}
void RunWriter::set(std::size_t episode, std::string_view path, std::span<const double> values) {
  parts_->set(episode, path, values);
}
void RunWriter::commit(std::size_t episode) { parts_->commit_rows(episode); }
Committed RunWriter::committed(std::size_t episode) const { return parts_->at(episode).committed; }
void RunWriter::summarise(std::span<const double> row) { parts_->summarise(row); }
void RunWriter::commit_summary() { parts_->commit_summary(); }
std::uint64_t RunWriter::summary_rows() const { return parts_->summary.committed; }
void RunWriter::status(RunStatus status) { parts_->write_status(status); }
void RunWriter::close() { parts_->close(); }

void RunWriter::event(std::size_t episode, std::int64_t interval, std::string_view kind, std::string_view text) {
  parts_->append(episode, "events/interval", std::vector{static_cast<double>(interval)});
  parts_->append_text(episode, "events/kind", kind);
  parts_->append_text(episode, "events/text", text);
}

std::string hdf5_version() {
  const h5::Session session;
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace fader

#include "store/remains.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <set>

#include "core/error.h"
#include "store/hdf5.h"
#include "store/layout.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

using Counts = std::array<std::uint64_t, 3>;
constexpr std::array kCounted = {Rows::interval, Rows::step, Rows::event};
constexpr int kMostDepth = 8;                                        // of groups in groups
constexpr std::uint64_t kMostPadding = std::uint64_t{1} << 40;       // of a file that was cut short
constexpr unsigned kReadAttempts = 6;  // of what has a wrong checksum: a damaged file has much of that, and each pause is long
constexpr std::size_t kMostEpisodes = 1'000'000, kMostObjects = 1'000'000;

/// What a file says of itself in its first bytes; the library is not asked.
struct Beginning {
  std::uint64_t size = 0, end = 0;  ///< bytes that are there and that should be
  bool open = false;                ///< by a writer at work, or by one that was killed; `end` then means nothing
};

Beginning beginning_of(const fs::path& path) {
  const auto fail = [&](const char* what) { throw DataError(fmt::format("{}: {}", path.string(), what)); };
  std::error_code error;
  const auto kind = fs::status(path, error).type();
  if (kind == fs::file_type::not_found) fail("there is no such file");
  if (kind != fs::file_type::regular) fail("is not a file");
  unsigned char bytes[48] = {};
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(bytes), sizeof bytes);
  static constexpr unsigned char kSignature[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  if (std::memcmp(bytes, kSignature, sizeof kSignature) != 0) fail("is not an HDF5 file, or cannot be read");
  Beginning out;
  out.size = fs::file_size(path, error);
  const bool known = (bytes[8] == 2 || bytes[8] == 3) && bytes[9] == 8;  // the superblock's version; bytes of an address
  for (int i = 7; known && i >= 0; --i) out.end = out.end << 8 | bytes[28 + i];
  out.open = known && (bytes[11] & 5) != 0;  // 1: by a writer, 4: by one with readers beside it
  if (!known) out.end = out.size;
  return out;
}

}  // namespace

struct Remains::Parts {
  fs::path path, padded;
  Beginning beginning;
  h5::Handle file;
  std::vector<std::string> problems;
  Attributes root;
  RunStatus status = RunStatus::running;
  std::vector<Column> columns;
  std::vector<Episode> episodes;
  std::vector<h5::Handle> groups;                       ///< of the episodes; closed before the file
  std::optional<Counts> all;                            ///< /commit
  std::vector<std::optional<Counts>> counts;            ///< of the episodes
  std::vector<std::set<std::string>> paths;             ///< datasets that the episodes list
  std::set<std::string> described;                      ///< paths of the columns
  std::size_t objects = 0;                              ///< listed so far
  std::vector<std::vector<std::uint64_t>> extent{};     ///< rows that they claim, one a column
  bool has_summary = false;
  h5::Handle summary_group;
  Summary summary;

  ~Parts() {
    groups.clear();
    summary_group = h5::Handle();
    file = h5::Handle();
    std::error_code ignored;
    if (!padded.empty()) fs::remove(padded, ignored);
  }

  /// Bytes that are there now: more than at the beginning while a writer is at work.
  std::uint64_t size() const {
    std::error_code error;
    const std::uint64_t now = beginning.open ? fs::file_size(path, error) : beginning.size;
    return error ? beginning.size : now;
  }
  [[noreturn]] void fail(const std::string& what) const { throw DataError(fmt::format("{}: {}", path.string(), what)); }
  void note(const std::string& what) { problems.push_back(what); }
  /// Runs `body`; what it fails with is a problem of `where`.
  template <class F>
  bool attempt(const std::string& where, F body) {
    try {
      body();
      return true;
    } catch (const h5::Failure& e) {
      note(where.empty() ? e.what() : where + ": " + e.what());
      return false;
    }
  }

  void open(const fs::path& copy);
  void read_root();
  void find_episodes();
  /// A group with datasets: an episode, or the summary.
  struct Place {
    std::string name;
    std::vector<Column>& columns;      ///< described so far, here or in another episode
    std::set<std::string>& described;  ///< their paths
    std::set<std::string>& paths;      ///< datasets that are here
  };
  void list(const Place& in, hid_t group, const std::string& prefix, int depth);
  void measure(std::size_t e, std::size_t c);
  std::uint64_t sound_rows(hid_t dataset, const Column& c) const;
  void read_summary();
  void require_rows(const std::string& where, std::uint64_t claimed, std::uint64_t sound, std::uint64_t rows);
  void read_constants();
  void compare_rows(std::size_t e);
  void compare_counts();
  void believe(std::size_t kind);
  std::string raw(hid_t group, const std::string& name, const Column& c, std::uint64_t rows) const;
  std::optional<std::uint64_t> least(std::size_t e, Rows kind, bool sound) const;
  std::uint64_t limit(std::size_t e, std::size_t kind) const;
};

void Remains::Parts::open(const fs::path& copy) {
  beginning = beginning_of(path);
  const auto [size, end, open] = beginning;
  fs::path there = path;
  if (!open && end > size) {
    note(fmt::format("is cut short: {} of {} bytes are there", size, end));
    if (copy.empty() || end - size > kMostPadding) fail(problems.back());
    padded = there = copy;
    std::error_code error;
    if (fs::copy_file(path, copy, error); !error) fs::resize_file(copy, end, error);
    if (error) throw RunError(fmt::format("{}: cannot be copied: {}", copy.string(), error.message()));
  }
  if (!open && end < size) note(fmt::format("{} bytes follow its end", size - end));
  try {
    file = h5::open_to_read(there, kReadAttempts);
  } catch (const h5::Failure& e) {
    fail(e.what());
  }
}

void Remains::Parts::read_root() {
  std::vector<std::string> lost;
  attempt("", [&] { root = h5::read_attributes(file, beginning.size, &lost); });
  if (const std::string why = schema_refusal(root); !why.empty()) fail(lost.empty() ? why : lost.front());
  for (const std::string& what : lost) note(what);
  attempt("", [&] {
    const std::uint64_t state = h5::read_counter(file, kStatus, 1)[0];
    if (state > 2) note(fmt::format("has status {}, 0 to 2 are known", state));
    else status = static_cast<RunStatus>(state);
  });
  attempt("", [&] {
    const auto counted = h5::read_counter(file, kCommit, 3);
    all = Counts{counted[0], counted[1], counted[2]};
  });
}

void Remains::Parts::find_episodes() {
  std::vector<std::string> names;
  attempt("", [&] { names = h5::members(h5::open_group(file, "/"), &problems); });
  std::size_t count = 0;
  for (const std::string& name : names) {
    std::size_t i = 0;
    has_summary = has_summary || name == kSummary;
    if (!name.starts_with("episode_")) continue;
    std::from_chars(name.data() + 8, name.data() + name.size(), i);
    if (i < kMostEpisodes && name == episode_name(i)) count = std::max(count, i + 1);
  }
  if (count == 0) fail(problems.empty() ? "has no episodes" : problems.back());
  episodes.resize(count);
  groups.resize(count);
  counts.resize(count);
  paths.resize(count);
  for (std::size_t e = 0; e < count; ++e) {
    const std::string name = episode_name(e);
    episodes[e].lost = !attempt(name, [&] { groups[e] = h5::open_group(file, name); });
    if (episodes[e].lost) continue;
    attempt(name, [&] {
      const auto c = h5::read_counter(groups[e], kCommit, 3);
      counts[e] = Counts{c[0], c[1], c[2]};
    });
    std::vector<std::string> lost;
    attempt(name, [&] { episodes[e].attributes = h5::read_attributes(groups[e], beginning.size, &lost); });
    for (const std::string& what : lost) note(name + ": " + what);
  }
}

/// Notes the datasets of a place and takes up the columns that it is the first to describe, in the order in which they were made.
void Remains::Parts::list(const Place& in, hid_t group, const std::string& prefix, int depth) {
  if (depth > kMostDepth) fail(fmt::format("groups are nested deeper than {} at '{}/{}'", kMostDepth, in.name, prefix));
  std::vector<std::string> lost;
  for (const std::string& name : h5::members(group, &lost)) {
    if (++objects > kMostObjects) fail(fmt::format("has more than {} objects", kMostObjects));
    const std::string path_here = prefix.empty() ? name : prefix + "/" + name;
    attempt(in.name + "/" + path_here, [&] {
      if (h5::is_group(group, name)) return list(in, h5::open_group(group, name), path_here, depth + 1);
      if (path_here == kCommit || !in.paths.insert(path_here).second) return;
      if (in.described.count(path_here) > 0) return;
      Column c = h5::read_column(h5::open_dataset(group, name), path_here, beginning.size);
      if (const std::string why = misplaced(c, in.name == kSummary); !why.empty()) throw h5::Failure(why);
      in.columns.push_back(std::move(c));
      in.described.insert(path_here);
    });
  }
  for (const std::string& what : lost) note(fmt::format("{}{}{}: {}", in.name, prefix.empty() ? "" : "/", prefix, what));
}

/// How many rows of a column are there, and whether these are all that were committed.
void Remains::Parts::measure(std::size_t e, std::size_t i) {
  const Column& c = columns[i];
  const std::string where = episode_name(e) + "/" + c.path;
  if (paths[e].count(c.path) == 0) return note(where + ": is missing");
  attempt(where, [&] {
    const h5::Handle dataset = h5::open_dataset(groups[e], c.path);
    const Column found = h5::read_shape(dataset, c.path, beginning.size);
    if (found.type != c.type || found.size != c.size || found.scalar != c.scalar)
      throw h5::Failure("is not like the one in another episode");
    extent[e][i] = h5::rows(dataset);
    episodes[e].sound[i] = sound_rows(dataset, c);
  });
}

std::uint64_t Remains::Parts::sound_rows(hid_t dataset, const Column& c) const {
  const std::uint64_t bytes = size(), most = bytes / std::max<std::size_t>(h5::row_bytes(c), 1);
  return h5::sound_rows(dataset, c, std::min(h5::rows(dataset), most), bytes);
}

/// Its columns, how much of them is there, and how many rows to believe: what the counter says, as far as all columns have them.
void Remains::Parts::read_summary() {
  if (!has_summary) return;
  summary.lost = !attempt(kSummary, [&] { summary_group = h5::open_group(file, kSummary); });
  if (summary.lost) return;
  std::optional<std::uint64_t> counter;
  std::set<std::string> described_here, found;
  attempt(kSummary, [&] { counter = h5::read_counter(summary_group, kCommit, 1)[0]; });
  attempt(kSummary, [&] { list({kSummary, summary.columns, described_here, found}, summary_group, "", 0); });
  summary.lost = summary.columns.empty();
  if (summary.lost) return note(fmt::format("{} has no datasets", kSummary));
  std::vector<std::uint64_t> claimed(summary.columns.size()), sound(claimed.size());
  for (std::size_t i = 0; i < claimed.size(); ++i)
    attempt(fmt::format("{}/{}", kSummary, summary.columns[i].path), [&] {
      const h5::Handle dataset = h5::open_dataset(summary_group, summary.columns[i].path);
      claimed[i] = h5::rows(dataset);
      sound[i] = sound_rows(dataset, summary.columns[i]);
    });
  const std::uint64_t most = *std::max_element(claimed.begin(), claimed.end());
  summary.counted = std::min(counter.value_or(most), most);
  summary.committed = std::min(summary.counted, *std::min_element(sound.begin(), sound.end()));
  if (counter && *counter > most) note(fmt::format("{}/commit counts {} rows, and no dataset has more than {}", kSummary, *counter, most));
  for (std::size_t i = 0; i < claimed.size(); ++i)
    require_rows(fmt::format("{}/{}", kSummary, summary.columns[i].path), claimed[i], sound[i], summary.counted);
}

/// Notes what a dataset lacks of the rows that were committed.
void Remains::Parts::require_rows(const std::string& where, std::uint64_t claimed, std::uint64_t sound, std::uint64_t rows) {
  if (sound >= rows) return;
  if (claimed < rows) note(fmt::format("{} has {} rows, and {} were committed", where, claimed, rows));
  else note(fmt::format("{}: row {} cannot be read, and {} were committed", where, sound, rows));
}

void Remains::Parts::read_constants() {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Column& c = columns[i];
    if (c.rows != Rows::constant) continue;
    for (std::size_t e = 0; e < episodes.size(); ++e) {
      if (episodes[e].sound[i] == 0 || episodes[e].sound[i] < extent[e][i]) continue;
      const std::string bytes = raw(groups[e], episode_name(e), c, episodes[e].sound[i]);
      if (c.type == Type::text) c.text = decode_texts(bytes, c.size);
      else c.value = decode_numbers(bytes, c.type);
      break;
    }
  }
}

std::string Remains::Parts::raw(hid_t group, const std::string& name, const Column& c, std::uint64_t rows) const {
  std::string out(rows * h5::row_bytes(c), '\0');
  try {
    if (rows > 0) h5::read_rows(h5::open_dataset(group, c.path), c, 0, rows, out.data());
  } catch (const h5::Failure& failure) {
    fail(fmt::format("{}/{}: {}", name, c.path, failure.what()));
  }
  return out;
}

/// The least number of rows (sound ones, or claimed ones) that the columns counted by `kind` have, in rows of that kind.
std::optional<std::uint64_t> Remains::Parts::least(std::size_t e, Rows kind, bool sound) const {
  std::optional<std::uint64_t> out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool reset = kind == Rows::interval && columns[i].rows == Rows::interval_plus;
    if (columns[i].rows != kind && !reset) continue;
    const std::uint64_t there = sound ? episodes[e].sound[i] : extent[e][i];
    const std::uint64_t rows = reset && there > 0 ? there - 1 : there;
    out = std::min(out.value_or(rows), rows);
  }
  return out;
}

/// What an episode's counter can be at most.
std::uint64_t Remains::Parts::limit(std::size_t e, std::size_t kind) const { return least(e, kCounted[kind], true).value_or(0); }

/// Datasets against the counters of their episode. A counter beyond all of them is one problem, not one for each.
void Remains::Parts::compare_rows(std::size_t e) {
  if (!counts[e]) return;
  for (std::size_t k = 0; k < kCounted.size(); ++k) {
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].rows == kCounted[k]) most = std::max(most, extent[e][i]);
    if ((*counts[e])[k] <= most || most == 0) continue;
    return note(fmt::format("{}/commit counts {} {} rows, and no dataset has more than {}", episode_name(e), (*counts[e])[k],
                            h5::name_of(kCounted[k]), most));
  }
  const Committed committed{(*counts[e])[0], (*counts[e])[1], (*counts[e])[2]};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::uint64_t rows = columns[i].rows == Rows::constant ? extent[e][i] : counted_rows(columns[i].rows, committed);
    if (paths[e].count(columns[i].path) == 0) continue;
    require_rows(episode_name(e) + "/" + columns[i].path, extent[e][i], episodes[e].sound[i], rows);
  }
}

/// A writer that was killed between the two leaves the sum at the root behind, never ahead.
void Remains::Parts::compare_counts() {
  for (std::size_t k = 0; all && k < kCounted.size(); ++k) {
    std::uint64_t sum = 0;
    for (const auto& c : counts) sum = std::min(kMostRows, sum + (c ? std::min((*c)[k], kMostRows) : 0));
    if (sum < (*all)[k] || (sum > (*all)[k] && !beginning.open))
      note(fmt::format("/commit counts {} {} rows, the episodes together {}", (*all)[k], h5::name_of(kCounted[k]), sum));
  }
}

/// Which counters of a kind to go by. Those of the episodes and their sum at the root are written one after the other, so one that
/// was damaged alone shows, and the sum tells what it was.
void Remains::Parts::believe(std::size_t kind) {
  const std::size_t n = episodes.size();
  std::vector<std::uint64_t> believed(n);
  std::uint64_t counted = 0;
  bool known = all.has_value();
  for (std::size_t e = 0; e < n; ++e) {
    known = known && counts[e] && (*counts[e])[kind] <= kMostRows;
    if (known) counted += (*counts[e])[kind];
  }
  const bool agree = known && counted == (*all)[kind];
  std::uint64_t sum = 0;
  for (std::size_t e = 0; e < n; ++e) {
    believed[e] = agree ? (*counts[e])[kind] : counts[e] ? std::min((*counts[e])[kind], limit(e, kind)) : 0;
    sum += believed[e];
  }
  for (std::size_t e = 0; e < n && !agree; ++e) {
    const bool nothing = !all && !counts[e];  // no counter at all: the datasets
    const std::uint64_t more = nothing ? limit(e, kind) : all && (*all)[kind] > sum ? (*all)[kind] - sum : 0;
    const std::uint64_t added = std::min(more, limit(e, kind) - std::min(limit(e, kind), believed[e]));
    believed[e] += added;
    sum += added;
  }
  for (std::size_t e = 0; e < n; ++e) {
    Committed& c = episodes[e].committed;
    (kind == 0 ? c.intervals : kind == 1 ? c.steps : c.events) = believed[e];
  }
}

Remains::Remains(const fs::path& file, const fs::path& padded) : parts_(std::make_unique<Parts>()) {
  const h5::Session session;
  Parts& p = *parts_;
  p.path = file;
  p.open(padded);
  p.read_root();
  p.find_episodes();
  for (std::size_t e = 0; e < p.episodes.size(); ++e)
    if (!p.episodes[e].lost) p.attempt(episode_name(e), [&] { p.list({episode_name(e), p.columns, p.described, p.paths[e]}, p.groups[e], "", 0); });
  if (p.columns.empty()) p.fail(p.problems.empty() ? "has no datasets" : p.problems.front());
  p.extent.assign(p.episodes.size(), std::vector<std::uint64_t>(p.columns.size()));
  for (std::size_t e = 0; e < p.episodes.size(); ++e) {
    p.episodes[e].sound.assign(p.columns.size(), 0);
    for (std::size_t c = 0; c < p.columns.size() && !p.episodes[e].lost; ++c) p.measure(e, c);
  }
  p.read_constants();
  p.read_summary();
  for (std::size_t e = 0; e < p.episodes.size(); ++e) p.compare_rows(e);
  p.compare_counts();
  for (std::size_t k = 0; k < kCounted.size(); ++k) p.believe(k);
}
Remains::~Remains() = default;
Remains::Remains(Remains&&) noexcept = default;

const std::vector<std::string>& Remains::problems() const { return parts_->problems; }
bool Remains::closed() const { return !parts_->beginning.open; }
const Attributes& Remains::root() const { return parts_->root; }
RunStatus Remains::status() const { return parts_->status; }
const std::vector<Column>& Remains::columns() const { return parts_->columns; }
const std::vector<Remains::Episode>& Remains::episodes() const { return parts_->episodes; }
std::string Remains::raw(std::size_t episode, std::size_t column, std::uint64_t rows) const {
  const h5::Session session;
  return parts_->raw(parts_->groups.at(episode), episode_name(episode), parts_->columns.at(column), rows);
}
const Remains::Summary& Remains::summary() const { return parts_->summary; }
std::string Remains::summary_raw(std::size_t column, std::uint64_t rows) const {
  const h5::Session session;
  return parts_->raw(parts_->summary_group, kSummary, parts_->summary.columns.at(column), rows);
}
std::optional<std::uint64_t> Remains::sound(std::size_t episode, Rows kind) const { return parts_->least(episode, kind, true); }

}  // namespace fader

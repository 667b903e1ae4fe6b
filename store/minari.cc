#include "store/minari.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "store/hdf5.h"
#include "store/layout.h"
#include "store/remains.h"

namespace fader {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr const char* kMinariVersion = "0.5.0";  // read by all of 0.5
constexpr double kLeastBound = 4;

std::string text_of(const Attributes& attributes, const std::string& name) {
  const auto it = attributes.find(name);
  const auto* text = it == attributes.end() ? nullptr : std::get_if<std::string>(&it->second);
  return text ? *text : "";
}

/// A run to be exported, and what it must have in common with the others.
struct Source {
  explicit Source(const fs::path& file) : path(file), run(file) {
    const auto fail = [&](const std::string& what) { throw DataError(fmt::format("{}: {}", file.string(), what)); };
    if (!run.problems().empty()) fail("is damaged: " + run.problems().front() + "; `tool check` says more");
    if (run.status() != RunStatus::complete) fail("the run is not complete");
    for (const char* needed : {"observations", "actions", "rewards", "terminations", "truncations"}) column(needed);
    for (std::size_t e = 0; e < run.episodes().size(); ++e)
      if (run.episodes()[e].committed.intervals == 0) fail(episode_name(e) + " has no rows");
  }
  std::size_t column(const std::string& name) const {
    const auto& columns = run.columns();
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].path == name) return i;
    throw DataError(fmt::format("{}: there is no dataset '{}'", path.string(), name));
  }
  const Column& named(const std::string& name) const { return run.columns()[column(name)]; }
  std::uint64_t rows(std::size_t e, std::size_t c) const {
    const Column& column = run.columns()[c];
    return column.rows == Rows::constant ? run.episodes()[e].sound[c] : counted_rows(column.rows, run.episodes()[e].committed);
  }
  std::string raw(std::size_t e, std::size_t c) const { return run.raw(e, c, rows(e, c)); }
  std::vector<double> numbers(std::size_t e, const std::string& name) const {
    const std::size_t c = column(name);
    return decode_numbers(raw(e, c), run.columns()[c].type);
  }
  std::string env() const { return text_of(run.episodes().front().attributes, "env"); }

  fs::path path;
  Remains run;
};

/// Data of one environment, chosen by the same agents, observed in the same way.
void require_alike(const Source& a, const Source& b) {
  const auto differ = [&](const std::string& what, const std::string& x, const std::string& y) {
    throw DataError(fmt::format("{} and {} cannot be in one dataset: {} '{}' against '{}'; export them apart", a.path.string(),
                                b.path.string(), what, x, y));
  };
  if (a.env() != b.env()) differ("environment", a.env(), b.env());
  for (const auto& [name, what] : {std::pair{"actions", "agents"}, {"observations", "observation"}}) {
    const Column &x = a.named(name), &y = b.named(name);
    if (x.size != y.size) differ(what, std::to_string(x.size) + " numbers", std::to_string(y.size));
    const auto [p, q] = std::mismatch(x.labels.begin(), x.labels.end(), y.labels.begin(), y.labels.end());
    if (p != x.labels.end() || q != y.labels.end()) differ(what, p == x.labels.end() ? "" : *p, q == y.labels.end() ? "" : *q);
  }
}

/// Root attributes of the run, those of the episode, and what Minari expects.
Attributes attributes_of_episode(const Source& source, std::size_t e, std::size_t id) {
  Attributes out = source.run.root();
  for (const auto& [name, value] : source.run.episodes()[e].attributes) out.insert_or_assign(name, value);
  const auto rewards = source.numbers(e, "rewards");
  const double n = static_cast<double>(rewards.size()), sum = std::accumulate(rewards.begin(), rewards.end(), 0.0), mean = sum / n;
  double squares = 0;
  for (const double r : rewards) squares += (r - mean) * (r - mean);
  const auto [least, most] = std::minmax_element(rewards.begin(), rewards.end());
  const Attributes minari = {{"id", static_cast<std::int64_t>(id)},
                             {"total_steps", static_cast<std::int64_t>(rewards.size())},
                             {"status", std::string("complete")},
                             {"rewards_sum", sum},
                             {"rewards_mean", mean},
                             {"rewards_std", std::sqrt(squares / n)},
                             {"rewards_max", *most},
                             {"rewards_min", *least}};
  for (const auto& [name, value] : minari) out.insert_or_assign(name, value);
  return out;
}

void write_episode(hid_t file, const Source& source, std::size_t e, std::size_t id) {
  const h5::Handle group = h5::make_group(file, episode_name(id));
  h5::write_open_attributes(group, attributes_of_episode(source, e, id));
  for (std::size_t c = 0; c < source.run.columns().size(); ++c) {
    const Column& column = source.run.columns()[c];
    const h5::Handle dataset = h5::write_packed(group, column, source.rows(e, c), source.raw(e, c));
    Attributes described = h5::attributes_of(column);
    if (column.path == "observations") described["fields"] = column.labels;
    if (column.path == "actions") described["space"] = std::string("simplex");
    h5::write_open_attributes(dataset, described);
  }
}

/// Every dataset of the episode against the run that it came from.
void compare_episode(hid_t file, const Source& source, std::size_t e, std::size_t id) {
  const h5::Handle group = h5::open_group(file, episode_name(id));
  for (std::size_t c = 0; c < source.run.columns().size(); ++c) {
    const Column& column = source.run.columns()[c];
    if (h5::read_packed(group, column, source.rows(e, c)) != source.raw(e, c))
      throw h5::Failure(fmt::format("{}/{} reads back otherwise than it was written", episode_name(id), column.path));
  }
}

json box(std::size_t size, double low, double high) {
  const std::vector<double> lows(size, low), highs(size, high);
  return {{"type", "Box"}, {"dtype", "float64"}, {"shape", {size}}, {"low", lows}, {"high", highs}};
}

/// A power of two that no observation exceeds: finite, since JSON knows no infinity, and the same for runs of much the same range, so that
/// their datasets can be combined.
double bound_of(const std::vector<Source>& sources) {
  double most = kLeastBound;
  for (const Source& source : sources)
    for (std::size_t e = 0; e < source.run.episodes().size(); ++e)
      for (const double x : source.numbers(e, "observations"))
        if (std::isfinite(x)) most = std::max(most, std::abs(x));
  return std::min(std::exp2(std::ceil(std::log2(most))), std::numeric_limits<double>::max());
}

std::string joined(const std::vector<Source>& sources, const char* attribute) {
  std::set<std::string> texts;
  for (const Source& source : sources) texts.insert(text_of(source.run.root(), attribute));
  texts.erase("");
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

/// " 64 of 3000 episodes, those that were kept in full." where some were not.
std::string kept_in_full(const std::vector<Source>& sources) {
  std::uint64_t kept = 0, played = 0;
  for (const Source& source : sources) {
    kept += source.run.episodes().size();
    played += std::max<std::uint64_t>(source.run.summary().committed, source.run.episodes().size());
  }
  return kept == played ? "" : fmt::format(" {} of {} episodes, those that were kept in full.", kept, played);
}

json metadata_of(const std::vector<Source>& sources, const MinariDataset& dataset, std::uint64_t bytes) {
  const Source& first = sources.front();
  const std::string question = joined(sources, "question");
  return {{"total_episodes", dataset.episodes},
          {"total_steps", dataset.steps},
          {"data_format", "hdf5"},
          {"jpeg_encoding", false},
          {"observation_space", box(first.named("observations").size, -bound_of(sources), bound_of(sources)).dump()},
          {"action_space", box(first.named("actions").size, 0, 1).dump()},
          {"dataset_id", dataset.id},
          {"minari_version", kMinariVersion},
          {"algorithm_name", joined(sources, "policy_name")},
          {"description", fmt::format("fader, environment {}: weights of data-selection agents, on the simplex, an action for each interval of "
                                      "a language model's pretraining.{}{}{}", first.env(), question.empty() ? "" : " ", question, kept_in_full(sources))},
          {"dataset_size", std::round(static_cast<double>(bytes) / 1e5) / 10}};
}

/// A folder under another name, which becomes `target` or goes.
class NewFolder {
 public:
  explicit NewFolder(const fs::path& target)
      : target_(target), temporary_(target.parent_path() / fmt::format(".{}.{}.part", target.filename().string(), ::getpid())) {
    make_folder(temporary_ / "data");
  }
  ~NewFolder() {
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  fs::path data() const { return temporary_ / "data"; }
  void commit() {
    for (const auto& entry : fs::directory_iterator(data())) sync_file(entry.path());
    sync_file(data());
    sync_file(temporary_);
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) != 0)
      throw RunError(fmt::format("{}: cannot be made: {}", target_.string(), std::strerror(errno)));
    sync_file(target_.parent_path());
  }

 private:
  fs::path target_, temporary_;
};

std::string default_id(const std::vector<Source>& sources) {
  std::string name = text_of(sources.front().run.root(), "experiment");
  for (const Source& source : sources)
    if (text_of(source.run.root(), "experiment") != name)
      throw ConfigError(fmt::format("{} and {} are of different experiments ('{}', '{}'); name the dataset with --id", sources.front().path.string(),
                                    source.path.string(), name, text_of(source.run.root(), "experiment")));
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  return (name.empty() ? "run" : name) + "-v0";
}

/// Writes main_data.hdf5 and reads it back.
void write_data(const fs::path& path, const std::vector<Source>& sources, MinariDataset& dataset) {
  const h5::Session session;
  const auto all = [&](auto&& visit) {
    std::size_t id = 0;
    for (const Source& source : sources)
      for (std::size_t e = 0; e < source.run.episodes().size(); ++e) visit(source, e, id++);
  };
  try {
    h5::Handle file = h5::create_file(path);
    all([&](const Source& source, std::size_t e, std::size_t id) {
      write_episode(file, source, e, id);
      dataset.episodes = id + 1;
      dataset.steps += source.run.episodes()[e].committed.intervals;
    });
    h5::flush(file);
    file.close();
    file = h5::open_to_read(path);
    if (h5::members(h5::open_group(file, "/")).size() != dataset.episodes) throw h5::Failure("has another number of episodes than were written");
    all([&](const Source& source, std::size_t e, std::size_t id) { compare_episode(file, source, e, id); });
  } catch (const h5::Failure& e) {
    throw RunError(fmt::format("{}: {}", path.string(), e.what()));
  }
}

}  // namespace

void require_minari_id(const std::string& id) {
  const auto allowed = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; };
  const std::size_t slash = id.rfind('/'), begin = slash == std::string::npos ? 0 : slash + 1, version = id.rfind("-v");
  bool good = version != std::string::npos && version > begin && version + 2 < id.size() && id.size() - version < 10 && id.size() < 200;
  for (std::size_t i = 0; good && i < id.size(); ++i) {
    if (i >= version + 2) good = std::isdigit(static_cast<unsigned char>(id[i]));
    else if (id[i] == '/') good = i > 0 && id[i - 1] != '/';
    else good = allowed(id[i]);
  }
  if (!good || (slash != std::string::npos && slash < 2))
    throw ConfigError(fmt::format("'{}' is no name of a Minari dataset; expected NAME-v0 or SPACE/NAME-v0, of letters, digits, '_' and "
                                  "'-', with a SPACE of two characters or more", id));
}

MinariDataset export_minari(std::span<const fs::path> runs, const fs::path& out, std::string id) {
  FADER_CHECK(!runs.empty());
  std::vector<Source> sources;
  for (const fs::path& run : runs) sources.emplace_back(run);
  for (const Source& source : sources) require_alike(sources.front(), source);
  MinariDataset dataset;
  dataset.id = id.empty() ? default_id(sources) : std::move(id);
  require_minari_id(dataset.id);
  dataset.folder = out / dataset.id;
  std::error_code error;
  if (fs::exists(fs::symlink_status(dataset.folder, error)))
    throw ConfigError(fmt::format("{}: there is such a dataset already, and nothing is overwritten; choose another --id or --out",
                                  dataset.folder.string()));
  NewFolder folder(dataset.folder);
  const fs::path main = folder.data() / "main_data.hdf5";
  write_data(main, sources, dataset);
  write_atomically(folder.data() / "metadata.json", metadata_of(sources, dataset, fs::file_size(main)).dump(2) + "\n");
  folder.commit();
  return dataset;
}

}  // namespace fader
